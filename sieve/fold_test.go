package sieve

import (
	"strings"
	"testing"
)

func TestUpperASCII(t *testing.T) {
	var all strings.Builder
	for c := range 256 {
		all.WriteByte(byte(c))
	}
	plain := func(s string) string {
		return string(mapBytes(s, func(c byte) byte {
			if 'a' <= c && c <= 'z' {
				return c - 0x20
			}
			return c
		}))
	}
	for _, s := range []string{"", "A", "a", "z{`@[", "ABCDEFGHIJ", "ABCDEFGHIJk", all.String(), strings.Repeat(all.String(), 9)[3:], strings.Repeat("ä", 600)} {
		for i := range min(len(s), 9) {
			if got, want := upperASCII(s[i:]), plain(s[i:]); got != want {
				t.Errorf("%q: got %q", s[i:], got)
			}
		}
	}
}

func mapBytes(s string, f func(byte) byte) []byte {
	out := []byte(s)
	for i, c := range out {
		out[i] = f(c)
	}
	return out
}
