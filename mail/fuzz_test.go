package mail

import (
	"testing"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/corpus"
)

// maxSeed keeps seeds small enough for the fuzzer to work on.
const maxSeed = 4096

func addMessages(f *testing.F) {
	for _, raw := range corpus.Own() {
		if len(raw) <= maxSeed {
			f.Add(raw)
		}
	}
	f.Add([]byte(rfc3501))
}

func FuzzMessage(f *testing.F) {
	addMessages(f)
	f.Fuzz(func(t *testing.T, raw []byte) { exercise(t, raw) })
}

func FuzzHeader(f *testing.F) {
	addMessages(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := New(raw).Header()
		for _, field := range h.Fields() {
			if fieldName(field.Raw) != len(field.Name) || len(h.Values(field.Name)) == 0 || !h.Has(field.Name) {
				t.Fatalf("field %q is not found under its name", field.Raw)
			}
		}
		// The header alone is a header, and nothing behind it belongs to it.
		again := New(h.Raw()).Header()
		if len(again.Fields()) != len(h.Fields()) || len(again.Raw()) != len(h.Raw()) {
			t.Fatalf("header %q reads differently without its body", h.Raw())
		}
	})
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		"a@b", "Ann <a@b>, g: c@d;, (x) e@f", `"a b"@c`, "<@x:a@b>", "=?utf-8?q?a,b?= <c@d>", "a@[1.2.3.4]", "\"", "(", "<", ":;", "a@b;c@d", "[x] <a@b> y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := ParseAddresses(s)
		if list.Broken && list.Addresses != nil {
			t.Fatal("a broken field has addresses")
		}
		open := false
		for _, e := range list.Entries {
			if e.Kind != EntryAddress {
				if open == (e.Kind == EntryGroup) {
					t.Fatalf("groups do not begin and end in turn: %+v", list.Entries)
				}
				open = !open
			}
		}
		if open {
			t.Fatal("a group does not end")
		}
		for _, a := range list.Addresses {
			again := ParseAddresses(a.String()).Addresses
			if len(again) != 1 || again[0].Local != a.Local || again[0].Domain != a.Domain {
				t.Fatalf("%q is written as %q, which reads as %q", a, a.String(), again)
			}
		}
		if a, err := ParseAddress(s); err == nil && a.String() != s {
			if b, err := ParseAddress(a.String()); err != nil || b != a {
				t.Fatalf("strict: %q is written as %q: %v", s, a.String(), err)
			}
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"Thu, 22 Aug 2002 12:36:23 +0100 (x)", "Thu Aug 22 12:36:23 EDT 2002", "2002-08-22T12:36:23Z", "22-Aug-02 1:2 GMT+1", "2002/08/22 12:36 PM",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseDate(s)
		if err != nil {
			return
		}
		if got.Year() < 0 || got.Year() > 10000 {
			t.Fatalf("%q is in the year %d", s, got.Year())
		}
		again, err := ParseDate(got.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
		if got.Year() >= 1900 && got.Year() < 10000 && (err != nil || !again.Equal(got)) {
			t.Fatalf("%q is %v, which reads as %v: %v", s, got, again, err)
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{
		"=?utf-8?q?a?= =?utf-8?b?w6k=?=", "=?x?q?=E9?=", "=?utf-8*de?q?_?=", "=?=?=?", "a =?utf-8?q?b", "=?utf-7?q?+AOk-?=", "=?utf-16?b?AGE=?=", "\xe9",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeWords(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8: %q", s, got)
		}
		if len(got) > 8*len(s)+8 {
			t.Fatalf("%d octets from %d", len(got), len(s))
		}
	})
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{
		"text/plain; charset=utf-8", `a; b="c\"d" e; f*0*=utf-8''%C3; f*1*=%A9`, "a (b); c*=x'y'z", ";;=;", `a;b="`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, list := parseParams(s)
		for name, value := range decodeParams(list) {
			if !utf8.ValidString(value) {
				t.Fatalf("%q: %q is not UTF-8: %q", s, name, value)
			}
		}
	})
}

func FuzzTransfer(f *testing.F) {
	for _, e := range []string{"base64", "quoted-printable", "x-uuencode", "8bit"} {
		f.Add(e, []byte("begin 644 x\n%2&5L;&\\=\n=C3=A9=\nSGVsbG8=\nend\n"))
	}
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		if got := decodeTransfer(encoding, body); len(got) > len(body)+1 { // a last line of uuencode may lack its padding
			t.Fatalf("%s: %d octets from %d", encoding, len(got), len(body))
		}
	})
}
