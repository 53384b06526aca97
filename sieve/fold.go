package sieve

import (
	"encoding/binary"
	"strings"
)

// upperASCII returns s with a to z as A to Z; all other octets stay.
func upperASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'a' <= c && c <= 'z' {
			return foldFrom(s, i)
		}
	}
	return s
}

// foldFrom is upperASCII for what begins at i. Bodies are long: it folds eight octets at a
// time, and makes one copy.
func foldFrom(s string, i int) string {
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	var piece [1024]byte
	for i < len(s) {
		n := copy(piece[:], s[i:])
		foldBytes(piece[:n])
		b.Write(piece[:n])
		i += n
	}
	return b.String()
}

// foldBytes folds in place.
func foldBytes(b []byte) {
	const ones = 0x0101010101010101
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		low := x &^ (0x80 * ones)
		over := low + (0x7f-'z')*ones  // the high bit of an octet: above z
		from := low + (0x80-'a')*ones  // a or above
		letters := (from &^ over) &^ x // ASCII, between a and z
		binary.LittleEndian.PutUint64(b[i:], x^(letters&(0x80*ones))>>2)
	}
	for ; i < len(b); i++ {
		if c := b[i]; 'a' <= c && c <= 'z' {
			b[i] = c - 0x20
		}
	}
}
