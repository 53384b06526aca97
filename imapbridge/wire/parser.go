package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Parser reads the arguments of one command.
//
// It keeps the first error and from then on reads nothing: methods return zero values,
// so that a command's parser reads straight through and asks Err once. Every loop over a
// Parser ends when More or Accept says so, which they do after an error.
type Parser struct {
	// UTF8 says that mailbox names are UTF-8 and not modified UTF-7 (RFC 6855).
	UTF8 bool

	text     []byte
	literals []literal
	pos      int
	next     int // index of the next literal
	err      *SyntaxError
}

// NewParser returns a Parser of c's arguments, standing behind the command's name.
func NewParser(c *Command) *Parser {
	return &Parser{text: c.text, literals: c.literals, pos: c.args}
}

// Err returns the first error, or nil.
func (p *Parser) Err() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// Fail makes text the error, at the present place, unless there is one already.
func (p *Parser) Fail(text string) { p.failAt(p.pos, text) }

// Failf is Fail with a format.
func (p *Parser) Failf(format string, args ...any) { p.failAt(p.pos, fmt.Sprintf(format, args...)) }

// failAt makes text the error at the place pos of the text.
func (p *Parser) failAt(pos int, text string) {
	if p.err != nil {
		return
	}
	offset := pos
	for _, l := range p.literals {
		if l.at <= pos {
			offset += len(l.data) + len("\r\n")
		}
	}
	p.err = &SyntaxError{Offset: offset, Text: text}
}

// expected fails with what should stand here, and what does.
func (p *Parser) expected(what string) {
	if p.err != nil {
		return
	}
	found := "the end of the command"
	if p.pos < len(p.text) {
		found = strconv.QuoteToASCII(string(p.text[p.pos : p.pos+1]))
		if c := p.text[p.pos]; c >= 0x80 {
			found = fmt.Sprintf("octet 0x%02x", c)
		}
	}
	p.Fail("expected " + what + ", found " + found)
}

// peek returns the next octet, or 0 at the end or after an error.
func (p *Parser) peek() byte {
	if p.err != nil || p.pos >= len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// More reports whether anything is left to read.
func (p *Parser) More() bool { return p.err == nil && p.pos < len(p.text) }

// Next reports whether the next octet is c, and reads nothing.
func (p *Parser) Next(c byte) bool { return p.More() && p.text[p.pos] == c }

// Accept reads c if it stands next.
func (p *Parser) Accept(c byte) bool {
	if !p.Next(c) {
		return false
	}
	p.pos++
	return true
}

// Expect reads c, or fails.
func (p *Parser) Expect(c byte) {
	if !p.Accept(c) {
		p.expected(strconv.QuoteRune(rune(c)))
	}
}

// SP reads the space between two arguments. More than one is taken as one.
func (p *Parser) SP() {
	if !p.Accept(' ') {
		p.expected("a space")
		return
	}
	for p.Accept(' ') {
	}
}

// End fails unless everything was read. Spaces at the end do no harm.
func (p *Parser) End() {
	for p.Accept(' ') {
	}
	if p.More() {
		p.expected("the end of the command")
	}
}

// run reads the octets that ok takes.
func (p *Parser) run(ok func(byte) bool) []byte {
	start := p.pos
	for p.More() && ok(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// Atom reads an atom.
func (p *Parser) Atom() string {
	a := p.run(isAtomChar)
	if len(a) == 0 {
		p.expected("an atom")
	}
	return string(a)
}

// Atoms reads atoms, each behind a space, to the end of the command; at least one.
func (p *Parser) Atoms() []string {
	var out []string
	for {
		p.SP()
		a := p.Atom()
		if p.err != nil {
			return nil
		}
		out = append(out, a)
		if !p.More() {
			return out
		}
	}
}

// Word reads an atom in upper case: the name of an item, a key or an option.
func (p *Parser) Word() string { return upper([]byte(p.Atom())) }

// ItemName reads the name of a FETCH item in upper case: letters, digits, "." and "-",
// so that it ends before a section's bracket.
func (p *Parser) ItemName() string {
	name := p.run(func(c byte) bool {
		return isDigit(c) || c == '.' || c == '-' || c|0x20 >= 'a' && c|0x20 <= 'z'
	})
	if len(name) == 0 {
		p.expected("the name of a data item")
	}
	return upper(name)
}

// AcceptWord reads word, in any case of letters, if it stands next as a whole atom.
func (p *Parser) AcceptWord(word string) bool {
	start := p.pos
	if strings.EqualFold(string(p.run(isAtomChar)), word) {
		return p.err == nil
	}
	p.pos = start
	return false
}

// Number reads an unsigned 32-bit number.
func (p *Parser) Number() uint32 {
	n := p.Number64()
	if n > 1<<32-1 {
		p.Fail("number is above 4294967295")
		return 0
	}
	return uint32(n)
}

// Number64 reads an unsigned 63-bit number.
func (p *Parser) Number64() uint64 {
	start := p.pos
	d := p.run(isDigit)
	if len(d) == 0 {
		p.expected("a number")
		return 0
	}
	n, err := strconv.ParseUint(string(d), 10, 63)
	if err != nil {
		p.failAt(start, "number is too large")
		return 0
	}
	return n
}

// List reads a parenthesised list, calling item at each element.
func (p *Parser) List(item func()) {
	p.Expect('(')
	for first := true; p.err == nil; first = false {
		if p.Accept(')') {
			return
		}
		if !first {
			p.SP()
			if p.Accept(')') { // a space before the brace is common enough
				return
			}
		}
		before := p.pos
		item()
		if p.err == nil && p.pos == before {
			p.expected("a list element")
		}
	}
}
