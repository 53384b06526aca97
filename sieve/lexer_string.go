package sieve

import "strings"

// quoted reads a quoted string. It may span lines; \" and \\ are its escapes, and a
// backslash before anything else is dropped.
//
// Spec: RFC 5228, section 2.4.2
func (l *lexer) quoted(t *token) {
	start := l.pos
	l.pos++
	from := l.pos // begin of what is not yet in b
	var b strings.Builder
	for {
		for l.pos < len(l.src) && byteClass[l.src[l.pos]]&endsQuoted == 0 {
			l.pos++
		}
		if l.pos == len(l.src) {
			l.ended = true
			l.report(Span{start, start + 1}, "string is not closed; expected '\"'")
			break
		}
		switch l.src[l.pos] {
		case '"':
			value := l.src[from:l.pos]
			if b.Len() > 0 {
				b.WriteString(value)
				value = b.String()
			}
			l.pos++
			l.stringToken(t, tokenString, start, value)
			return
		case '\\':
			b.WriteString(l.src[from:l.pos])
			l.pos++
			from = l.pos
			if l.pos < len(l.src) && (l.src[l.pos] == '"' || l.src[l.pos] == '\\') {
				l.pos++
			}
		case '\n':
			b.WriteString(l.src[from:l.pos])
			b.WriteByte('\r')
			from = l.pos
			l.pos++
		case '\r':
			if strings.HasPrefix(l.src[l.pos:], "\r\n") {
				l.pos += 2
				continue
			}
			l.strayCR()
			b.WriteString(l.src[from:l.pos])
			l.pos++
			from = l.pos
		case 0:
			l.strayNUL()
			b.WriteString(l.src[from:l.pos])
			l.pos++
			from = l.pos
		}
	}
	l.stringToken(t, tokenString, start, "")
}

// text reads the rest of a multi-line string, from behind text: to the dot. Every line
// is dot-unstuffed, the first included, and ends in CRLF in the value.
//
// Spec: RFC 5228, section 2.4.2 (multi-line)
func (l *lexer) text(t *token, start int) {
	for l.pos < len(l.src) && (l.src[l.pos] == ' ' || l.src[l.pos] == '\t') {
		l.pos++
	}
	if l.pos < len(l.src) && l.src[l.pos] == '#' {
		l.hashComment()
		for l.pos < len(l.src) && l.src[l.pos] == '\r' && !strings.HasPrefix(l.src[l.pos:], "\r\n") {
			l.pos++
		}
	}
	if n := lineEnd(l.src[l.pos:]); n > 0 {
		l.pos += n
	} else if l.pos < len(l.src) {
		l.report(Span{l.pos, l.pos + 1}, "expected the end of the line after \"text:\"; the string begins on the next line")
		if n := strings.IndexByte(l.src[l.pos:], '\n'); n >= 0 {
			l.pos += n + 1
		} else {
			l.pos = len(l.src)
		}
	}
	body := l.pos
	var b strings.Builder
	for l.pos < len(l.src) {
		line := l.src[l.pos:]
		end := strings.IndexByte(line, '\n')
		next := l.pos + end + 1
		if end < 0 {
			end, next = len(line), len(l.src)
		}
		line = strings.TrimSuffix(line[:end], "\r")
		if line == "." {
			l.pos++
			l.stringToken(t, tokenText, start, b.String())
			return
		}
		first := l.pos
		if strings.HasPrefix(line, "..") {
			line = line[1:] // one dot that stands alone was not stuffed
		}
		for {
			n := strings.IndexAny(line, "\r\x00")
			if n < 0 {
				break
			}
			l.pos = first + strings.IndexAny(l.src[first:], "\r\x00")
			if line[n] == 0 {
				l.strayNUL()
			} else {
				l.strayCR()
			}
			first = l.pos + 1
			b.WriteString(line[:n])
			line = line[n+1:]
		}
		b.WriteString(line)
		b.WriteString("\r\n")
		l.pos = next
	}
	l.pos, l.ended = len(l.src), true
	l.report(Span{start, min(body, start+len("text:"))}, "multi-line string is not closed; expected a line with a single dot")
	l.stringToken(t, tokenText, start, "")
}

func (l *lexer) stringToken(t *token, k tokenKind, start int, value string) {
	if len(value) > l.limits.String {
		l.report(Span{start, start + 1}, "string is too long: %d octets, at most %d are allowed", len(value), l.limits.String)
	}
	t.Span, t.kind, t.quantifier, t.text, t.number = Span{start, l.pos}, k, 0, value, 0
}

func (l *lexer) strayCR() {
	l.report(Span{l.pos, l.pos + 1}, "carriage return without line feed in a string")
}

func (l *lexer) strayNUL() {
	l.report(Span{l.pos, l.pos + 1}, "NUL is not allowed in a string")
}

// lineEnd returns the length of the line end that s begins with, 0 if there is none.
func lineEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case strings.HasPrefix(s, "\n"):
		return 1
	}
	return 0
}
