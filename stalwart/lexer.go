package stalwart

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenString
	tokenName    // a name, with all of its path
	tokenDollar  // what follows a $
	tokenSymbol  // an operator or bracket
	tokenInvalid // an error
)

// token is a piece of an expression. at and end are offsets in the expression.
type token struct {
	kind    tokenKind
	text    string // of a string its content, of an operator its plain form
	at, end int
}

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenString:
		return "text"
	case tokenDollar:
		return "$" + clip(t.text)
	}
	return fmt.Sprintf("%q", clip(t.text))
}

// lexer takes an expression apart.
type lexer struct {
	in  string
	pos int
	// comments says that lines which begin with # are blanks.
	comments bool
}

// symbols are the operators and brackets, the longer first, with their plain forms.
var symbols = []struct{ text, plain string }{
	{"==", "=="}, {"=>", ">="}, {"=<", "<="}, {">=", ">="}, {"<=", "<="}, {"!=", "!="}, {"&&", "&&"}, {"||", "||"},
	{"=", "=="}, {">", ">"}, {"<", "<"}, {"!", "!"}, {"&", "&&"}, {"|", "||"}, {"^", "^"},
	{"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"(", "("}, {")", ")"}, {"[", "["}, {"]", "]"}, {",", ","},
}

// next returns the next token.
func (l *lexer) next() token {
	l.blanks()
	start := l.pos
	if start == len(l.in) {
		return token{kind: tokenEnd, at: start, end: start}
	}
	switch c := l.in[start]; {
	case c == '\'' || c == '"':
		return l.text(c)
	case isDigit(c):
		return l.number()
	case isLetter(c):
		return l.name()
	case c == '$':
		l.pos++
		for l.pos < len(l.in) && (isLetter(l.in[l.pos]) || isDigit(l.in[l.pos])) {
			l.pos++
		}
		if l.pos == start+1 {
			return l.invalid(start, "expected a number or name after $")
		}
		return token{tokenDollar, l.in[start+1 : l.pos], start, l.pos}
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.in[start:], s.text) {
			l.pos += len(s.text)
			return token{tokenSymbol, s.plain, start, l.pos}
		}
	}
	r, n := utf8.DecodeRuneInString(l.in[start:])
	l.pos += n
	return l.invalid(start, fmt.Sprintf("unexpected character %q", r))
}

func (l *lexer) invalid(at int, text string) token {
	return token{kind: tokenInvalid, text: text, at: at, end: l.pos}
}

func (l *lexer) blanks() {
	for l.pos < len(l.in) {
		switch c := l.in[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.pos++
		case c == '#' && l.comments && strings.TrimLeft(l.in[strings.LastIndexByte(l.in[:l.pos], '\n')+1:l.pos], " \t\r") == "":
			if n := strings.IndexByte(l.in[l.pos:], '\n'); n >= 0 {
				l.pos += n
			} else {
				l.pos = len(l.in)
			}
		default:
			return
		}
	}
}

// text reads a string. A backslash keeps the character behind it from ending the string, and
// stays in it.
func (l *lexer) text(quote byte) token {
	start := l.pos
	for l.pos++; l.pos < len(l.in); l.pos++ {
		switch l.in[l.pos] {
		case '\\':
			l.pos = min(l.pos+1, len(l.in)-1)
		case quote:
			l.pos++
			return token{tokenString, l.in[start+1 : l.pos-1], start, l.pos}
		}
	}
	l.pos = len(l.in)
	return l.invalid(start, "text without its closing quote")
}

// number reads a number and the unit of a duration behind it.
func (l *lexer) number() token {
	start := l.pos
	for l.pos < len(l.in) && (isDigit(l.in[l.pos]) || l.in[l.pos] == '.') {
		l.pos++
	}
	for l.pos < len(l.in) && (isLetter(l.in[l.pos]) || isDigit(l.in[l.pos])) {
		l.pos++
	}
	return token{tokenNumber, l.in[start:l.pos], start, l.pos}
}

// name reads a name with its path. What stands behind `header.` may hold names with hyphens,
// several of them with colons between, and places in brackets.
func (l *lexer) name() token {
	start := l.pos
	for l.pos < len(l.in) && (isLetter(l.in[l.pos]) || isDigit(l.in[l.pos]) || l.in[l.pos] == '.') {
		l.pos++
	}
	const header = "header."
	if len(l.in)-start > len(header) && strings.EqualFold(l.in[start:start+len(header)], header) {
		l.pos = start + len(header)
		l.header()
	}
	return token{tokenName, l.in[start:l.pos], start, l.pos}
}

func (l *lexer) header() {
	if l.pos < len(l.in) && l.in[l.pos] == '*' {
		l.pos++
	} else {
		for l.pos < len(l.in) && (isHeaderName(l.in[l.pos]) || l.in[l.pos] == ':') {
			l.pos++
		}
	}
	for l.pos < len(l.in) {
		switch c := l.in[l.pos]; {
		case c == '[':
			end := l.pos + 1
			for end < len(l.in) && strings.IndexByte(" -*0123456789", l.in[end]) >= 0 {
				end++
			}
			if end == len(l.in) || l.in[end] != ']' {
				return
			}
			l.pos = end + 1
		case c == '.':
			l.pos++
			attribute := strings.HasSuffix(strings.ToLower(l.in[:l.pos]), ".attr.")
			for l.pos < len(l.in) && (isLetter(l.in[l.pos]) || isDigit(l.in[l.pos]) || attribute && l.in[l.pos] == '-') {
				l.pos++
			}
		default:
			return
		}
	}
}

func isDigit(c byte) bool      { return '0' <= c && c <= '9' }
func isLetter(c byte) bool     { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isHeaderName(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' }

// clip shortens a piece of the source for an error.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	n := 60
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
