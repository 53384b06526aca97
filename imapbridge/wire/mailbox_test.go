package wire

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMailboxNames(t *testing.T) {
	tests := []struct{ name, wire, want string }{
		{"ASCII", "INBOX", "INBOX"},
		{"an ampersand", "a&-b", "a&b"},
		{"the example of the RFC", "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},
		{"a character beyond 16 bits", "&2D3cqQ-", "💩"},
		{"a control character", "&AAk-", "\t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := DecodeMailbox(tt.wire); got != tt.want || err != nil {
				t.Errorf("decode: got %q, %v", got, err)
			}
			if got := EncodeMailbox(tt.want); got != tt.wire {
				t.Errorf("encode: got %q", got)
			}
		})
	}
	for _, wrong := range []string{"&", "&a", "&a-", "&ab-", "&2D0-", "&3Kk-", "&AGE", "&A\r\nGE-", "\xff", "&AGF-"} {
		if got, err := DecodeMailbox(wrong); err == nil {
			t.Errorf("%q: got %q, want an error", wrong, got)
		}
	}
}

func TestMailboxNamesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		wire := EncodeMailbox(name)
		if got, err := DecodeMailbox(wire); got != name || err != nil {
			t.Fatalf("%q as %q came back as %q, %v", name, wire, got, err)
		}
	})
}

func FuzzMailbox(f *testing.F) {
	for _, s := range []string{"INBOX", "&U,BTFw-", "a&-b", "&2D3cqQ-", "&", "ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := DecodeMailbox(s)
		if err != nil {
			return
		}
		if !utf8.ValidString(name) {
			t.Fatalf("%q decodes to %q", s, name)
		}
		wire := EncodeMailbox(name)
		if strings.ContainsFunc(wire, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q is not printable ASCII", wire)
		}
		if again, err := DecodeMailbox(wire); again != name || err != nil {
			t.Fatalf("%q, %q came back as %q, %v", s, name, again, err)
		}
	})
}
