package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzMailto(f *testing.F) {
	for _, s := range []string{"mailto:a@b.example", "mailto:a@b,c@d?cc=e@f&subject=x%20y&body=%0D%0A", "mailto:?to=%22x%22%20%3Ca@b%3E", "mailto:%", "mailto:a@b?%=1", "mailto:a@b?x", "x:", "mailto:ä@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseMailto(s)
		if err != nil {
			return
		}
		n := 0
		for _, list := range [][]Address{u.To, u.Cc, u.Bcc} {
			for _, a := range list {
				n++
				if _, err := ParseAddress(a.String()); err != nil {
					t.Errorf("%q names %q: %v", s, a, err)
				}
			}
		}
		if n == 0 || len(u.Fields) > MaxMailtoFields {
			t.Errorf("%q has %d recipients, %d fields", s, n, len(u.Fields))
		}
		for _, field := range u.Fields {
			if !ValidFieldName(field[0]) || mailtoOwn[strings.ToLower(field[0])] {
				t.Errorf("%q sets %q", s, field[0])
			}
		}
	})
}

// FuzzComposer has any texts become fields and a body: fields stay fields, and are read back.
func FuzzComposer(f *testing.F) {
	for _, s := range []string{"", "a b", "ä\r\nBcc: x@y\r\n\r\nz", "\xff\x00", "=?utf-8?q?=0A?=", strings.Repeat("x", 2000), strings.Repeat("ü ", 500), "a\rb\n.\n", `"\"<>,;:@`, "\u200b\u2028 \u0085"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, subject, name, body string) {
		c := &Composer{}
		c.Text("Subject", subject)
		c.Addresses("From", Address{Name: name, Local: "a", Domain: "b.example"}, Address{Local: "c", Domain: "d.example"})
		c.Raw("X-Raw", subject)
		c.Body(body)
		m := New(c.Bytes())
		var names []string
		for _, field := range m.Header().Fields() {
			names = append(names, field.Name)
		}
		if diff := cmp.Diff([]string{"Subject", "From", "X-Raw", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}, names); diff != "" {
			t.Fatalf("%s in\n%q", diff, c.Bytes())
		}
		if got := ParseAddresses(m.Header().Values("From")[0]); len(got.Addresses) != 2 || got.Addresses[1].Local != "c" {
			t.Errorf("From of %q is %q", name, m.Header().Values("From"))
		}
		want := strings.TrimRight(CRLF(strings.ToValidUTF8(body, "\uFFFD")), "\r\n")
		if got := strings.TrimRight(CRLF(string(m.Root().Decoded())), "\r\n"); got != want {
			t.Errorf("body %q, want %q", got, want)
		}
	})
}
