package sieve

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenIdentifier
	tokenTag
	tokenNumber
	tokenString
	tokenText // text:
	tokenLeftBracket
	tokenRightBracket
	tokenLeftParen
	tokenRightParen
	tokenLeftBrace
	tokenRightBrace
	tokenComma
	tokenSemicolon
	tokenGarbage // what begins no token; it was reported
)

var punctuation = [256]tokenKind{
	'[': tokenLeftBracket, ']': tokenRightBracket, '(': tokenLeftParen, ')': tokenRightParen,
	'{': tokenLeftBrace, '}': tokenRightBrace, ',': tokenComma, ';': tokenSemicolon,
}

// token is a token with its value: text of an identifier, tag or string, number.
type token struct {
	Span
	kind       tokenKind
	quantifier byte
	text       string
	number     uint64
}

func (t token) describe() string {
	switch t.kind {
	case tokenEOF:
		return "the end of the script"
	case tokenIdentifier:
		return fmt.Sprintf("%q", t.text)
	case tokenTag:
		return fmt.Sprintf("tag %q", ":"+t.text)
	case tokenNumber:
		return "a number"
	case tokenString, tokenText:
		return "a string"
	case tokenGarbage:
		return "what is no Sieve"
	}
	for c, k := range punctuation {
		if k == t.kind {
			return fmt.Sprintf("%q", string(rune(c)))
		}
	}
	return "something else"
}

// lexer cuts a source into tokens. It goes on after every error but those that leave
// it inside an open string or comment; these end the source.
//
// Spec: RFC 5228, section 8.1
type lexer struct {
	src      string
	pos      int
	limits   SourceLimits
	comments []Comment
	faults   []fault // of the last token
	ended    bool    // an error has swallowed the rest: it is not worth complaining about
}

// fault is something that is wrong with a token.
type fault struct {
	Span
	text string
}

// report notes a fault, unless there are more than anybody wants.
func (l *lexer) report(sp Span, format string, args ...any) {
	if len(l.faults) <= l.limits.Errors {
		l.faults = append(l.faults, fault{sp, fmt.Sprintf(format, args...)})
	}
}

// What an octet may begin or belong to.
const (
	isBlankByte  uint8 = 1 << iota // blank, tab, line feed
	isLetterByte                   // letters and _
	isDigitByte
	endsQuoted // stops the fast way through a quoted string
)

var byteClass = func() (class [256]uint8) {
	for c := range class {
		switch b := byte(c); {
		case b == ' ' || b == '\t' || b == '\n':
			class[c] = isBlankByte
		case isLetter(b):
			class[c] = isLetterByte
		case '0' <= b && b <= '9':
			class[c] = isDigitByte
		}
	}
	for _, c := range "\"\\\r\n\x00" {
		class[c] |= endsQuoted
	}
	return class
}()

// next reads the next token into t.
func (l *lexer) next(t *token) {
	for {
		l.blanks()
		if l.pos >= len(l.src) {
			*t = token{Span: Span{len(l.src), len(l.src)}}
			return
		}
		start, c := l.pos, l.src[l.pos]
		if k := punctuation[c]; k != 0 {
			l.pos++
			t.Span, t.kind, t.quantifier, t.text, t.number = Span{start, l.pos}, k, 0, "", 0
			return
		}
		switch {
		case byteClass[c]&isLetterByte != 0:
			l.word()
			if l.pos < len(l.src) && l.src[l.pos] == ':' && l.pos-start == len("text") && strings.EqualFold(l.src[start:l.pos], "text") {
				l.pos++
				l.text(t, start)
				return
			}
			l.checkWord(start, l.pos)
			t.Span, t.kind, t.quantifier, t.text, t.number = Span{start, l.pos}, tokenIdentifier, 0, l.src[start:l.pos], 0
			return
		case c == '"':
			l.quoted(t)
			return
		case c == ':':
			l.pos++
			if l.pos >= len(l.src) || !isLetter(l.src[l.pos]) {
				l.report(Span{start, l.pos}, "expected a tag name right after \":\"")
				continue
			}
			l.word()
			l.checkWord(start+1, l.pos)
			*t = token{Span: Span{start, l.pos}, kind: tokenTag, text: l.src[start+1 : l.pos]}
			return
		case byteClass[c]&isDigitByte != 0:
			*t = l.number()
			return
		}
		if l.illegal() {
			*t = token{Span: Span{start, l.pos}, kind: tokenGarbage}
			return
		}
	}
}

// blanks skips white space and keeps comments.
func (l *lexer) blanks() {
	for l.pos < len(l.src) {
		start, c := l.pos, l.src[l.pos]
		switch {
		case byteClass[c]&isBlankByte != 0:
			l.pos++
		case c == '\r' && strings.HasPrefix(l.src[l.pos:], "\r\n"):
			l.pos += 2
		case c == '#':
			l.hashComment()
		case c == '/' && strings.HasPrefix(l.src[l.pos:], "/*"):
			n := strings.Index(l.src[l.pos+2:], "*/")
			if n < 0 {
				l.pos, l.ended = len(l.src), true
				l.report(Span{start, start + 2}, "comment is not closed; expected \"*/\"")
				return
			}
			l.pos += n + 4
			l.comment(start)
		default:
			return
		}
	}
}

func (l *lexer) hashComment() {
	start := l.pos
	if n := strings.IndexByte(l.src[l.pos:], '\n'); n >= 0 {
		l.pos += n
	} else {
		l.pos = len(l.src)
	}
	end := l.pos
	l.pos = start + len(strings.TrimRight(l.src[start:end], "\r"))
	l.comment(start)
	l.pos = end
}

func (l *lexer) comment(start int) {
	sp := Span{start, l.pos}
	text := l.src[start:l.pos]
	if n := strings.IndexByte(text, 0); n >= 0 {
		l.report(Span{start + n, start + n + 1}, "NUL is not allowed in a script")
	}
	l.comments = append(l.comments, Comment{Span: sp, Text: text})
}

func (l *lexer) word() {
	for l.pos < len(l.src) && byteClass[l.src[l.pos]]&(isLetterByte|isDigitByte) != 0 {
		l.pos++
	}
}

func (l *lexer) checkWord(start, end int) {
	if end-start > l.limits.Identifier {
		l.report(Span{start, end}, "a name may have at most %d characters", l.limits.Identifier)
	}
}

// number reads digits and a quantifier. What does not fit 64 bits is an error, also
// when only the quantifier makes it too big.
func (l *lexer) number() token {
	start := l.pos
	t := token{kind: tokenNumber}
	over := false
	for l.pos < len(l.src) && '0' <= l.src[l.pos] && l.src[l.pos] <= '9' {
		high, low := bits.Mul64(t.number, 10)
		sum, carry := bits.Add64(low, uint64(l.src[l.pos]-'0'), 0)
		over = over || high != 0 || carry != 0
		t.number = sum
		l.pos++
	}
	if l.pos < len(l.src) {
		if shift := quantifierShift(l.src[l.pos]); shift > 0 {
			t.quantifier = l.src[l.pos] &^ 0x20
			over = over || bits.LeadingZeros64(t.number) < shift && t.number != 0
			t.number <<= shift
			l.pos++
		}
	}
	t.Span = Span{start, l.pos}
	if word := l.pos; l.pos < len(l.src) && (isLetter(l.src[l.pos]) || '0' <= l.src[l.pos] && l.src[l.pos] <= '9') {
		l.word()
		l.report(Span{word, l.pos}, "unexpected %q after a number; only K, M or G may follow its digits", clip(l.src[word:l.pos]))
	}
	if over {
		l.report(t.Span, "number is too big; it must be below 2^64")
		t.number, t.quantifier = 0, 0
	}
	return t
}

func quantifierShift(c byte) int {
	switch c | 0x20 {
	case 'k':
		return 10
	case 'm':
		return 20
	case 'g':
		return 30
	}
	return 0
}

// illegal reports a run of octets that begin no token, once. False says that the next token
// may stand there all the same.
func (l *lexer) illegal() bool {
	start := l.pos
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if l.pos > start && (punctuation[c] != 0 || isLetter(c) || c == '"' || c == ':' || c == '#' || c == ' ' ||
			c == '\t' || c == '\n' || c == '\r' || '0' <= c && c <= '9') {
			break
		}
		l.pos++
	}
	sp := Span{start, l.pos}
	switch r, _ := utf8.DecodeRuneInString(l.src[start:]); {
	case r == 0:
		l.report(sp, "NUL is not allowed in a script")
	case r == '\r':
		l.report(sp, "carriage return without line feed")
	case r == '\uFEFF' && start == 0:
		l.pos = len("\uFEFF") // some editors begin UTF-8 files with it
	default:
		l.report(sp, "unexpected character %q", r)
		return true
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

// clip shortens text that an error message quotes.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 40 {
		return s
	}
	return string([]rune(s)[:40]) + "..."
}
