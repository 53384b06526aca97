package mail

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-message"

	"github.com/sluice-mail/sluice/corpus"
)

// strict reads a message with go-message and returns its leaves as lines of type,
// size and decoded octets, or ok false if it finds anything wrong.
func strict(raw []byte) (leaves []string, ok bool) {
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return nil, false
	}
	err = e.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil && !message.IsUnknownCharset(err) {
			return err
		}
		if e.MultipartReader() != nil {
			return nil
		}
		typ, _, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
		if err != nil && e.Header.Get("Content-Type") != "" {
			return err
		}
		body, err := io.ReadAll(e.Body)
		if err != nil {
			return err
		}
		leaves = append(leaves, fmt.Sprintf("%s %q", typ, body))
		return nil
	})
	return leaves, err == nil
}

func TestAStrictReaderSeesTheSameParts(t *testing.T) {
	agreed, refused := 0, 0
	for name, raw := range corpus.Messages(t) {
		want, ok := strict(raw)
		if !ok {
			refused++
			continue
		}
		var got []string
		for p := range leavesOf(New(raw).Root()) {
			typ := ""
			if p.Header().Has("Content-Type") {
				typ = p.Type + "/" + p.Subtype
			}
			got = append(got, fmt.Sprintf("%s %q", typ, p.Decoded()))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: got %d leaves, want %d\n%.300s\n%.300s", name, len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
			continue
		}
		agreed++
	}
	t.Logf("%d agreed, %d refused by the strict reader", agreed, refused)
}

// leavesOf yields the parts that are no multiparts, and does not look into messages.
func leavesOf(p *Part) func(yield func(*Part) bool) {
	return func(yield func(*Part) bool) {
		var walk func(p *Part) bool
		walk = func(p *Part) bool {
			if !p.Multipart() {
				return yield(p)
			}
			for _, c := range p.Parts {
				if !walk(c) {
					return false
				}
			}
			return true
		}
		walk(p)
	}
}

func TestAStrictReaderSeesTheSameHeaders(t *testing.T) {
	n, addr, dates := 0, 0, 0
	for name, raw := range corpus.Messages(t) {
		want, err := netmail.ReadMessage(bytes.NewReader(raw))
		h := New(raw).Header()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n++
		for key, values := range want.Header {
			got := h.Values(key)
			if len(got) != len(values) {
				t.Errorf("%s: %s: %d values, want %d", name, key, len(got), len(values))
			}
		}
		for _, key := range []string{"From", "To", "Cc", "Reply-To"} {
			for _, v := range h.Values(key) {
				if list, err := netmail.ParseAddressList(v); err == nil {
					addr++
					compareAddresses(t, name, v, list)
				}
			}
		}
		for _, v := range h.Values("Date") {
			got, err := ParseDate(v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			// net/mail knows no zone by name, and adds the hours of GMT+1 twice.
			if want, err := netmail.ParseDate(v); err == nil && !strings.ContainsAny(v[len(v)-1:], "T") && !strings.Contains(v, "GMT+") {
				dates++
				if !got.Equal(want) {
					t.Errorf("%s: date %q: got %v, want %v", name, v, got, want)
				}
			}
		}
	}
	t.Logf("%d headers, %d address fields, %d dates", n, addr, dates)
}

func compareAddresses(t *testing.T, name, value string, want []*netmail.Address) {
	t.Helper()
	got := ParseAddresses(value)
	if len(got.Addresses) != len(want) {
		t.Errorf("%s: %q: %d addresses, want %d", name, value, len(got.Addresses), len(want))
		return
	}
	for i, a := range want {
		// net/mail gives the address without the quotes that it needs.
		if g := got.Addresses[i]; g.Local+"@"+g.Domain != a.Address {
			t.Errorf("%s: %q: got %s, want %s", name, value, g, a.Address)
		}
	}
}
