package mail

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

func TestLazyMessageReadsItsBodyWhenItIsAsked(t *testing.T) {
	raw := []byte("From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n")
	loads := 0
	m := NewLazy(raw[:len(raw)-4], int64(len(raw)), func() []byte { loads++; return raw })
	if got := m.Header().Values("Subject"); len(got) != 1 || got[0] != "x" {
		t.Errorf("Subject = %q", got)
	}
	if m.Size() != int64(len(raw)) || m.Loaded() || loads != 0 {
		t.Errorf("the header was enough: size %d, loaded %v, %d loads", m.Size(), m.Loaded(), loads)
	}
	if got := string(m.Body()); got != "body\r\n" {
		t.Errorf("Body = %q", got)
	}
	if got := m.Root().Text(); got != "body\r\n" || !bytes.Equal(m.Raw(), raw) {
		t.Errorf("Text = %q, Raw = %q", got, m.Raw())
	}
	if loads != 1 || !m.Loaded() {
		t.Errorf("%d loads", loads)
	}
}

func TestLazyMessageThatCannotBeReadIsItsHeader(t *testing.T) {
	for name, got := range map[string][]byte{"nothing": nil, "something else": []byte("Subject: y\n\nother"), "less": []byte("Subject")} {
		t.Run(name, func(t *testing.T) {
			head := []byte("Subject: x\n\n")
			m := NewLazy(head, 100, func() []byte { return got })
			if !bytes.Equal(m.Raw(), head) || len(m.Body()) != 0 || len(m.Root().Body()) != 0 {
				t.Errorf("Raw = %q", m.Raw())
			}
		})
	}
}

func TestLazyMessageMayBeUsedByManyGoroutines(t *testing.T) {
	raw := []byte("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n")
	m := NewLazy(raw, int64(len(raw)), func() []byte { return raw })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if n := len(m.Root().Parts); n != 2 || len(m.Raw()) != len(raw) {
				t.Errorf("%d parts", n)
			}
		})
	}
	wg.Wait()
}

func TestHeaderEnd(t *testing.T) {
	tests := []struct {
		name, first string
		n           int
		ok          bool
	}{
		{"an empty line", "A: b\n\nbody", 6, true},
		{"an empty line and nothing else", "A: b\r\n\r\n", 8, true},
		{"the line end is cut", "A: b\r\n\r", 7, false},
		{"a field goes on", "A: b\n c", 7, false},
		{"a field is cut", "A: b\nSubj", 5, false},
		{"a line that is no field", "A: b\nno field\n", 5, true},
		{"no header at all", "no field\n", 0, true},
		{"no line at all", "no fie", 0, false},
		{"a From_ line alone", "From a@b\nSubj", 0, false},
		{"a From_ line and a field", "From a@b\nSubject: x\n\n", 21, true},
		{"a first line that is empty", "\nbody", 1, true},
		{"nothing", "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n, ok := HeaderEnd([]byte(tt.first)); n != tt.n || ok != tt.ok {
				t.Errorf("HeaderEnd = %d, %v, want %d, %v", n, ok, tt.n, tt.ok)
			}
		})
	}
}

// What HeaderEnd is certain of is what the whole message says.
func FuzzHeaderEnd(f *testing.F) {
	f.Add("From a\nA: b\n c\n\nbody", 12)
	f.Add(strings.Repeat("A: b\r\n", 3)+"\r\r\n\r\nbody", 21)
	f.Add(">From x\nA : b\nFrom y\nB: c\nno\n", 20)
	f.Fuzz(func(t *testing.T, raw string, cut int) {
		if cut < 0 || cut > len(raw) {
			return
		}
		n, ok := HeaderEnd([]byte(raw[:cut]))
		if want := len(New([]byte(raw)).Header().Raw()); ok && n != want {
			t.Fatalf("HeaderEnd = %d of %d octets, want %d", n, cut, want)
		}
	})
}
