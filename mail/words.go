package mail

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// maxCharsetName bounds the charset of an encoded word, its language included.
const maxCharsetName = 64

// DecodeWords returns the value of a field in UTF-8, with its encoded words decoded.
// Blanks between two encoded words belong to neither and go away; neighbours of one
// charset are joined before they are decoded, since a character may be cut in two.
// An unknown charset is windows-1252. What looks like an encoded word but is none
// stays as it is; raw octets that are no UTF-8 are read as windows-1252.
//
// The result may hold control characters and line ends that were encoded; who writes
// it into a field takes them out.
//
// Spec: RFC 2047; RFC 2231, section 5.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return toUTF8(s)
	}
	var b strings.Builder
	var charset string // of the words that wait in octets
	var octets []byte
	pending := false
	flush := func() {
		if pending {
			b.WriteString(DecodeCharset(charset, octets))
			octets, pending = octets[:0], false
		}
	}
	tail := len(s) - strings.LastIndex(s, "?=") // no encoded word begins in it
	for {
		i := strings.Index(s, "=?")
		if i < 0 || i+2 >= len(s)-tail {
			break
		}
		w, n := encodedWord(s[i:])
		if n == 0 {
			flush()
			b.WriteString(toUTF8(s[:i+2]))
			s = s[i+2:]
			continue
		}
		if !pending || strings.Trim(s[:i], " \t\r\n") != "" {
			flush()
			b.WriteString(toUTF8(s[:i]))
		}
		if pending && charset != w.charset {
			flush()
		}
		charset, pending = w.charset, true
		octets = w.appendTo(octets)
		s = s[i+n:]
	}
	flush()
	b.WriteString(toUTF8(s))
	return b.String()
}

type word struct {
	charset  string // lower case, without the language
	encoding byte   // 'b' or 'q'
	text     string
}

// encodedWord reads the encoded word that s begins with and returns its length, 0 if
// it is none. Blanks in the text are forgiven.
func encodedWord(s string) (w word, n int) {
	rest := s[2:]
	end := strings.IndexByte(rest[:min(len(rest), maxCharsetName)], '?')
	if end <= 0 || !isToken(rest[:end]) {
		return word{}, 0
	}
	w.charset = strings.ToLower(rest[:end])
	if c, _, ok := strings.Cut(w.charset, "*"); ok {
		w.charset = c
	}
	rest = rest[end+1:]
	if len(rest) < 2 || rest[1] != '?' {
		return word{}, 0
	}
	w.encoding = lower(rest[0])
	if w.encoding != 'b' && w.encoding != 'q' {
		return word{}, 0
	}
	rest = rest[2:]
	end = strings.Index(rest, "?=")
	if end < 0 {
		return word{}, 0
	}
	w.text = rest[:end]
	return w, len(s) - len(rest) + end + 2
}

func (w word) appendTo(out []byte) []byte {
	if w.encoding == 'b' {
		return decodeBase64(out, []byte(w.text))
	}
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			out = append(out, ' ')
			continue
		case c == '=' && i+2 < len(w.text):
			if hi, lo := unhex(w.text[i+1]), unhex(w.text[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// toUTF8 returns s, read as windows-1252 if it is not UTF-8.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return decodeWith(charmap.Windows1252, []byte(s))
}
