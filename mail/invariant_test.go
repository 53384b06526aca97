package mail

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/corpus"
)

// exercise calls everything that reads a message and checks what must hold of any.
func exercise(t *testing.T, raw []byte) {
	t.Helper()
	before := bytes.Clone(raw)
	m := New(raw)
	h := m.Header()
	if !bytes.Equal(append(bytes.Clone(h.Raw()), m.Body()...), raw) {
		t.Errorf("header and body are not the message")
	}
	if len(h.Fields()) > MaxFields {
		t.Errorf("%d fields", len(h.Fields()))
	}
	pos := 0
	for _, f := range h.Fields() {
		at := bytes.Index(h.Raw()[pos:], f.Raw)
		if at < 0 || !bytes.HasPrefix(f.Raw, []byte(f.Name)) || f.Name == "" {
			t.Fatalf("field %q is not in its place", f.Raw)
		}
		pos += at + len(f.Raw)
		if !utf8.ValidString(f.Text()) {
			t.Errorf("text of %q is not UTF-8", f.Raw)
		}
		value := f.Value()
		list := ParseAddresses(value)
		for _, a := range list.Addresses {
			_, _ = a.String(), a.DisplayName()
		}
		_, _ = ParseDate(value)
	}
	root := m.Root()
	if root.Header() != h || root.Multipart() && len(root.Parts) == 0 {
		t.Errorf("root is not the message")
	}
	n := 0
	checkPart(t, root, raw, 0, &n)
	if n > MaxParts+MaxDepth+1 {
		t.Errorf("%d parts", n)
	}
	checkSections(t, m, nil, root, true)
	if !bytes.Equal(raw, before) {
		t.Errorf("the message was changed")
	}
}

// checkPart checks the part p of a message, or of what an encoded message was decoded
// to, with the octets raw.
func checkPart(t *testing.T, p *Part, raw []byte, depth int, n *int) {
	t.Helper()
	*n++
	if depth > MaxDepth {
		t.Fatalf("depth %d", depth)
	}
	if !bytes.Equal(append(bytes.Clone(p.Header().Raw()), p.Body()...), p.Raw()) {
		t.Fatalf("header and body are not the part")
	}
	if end := p.Offset() + len(p.Raw()); end > len(raw) || !bytes.Equal(raw[p.Offset():end], p.Raw()) {
		t.Fatalf("part at %d is not in its place", p.Offset())
	}
	if p.Multipart() != (len(p.Parts) > 0) || (p.Message != nil) != (p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")) {
		t.Fatalf("%s/%s has %d parts and message %v", p.Type, p.Subtype, len(p.Parts), p.Message != nil)
	}
	if !utf8.ValidString(p.Text()) || !utf8.ValidString(p.Filename()) {
		t.Fatalf("text of a part is not UTF-8")
	}
	_ = p.Lines()
	pos := p.BodyOffset()
	for _, child := range p.Parts {
		if child.Offset() < pos {
			t.Fatalf("part at %d overlaps what is in front of it", child.Offset())
		}
		pos = child.Offset() + len(child.Raw())
		if pos > p.Offset()+len(p.Raw()) {
			t.Fatalf("part at %d reaches out of its parent", child.Offset())
		}
		checkPart(t, child, raw, depth+1, n)
	}
	if m := p.Message; m != nil {
		if encodes(p.Encoding) {
			raw = m.Raw()
		}
		checkPart(t, m.Root(), raw, depth+1, n)
	}
}

// checkSections checks that every part is found under the number that IMAP gives it.
func checkSections(t *testing.T, m *Message, path []int, p *Part, top bool) {
	t.Helper()
	if len(path) > 4 {
		return
	}
	switch {
	case p.Multipart():
		for i, child := range p.Parts {
			sub := append(path[:len(path):len(path)], i+1)
			if m.Section(sub) != child {
				t.Fatalf("section %v is not the part that it names", sub)
			}
			checkSections(t, m, sub, child, false)
		}
	case top:
		sub := append(path[:len(path):len(path)], 1)
		if m.Section(sub) != p {
			t.Fatalf("section %v is not the only part", sub)
		}
		checkSections(t, m, sub, p, false)
	case p.Message != nil:
		checkSections(t, m, path, p.Message.Root(), true)
	}
}

func TestEveryRealMessageCanBeRead(t *testing.T) {
	n, nested, attachments := 0, 0, 0
	for name, raw := range corpus.Messages(t) {
		n++
		t.Run(name, func(t *testing.T) { exercise(t, raw) })
		for p := range New(raw).Root().All() {
			if p.Message != nil {
				nested++
			}
			if p.Filename() != "" {
				attachments++
			}
		}
	}
	t.Logf("%d messages, %d nested ones, %d named parts", n, nested, attachments)
}

func TestEveryHostileMessageCanBeRead(t *testing.T) {
	for name, raw := range corpus.Own() {
		t.Run(name, func(t *testing.T) { exercise(t, raw) })
	}
}
