package mail

import "strings"

// lexer walks over a structured field value. It never goes past the end; at the end
// peek is 0.
//
// Spec: RFC 5322, section 3.2.
type lexer struct {
	in  string
	pos int
}

func (s *lexer) end() bool { return s.pos >= len(s.in) }

func (s *lexer) peek() byte {
	if s.end() {
		return 0
	}
	return s.in[s.pos]
}

// accept steps over c if it comes next.
func (s *lexer) accept(c byte) bool {
	if !s.end() && s.in[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// blanks steps over blanks and comments.
func (s *lexer) blanks() {
	for !s.end() {
		switch c := s.in[s.pos]; {
		case isSpace(c):
			s.pos++
		case c == '(':
			s.comment()
		default:
			return
		}
	}
}

// comment steps over the comment that comes next and returns its text without the
// outer parentheses. Comments nest; one that is not closed ends at the end.
func (s *lexer) comment() string {
	s.pos++
	start, depth := s.pos, 1
	for ; !s.end(); s.pos++ {
		switch s.in[s.pos] {
		case '\\':
			if s.pos+1 < len(s.in) {
				s.pos++
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				s.pos++
				return unescape(s.in[start : s.pos-1])
			}
		}
	}
	return unescape(s.in[start:])
}

// quoted steps over the quoted string that comes next and returns what it says. One
// that is not closed ends at the end.
func (s *lexer) quoted() string {
	text, _ := s.quotedString()
	return text
}

// quotedString is quoted, and says whether the string was closed.
func (s *lexer) quotedString() (text string, closed bool) {
	s.pos++
	start := s.pos
	for ; !s.end(); s.pos++ {
		switch s.in[s.pos] {
		case '\\':
			if s.pos+1 < len(s.in) {
				s.pos++
			}
		case '"':
			s.pos++
			return unescape(s.in[start : s.pos-1]), true
		}
	}
	return unescape(s.in[start:]), false
}

// unescape takes the backslash off quoted pairs.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// until returns the text up to the first octet of stops outside of comments and
// quoted strings, or to the end. Comments are left out, quoted strings kept as they
// stand.
func (s *lexer) until(stops string) string {
	var b strings.Builder
	start := s.pos
	for !s.end() {
		c := s.in[s.pos]
		switch {
		case strings.IndexByte(stops, c) >= 0:
			b.WriteString(s.in[start:s.pos])
			return b.String()
		case c == '(':
			b.WriteString(s.in[start:s.pos])
			s.comment()
			start = s.pos
		case c == '"':
			s.quotedString()
		default:
			s.pos++
		}
	}
	b.WriteString(s.in[start:])
	return b.String()
}
