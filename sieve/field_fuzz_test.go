package sieve

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mail"
)

// FuzzField checks that any value makes one field, which says the same when it is read.
func FuzzField(f *testing.F) {
	for _, s := range []string{"", "a", "ä ö", "a\r\nBcc: b\r\n\r\nc", strings.Repeat("ü", 200), strings.Repeat("a b ", 60), "\xff", "=?utf-8?q?x?=", " a\r\n b\rc\nd ", "a  ä"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := append(mail.EncodeField("X-Field", s, "\r\n"), "\r\n"...)
		m := mail.New(raw)
		fields := m.Header().Fields()
		if len(fields) != 1 || fields[0].Name != "X-Field" || len(m.Body()) != 0 {
			t.Fatalf("%q is no header of one field", raw)
		}
		if !utf8.ValidString(s) || strings.Contains(s, "=?") {
			return
		}
		if got, want := strings.Join(strings.Fields(fields[0].Text()), " "), strings.Join(strings.Fields(s), " "); got != want {
			t.Fatalf("%q is read as %q, want %q", raw, got, want)
		}
	})
}
