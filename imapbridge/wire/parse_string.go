package wire

import (
	"slices"
	"unicode/utf8"
)

// quotedMax bounds a quoted string; longer ones come as literals.
const quotedMax = 64 << 10

// quoted reads a quoted string. Octets above 127 are taken as they are.
func (p *Parser) quoted() []byte {
	start := p.pos
	p.Expect('"')
	var out []byte
	for p.err == nil {
		if p.pos >= len(p.text) {
			p.failAt(start, "quoted string is not closed")
			return nil
		}
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return out
		case c == '\\':
			p.pos++
			if n := p.peek(); n != '"' && n != '\\' {
				p.expected(`'"' or '\\' behind the backslash`)
				return nil
			}
			c = p.text[p.pos]
		case c == 0 || c == '\r' || c == '\n':
			p.expected("a text character")
			return nil
		}
		if len(out) >= quotedMax {
			p.failAt(start, "quoted string is too long")
			return nil
		}
		out = append(out, c)
		p.pos++
	}
	return nil
}

// Literal reads a literal and returns its octets, which the caller may keep. binary
// says that it was announced as literal8.
func (p *Parser) Literal() (data []byte, binary bool) {
	if p.err != nil {
		return nil, false
	}
	start := p.pos
	if p.Accept('~') {
		binary = true
	}
	p.Expect('{')
	p.run(isDigit)
	if !p.Accept('+') {
		p.Accept('-')
	}
	p.Expect('}')
	if p.err != nil {
		return nil, false
	}
	for p.next < len(p.literals) && p.literals[p.next].at < p.pos {
		p.next++
	}
	if p.next >= len(p.literals) || p.literals[p.next].at != p.pos {
		p.failAt(start, "a literal must end its line")
		return nil, false
	}
	l := p.literals[p.next]
	p.next++
	return l.data, binary
}

// textLiteral reads a literal that stands for a string.
func (p *Parser) textLiteral() []byte {
	start := p.pos
	data, _ := p.Literal()
	if slices.Contains(data, 0) {
		p.failAt(start, "literal holds a NUL")
		return nil
	}
	return data
}

// String reads a string: quoted or literal.
func (p *Parser) String() string {
	switch p.peek() {
	case '"':
		return string(p.quoted())
	case '{':
		return string(p.textLiteral())
	}
	p.expected("a string")
	return ""
}

// AString reads an atom or a string.
func (p *Parser) AString() string {
	switch p.peek() {
	case '"', '{':
		return p.String()
	}
	a := p.run(isAStringChar)
	if len(a) == 0 {
		p.expected("an atom or a string")
	}
	return string(a)
}

// NString reads a string or NIL, which is ok=false.
func (p *Parser) NString() (s string, ok bool) {
	switch p.peek() {
	case '"', '{':
		return p.String(), true
	}
	start := p.pos
	if upper(p.run(isAtomChar)) != "NIL" {
		p.pos = start
		p.expected("a string or NIL")
	}
	return "", false
}

// ListPattern reads the pattern of LIST, not decoded: wildcards are kept apart from
// the name's own octets by neither being lawful in modified UTF-7.
func (p *Parser) ListPattern() string {
	var s string
	switch p.peek() {
	case '"', '{':
		s = p.String()
	default:
		a := p.run(isListChar)
		if len(a) == 0 {
			p.expected("a mailbox pattern")
		}
		s = string(a)
	}
	return p.mailbox(s)
}

// Mailbox reads a mailbox name and returns it in UTF-8. A first level INBOX, in any
// case of letters, is "INBOX".
func (p *Parser) Mailbox() string {
	return CanonicalInbox(p.mailbox(p.AString()))
}

// mailbox decodes a name, or fails.
func (p *Parser) mailbox(s string) string {
	if p.err != nil {
		return ""
	}
	if p.UTF8 {
		if !utf8.ValidString(s) {
			p.Fail("mailbox name is not UTF-8")
		}
		return s
	}
	name, err := DecodeMailbox(s)
	if err != nil {
		p.Fail(err.Error())
	}
	return name
}
