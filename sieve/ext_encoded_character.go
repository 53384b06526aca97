package sieve

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoded-character lets a script write octets and characters as hexadecimal numbers:
// ${hex: 40 41} and ${unicode: 20AC}.
//
// Spec:   RFC 5228, section 2.4.2.4
// Status: complete
func init() {
	register(Extension{
		Name: "encoded-character", Spec: "RFC 5228, section 2.4.2.4", Status: "complete",
		Rewrite: encodedCharacters,
	})
}

// encodedCharacters returns s with its encoded characters decoded, once. What is not well
// formed stays as it is; a code point that is no character is an error.
func encodedCharacters(b *Binder, s string, at Span) string {
	var out strings.Builder
	for {
		start := strings.Index(s, "${")
		if start < 0 {
			break
		}
		rest := s[start+2:]
		decode := decodeHex
		digits := 0 // begin of the digits in rest
		switch {
		case len(rest) > 4 && strings.EqualFold(rest[:4], "hex:"):
			digits = 4
		case len(rest) > 8 && strings.EqualFold(rest[:8], "unicode:"):
			digits = 8
			decode = func(s string) (string, bool) { return b.decodeUnicode(s, at) }
		}
		end := digits
		for digits > 0 && end < len(rest) && (isBlank(rest[end]) || isHex(rest[end])) {
			end++
		}
		if digits > 0 && end < len(rest) && rest[end] == '}' {
			if decoded, ok := decode(rest[digits:end]); ok {
				out.WriteString(s[:start])
				out.WriteString(decoded)
				s = rest[end+1:]
				continue
			}
		}
		// A well-formed one may begin inside.
		out.WriteString(s[:start+2])
		s = rest
	}
	out.WriteString(s)
	return out.String()
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// encodedFields divides the numbers of an encoded character: blanks and line ends are
// between them, and may be before and behind.
func encodedFields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return isBlank(byte(r)) })
}

func decodeHex(s string) (string, bool) {
	list := encodedFields(s)
	out := make([]byte, 0, len(list))
	for _, f := range list {
		n, err := strconv.ParseUint(f, 16, 8)
		if err != nil || len(f) > 2 {
			return "", false
		}
		out = append(out, byte(n))
	}
	return string(out), len(list) > 0
}

func (b *Binder) decodeUnicode(s string, at Span) (string, bool) {
	list := encodedFields(s)
	var out []byte
	for _, f := range list {
		n, err := strconv.ParseUint(f, 16, 32)
		if err != nil || n > utf8.MaxRune || 0xD800 <= n && n <= 0xDFFF {
			b.Errorf(at, "${unicode:%s}: %s is no character; expected 0 to D7FF or E000 to 10FFFF", clip(s), clip(f))
			return "", true
		}
		out = utf8.AppendRune(out, rune(n))
	}
	return string(out), len(list) > 0
}
