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
		end := strings.IndexByte(s[start:], '}')
		if end < 0 {
			break
		}
		end += start
		kind, digits, ok := strings.Cut(s[start+2:end], ":")
		decoded := ""
		if ok {
			switch lowerASCII(kind) {
			case "hex":
				decoded, ok = decodeHex(digits)
			case "unicode":
				decoded, ok = b.decodeUnicode(digits, at)
			default:
				ok = false
			}
		}
		if !ok {
			// A well-formed one may begin inside.
			out.WriteString(s[:start+2])
			s = s[start+2:]
			continue
		}
		out.WriteString(s[:start])
		out.WriteString(decoded)
		s = s[end+1:]
	}
	out.WriteString(s)
	return out.String()
}

// encodedFields divides the numbers of an encoded character: blanks and line ends are
// between them, and may be before and behind.
func encodedFields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
}

func decodeHex(s string) (string, bool) {
	list := encodedFields(s)
	out := make([]byte, 0, len(list))
	for _, f := range list {
		n, err := strconv.ParseUint(f, 16, 8)
		if err != nil || len(f) > 2 || f[0] == '+' {
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
		for i := 0; i < len(f); i++ {
			if c := f[i] | 0x20; !('0' <= f[i] && f[i] <= '9') && (c < 'a' || c > 'f') {
				return "", false
			}
		}
		n, err := strconv.ParseUint(f, 16, 32)
		if err != nil || n > utf8.MaxRune || 0xD800 <= n && n <= 0xDFFF {
			b.Errorf(at, "${unicode:%s}: %s is no character; expected 0 to D7FF or E000 to 10FFFF", clip(s), clip(f))
			return "", true
		}
		out = utf8.AppendRune(out, rune(n))
	}
	return string(out), len(list) > 0
}
