package js

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

// maxChain bounds what may follow in one statement and one pair of brackets of what makes
// the parser recurse without a bracket (signs, arrows, labels, conditions): some of it
// costs the parser time with the square of its number.
const maxChain = 1000

// scanner looks over a source before the parser, which recurses as deep as the source
// nests. It knows strings, templates, comments and, as well as that can be told without
// parsing, regular expressions; where it cannot tell it takes a slash for a division, so that
// it counts a bracket too many rather than too few.
type scanner struct {
	src    string
	pos    int
	levels []level
	chain  int
	last   byte // what the last token was: 'a' a name, a number, a text or a closing bracket; 'o' else
}

// level is an open bracket.
type level struct {
	open  byte // ( [ { or $ for a hole in a template
	chain int  // of the statement around it
}

// scan returns the offset of what nests too deeply, and the limit's error; or -1.
func scan(src string, nesting int) (int, error) {
	s := &scanner{src: src, last: 'o'}
	for s.pos < len(s.src) {
		s.token()
		if len(s.levels) > nesting {
			return s.pos - 1, &runtime.LimitError{Limit: "nesting", Max: int64(nesting)}
		}
		if s.chain > maxChain {
			return s.pos - 1, &runtime.LimitError{Limit: "nesting", Max: maxChain}
		}
	}
	return -1, nil
}

func (s *scanner) token() {
	c := s.src[s.pos]
	switch {
	case c == '"' || c == '\'':
		s.text(c)
		s.last = 'a'
	case c == '`':
		s.pos++
		s.template()
	case strings.HasPrefix(s.src[s.pos:], "//"):
		s.skipTo("\n")
	case strings.HasPrefix(s.src[s.pos:], "/*"):
		s.pos += 2
		s.skipTo("*/")
	case c == '/' && s.last == 'o' && s.regexp():
		s.last = 'a'
	case c == '(' || c == '[' || c == '{':
		s.pos++
		s.open(c)
	case c == ')' || c == ']' || c == '}':
		s.pos++
		s.close(c)
	case c == ';' || c == ',':
		s.pos++
		s.chain, s.last = 0, 'o'
	case strings.HasPrefix(s.src[s.pos:], "++") || strings.HasPrefix(s.src[s.pos:], "--"):
		s.pos += 2
		s.chain++
		s.last = 'a' // after `a++` a slash divides
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		s.pos++
	default:
		s.word()
	}
}

// word passes a name or number, or one sign.
func (s *scanner) word() {
	from := s.pos
	for s.pos < len(s.src) {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		if r != '_' && r != '$' && r != '\\' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if s.pos == from {
				s.pos += size
				if !unicode.IsSpace(r) && r != '.' {
					s.chain++
				}
				s.last = 'o'
				return
			}
			break
		}
		s.pos += size
	}
	switch s.src[from:s.pos] {
	case "if", "else", "for", "while", "do", "new", "typeof", "void", "delete", "async", "await", "yield":
		s.chain++
	}
	s.last = 'a'
}

func (s *scanner) open(c byte) {
	s.levels = append(s.levels, level{c, s.chain})
	s.chain, s.last = 0, 'o'
}

func (s *scanner) close(c byte) {
	if len(s.levels) == 0 {
		return // the parser says what is wrong
	}
	top := s.levels[len(s.levels)-1]
	s.levels = s.levels[:len(s.levels)-1]
	s.chain, s.last = top.chain, 'a'
	switch {
	case top.open == '$':
		s.template()
	case c == '}':
		s.chain = 0
	}
}

func (s *scanner) skipTo(end string) {
	if i := strings.Index(s.src[s.pos:], end); i >= 0 {
		s.pos += i + len(end)
	} else {
		s.pos = len(s.src)
	}
}

// text passes a string; it ends with its quote or with the line.
func (s *scanner) text(quote byte) {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch s.src[s.pos] {
		case '\\':
			s.pos++
		case quote:
			s.pos++
			return
		case '\n':
			return
		}
	}
}

// template passes the text of a template up to its end or its next hole.
func (s *scanner) template() {
	for ; s.pos < len(s.src); s.pos++ {
		switch {
		case s.src[s.pos] == '\\':
			s.pos++
		case s.src[s.pos] == '`':
			s.pos++
			s.last = 'a'
			return
		case strings.HasPrefix(s.src[s.pos:], "${"):
			s.pos += 2
			s.open('$')
			return
		}
	}
}

// regexp passes a regular expression, if what follows can be one.
func (s *scanner) regexp() bool {
	class := false
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '\n':
			return false
		case '/':
			if !class {
				s.pos = i + 1
				return true
			}
		}
	}
	return false
}
