package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoteLimit is the longest string that is quoted; longer ones are literals, since some
// clients read lines into small buffers.
const quoteLimit = 1000

// AppendString writes s to dst quoted, or as a literal if it is long or has octets that
// cannot be quoted. NUL, which no string may hold, is left out.
func AppendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	plain := len(s) <= quoteLimit
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == 0 {
			return AppendString(dst, strings.ReplaceAll(string(s), "\x00", ""))
		} else if c == '\r' || c == '\n' || c >= 0x80 {
			plain = false
		}
	}
	if !plain {
		dst = append(dst, '{')
		dst = strconv.AppendInt(dst, int64(len(s)), 10)
		dst = append(dst, "}\r\n"...)
		return append(dst, s...)
	}
	return appendQuoted(dst, s)
}

// appendQuoted writes s in quotes.
func appendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// appendQuotedUTF8 writes s in quotes as UTF8=ACCEPT allows, or else as a literal.
func appendQuotedUTF8(dst []byte, s string) []byte {
	if len(s) <= quoteLimit && utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\r\n") {
		return appendQuoted(dst, s)
	}
	return AppendString(dst, s)
}

// AppendNString writes s to dst as a string, or NIL if ok is false.
func AppendNString[S ~string | ~[]byte](dst []byte, s S, ok bool) []byte {
	if !ok {
		return append(dst, "NIL"...)
	}
	return AppendString(dst, s)
}

// AppendAString writes s to dst as an atom if it is one, else as a string. NIL is
// quoted, since clients would take it for nothing.
func AppendAString(dst []byte, s string) []byte {
	if s == "" || strings.EqualFold(s, "NIL") {
		return AppendString(dst, s)
	}
	for i := range len(s) {
		if !isAtomChar(s[i]) {
			return AppendString(dst, s)
		}
	}
	return append(dst, s...)
}
