package local

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mailstore"
)

func TestCleanPath(t *testing.T) {
	tests := []struct {
		name, path, want string // "" : ErrInvalidName
	}{
		{"the inbox in any case", "inBox", "INBOX"},
		{"below the inbox", "inbox/A", "INBOX/A"},
		{"an inbox that is none", "a/inbox", "a/inbox"},
		{"one separator at the end", "a/", "a"},
		{"two separators at the end", "a//", ""},
		{"decomposed letters", "A\u0308", "Ä"},
		{"an empty level", "a//b", ""},
		{"a control character", "a\u0085", ""},
		{"a line separator", "a\u2028", ""},
		{"a level of 255 octets", strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"a level of 256 octets", strings.Repeat("a", 256), ""},
		{"32 levels", strings.Repeat("a/", 31) + "a", strings.Repeat("a/", 31) + "a"},
		{"33 levels", strings.Repeat("a/", 32) + "a", ""},
		{"more than 1024 octets", strings.Repeat(strings.Repeat("a", 200)+"/", 6), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cleanPath(tt.path)
			if got != tt.want || (err != nil) != (tt.want == "") || err != nil && !errors.Is(err, mailstore.ErrInvalidName) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"INBOX", "a/b", "a//", "A\u0308/\xff", "\u0344", strings.Repeat("\u0390", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := cleanPath(path)
		if err != nil {
			return
		}
		if len(got) > maxPath || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("%q became %q", path, got)
		}
		if again, err := cleanPath(got); err != nil || again != got {
			t.Errorf("%q became %q, that became %q, %v", path, got, again, err)
		}
	})
}

func FuzzParseState(f *testing.F) {
	for _, s := range []string{"", "0", "1", "1.2", "01", "1.", "9223372036854775807", "1.9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, ok := parseState(mailstore.State(s)); ok && string(p.state()) != s {
			t.Errorf("%q became %q", s, p.state())
		}
	})
}
