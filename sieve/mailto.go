package sieve

import (
	"strings"
	"unicode/utf8"
)

// encodeURL is the modifier :encodeurl: what is not unreserved is escaped. It does not cut
// within an escape, nor within a character.
//
// Spec: RFC 5435, section 6
func encodeURL(s string, limit int) string {
	var b strings.Builder
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		start := b.Len()
		for i := range n {
			c := s[i]
			if isLetter(c) && c != '_' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
				b.WriteByte(c)
			} else {
				b.WriteString("%" + hexByte(c))
			}
		}
		if b.Len() > limit {
			return b.String()[:start]
		}
		s = s[n:]
	}
	return b.String()
}

func hexByte(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[c>>4], digits[c&15]})
}
