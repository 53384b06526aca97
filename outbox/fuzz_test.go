package outbox

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b", `"a b"@c`, "a@b> SIZE=1", "a@b\r\nQUIT", "ä@ö", "postmaster", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, a string) {
		if checkAddress(a) == nil && (a == "" || len(a) > 320 || strings.ContainsAny(a, "\r\n\x00")) {
			t.Errorf("%q is taken", a)
		}
	})
}

// FuzzReport has any message and any answer become a report of the right form.
func FuzzReport(f *testing.F) {
	f.Add([]byte("Message-ID: <1@x>\r\nSubject: x\r\n\r\nbody"), "550 no\r\n--=_x\r\n", "gone@remote.example")
	f.Add([]byte(strings.Repeat("X: y\r\n", 20000)), "", "ä@ö")
	f.Add([]byte("--\x00\r\n\n"), "\x00", "a@b")
	b := &Outbox{o: Options{Hostname: "mail.example.org"}}
	b.relay.Store(&Relay{Address: "relay.example:25"})
	f.Fuzz(func(t *testing.T, raw []byte, answer, to string) {
		if checkAddress(to) != nil {
			return
		}
		it := &item{from: "a@example.org", raw: raw}
		got := b.report(it, []target{{address: to, result: result{kind: permanent, code: 550, message: answer, fromRelay: true}}}, time.Unix(0, 0))
		root := mail.New(got).Root()
		if root.Subtype != "report" || len(root.Parts) != 3 {
			t.Fatalf("%s with %d parts:\n%s", root.Subtype, len(root.Parts), got)
		}
		if n := strings.Count(string(root.Parts[1].Body()), "\r\nAction: failed\r\n"); n != 1 {
			t.Errorf("%d recipients in:\n%s", n, root.Parts[1].Body())
		}
		if len(got) > maxBounceHeader+8192+2*len(to)*10 {
			t.Errorf("a report of %d octets", len(got))
		}
	})
}
