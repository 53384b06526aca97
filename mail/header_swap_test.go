package mail

import (
	"strings"
	"testing"
)

func TestAMessageWithAnotherHeader(t *testing.T) {
	loads := 0
	raw := []byte("Subject: a\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n")
	m := NewLazy(raw[:strings.Index(string(raw), "<")], int64(len(raw)), func() []byte { loads++; return raw })
	e := EditHeader(m.Header())
	e.Set("Subject", "grün")
	e.Add("X-A", "1", false)
	got := m.WithHeader(e.Bytes())
	if got.Header().Texts("Subject")[0] != "grün" || got.Size() != int64(len(got.Raw())) && loads > 0 {
		t.Errorf("%q, %d octets", got.Header().Raw(), got.Size())
	}
	size := got.Size()
	if want := "X-A: 1\r\nSubject: =?utf-8?b?Z3LDvG4=?=\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"; string(got.Raw()) != want || size != int64(len(want)) {
		t.Errorf("%q, %d octets", got.Raw(), size)
	}
	if got.Root().Subtype != "html" || loads != 1 || string(m.Raw()) != string(raw) {
		t.Errorf("%s, %d loads", got.Root().Subtype, loads)
	}
}

func FuzzWithHeader(f *testing.F) {
	for _, s := range []string{"a: b\n\nc", "", "From x\na: b\r\n\r\nc", "a: b", "no header\n", "a: b\nc: d\nrest"} {
		f.Add([]byte(s), "X-A", "v")
	}
	f.Fuzz(func(t *testing.T, raw []byte, name, value string) {
		if !ValidFieldName(name) || strings.ContainsRune(value, 0) {
			return
		}
		m := New(raw)
		e := EditHeader(m.Header())
		e.Add(name, value, true)
		got := m.WithHeader(e.Bytes())
		if !got.Header().Has(name) || string(got.Body()) != string(m.Body()) {
			t.Errorf("%q with %s: %q is %q", raw, name, value, got.Raw())
		}
		if n := len(got.Header().Fields()); n != len(m.Header().Fields())+1 && n < MaxFields {
			t.Errorf("%q has %d fields", got.Raw(), n)
		}
	})
}
