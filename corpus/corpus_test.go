package corpus

import (
	"bytes"
	"testing"
)

func TestEveryMessageCanTravelAsData(t *testing.T) {
	check := func(t *testing.T, name string, raw []byte) {
		if len(raw) > 0 && !bytes.HasSuffix(raw, []byte("\r\n")) {
			t.Errorf("%s does not end with CRLF", name)
		}
	}
	t.Run("own", func(t *testing.T) {
		names := make(map[string]bool)
		for name, raw := range Own() {
			check(t, name, raw)
			if names[name] {
				t.Errorf("two messages are called %q", name)
			}
			names[name] = true
		}
	})
	t.Run("SpamAssassin", func(t *testing.T) {
		n, cr := 0, 0
		for name, raw := range Messages(t) {
			n++
			check(t, name, raw)
			if bytes.HasPrefix(raw, []byte("From ")) {
				t.Errorf("%s still has its From_ line", name)
			}
			ends := bytes.Count(raw, []byte("\r\n"))
			if ends != bytes.Count(raw, []byte("\n")) {
				t.Errorf("%s has bare LFs", name)
			}
			cr += bytes.Count(raw, []byte("\r")) - ends
		}
		if n != Count {
			t.Errorf("%d messages, want %d", n, Count)
		}
		if cr == 0 {
			t.Error("bare CRs of the corpus were lost")
		}
	})
}

func TestFilesBecomeMessages(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"the From_ line goes", "From x\nA: b\n", "A: b\r\n"},
		{"line ends become CRLF once", "a\r\nb\n", "a\r\nb\r\n"},
		{"a bare CR stays", "a\rb\n", "a\rb\r\n"},
		{"a last line gets its end", "a", "a\r\n"},
		{"nothing stays nothing", "", ""},
	} {
		if got := string(onTheWire([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestMadeMessagesAreTheSameEachTime(t *testing.T) {
	all := map[int][]byte{}
	octets := 0
	for i, raw := range Made(300, 1) {
		all[i] = raw
		octets += len(raw)
		if !bytes.HasSuffix(raw, []byte("\r\n")) || bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\n")) {
			t.Errorf("message %d has lines that do not end with CRLF", i)
		}
	}
	for i, raw := range Made(300, 1) {
		if !bytes.Equal(raw, all[i]) {
			t.Fatalf("message %d differs", i)
		}
	}
	if mean := octets / 300; mean < 20_000 || mean > 45_000 {
		t.Errorf("%d octets a message", mean)
	}
	if n := bytes.Count(MadeMbox(300, 1), []byte("\nFrom return-")); n != 299 {
		t.Errorf("%d messages in the mbox behind the first", n)
	}
}
