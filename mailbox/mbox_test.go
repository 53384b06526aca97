package mailbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writeMbox(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// raws returns the messages of a mailbox.
func raws(t testing.TB, s Source) []string {
	t.Helper()
	var out []string
	for i := range s.Len() {
		m, err := s.Read(i)
		if err != nil {
			t.Errorf("%s: %v", s.Label(i), err)
			continue
		}
		if raw := m.Mail.Raw(); int64(len(raw)) != m.Mail.Size() || m.Err() != nil {
			t.Errorf("%s: %d octets, size %d, error %v", s.Label(i), len(raw), m.Mail.Size(), m.Err())
		}
		out = append(out, string(m.Mail.Raw()))
		m.Close()
	}
	return out
}

const fromLine = "From a@b Mon Nov 21 10:00:00 2026\n"

func TestMessagesOfMbox(t *testing.T) {
	inner := fromLine + "Subject: inner\n\ninner body\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", nil},
		{"empty lines only", "\n\r\n\n", nil},
		{"two messages", fromLine + "A: 1\n\none\n\n" + fromLine + "A: 2\n\ntwo\n\n", []string{"A: 1\n\none\n", "A: 2\n\ntwo\n"}},
		{"empty lines in front", "\n\n" + fromLine + "A: 1\n\none\n", []string{"A: 1\n\none\n"}},
		{"lines that end with CRLF", "From a@b Mon Nov 21 10:00 2026\r\nA: 1\r\n\r\none\r\n\r\nFrom - Mon Nov 21 10:00:00 2026\r\nA: 2\r\n\r\n\r\n",
			[]string{"A: 1\r\n\r\none\r\n", "A: 2\r\n\r\n"}},
		{"quoted lines", fromLine + "A: 1\n\n>From here\n>>From there\n> From x\nFrom me to you\n>Fromage\n",
			[]string{"A: 1\n\nFrom here\n>From there\n> From x\nFrom me to you\n>Fromage\n"}},
		{"a quoted line in the header stays", fromLine + ">From b@c Mon Nov 21 10:00:00 2026\nA: 1\n\n>From b\n",
			[]string{">From b@c Mon Nov 21 10:00:00 2026\nA: 1\n\nFrom b\n"}},
		{"a line of text that begins with From", fromLine + "A: 1\n\nx\n\nFrom here on it is text\n", []string{"A: 1\n\nx\n\nFrom here on it is text\n"}},
		{"no empty line in front of a message", fromLine + "A: 1\n\nhalf a mess\n" + fromLine + "A: 2\n\ntwo\n",
			[]string{"A: 1\n\nhalf a mess\n", "A: 2\n\ntwo\n"}},
		{"a date in the text is no message without an empty line or a header", fromLine + "A: 1\n\nx\n" + fromLine + "text\n", []string{"A: 1\n\nx\n" + fromLine + "text\n"}},
		{"half written: no line end", fromLine + "A: 1\n\none\n\n" + fromLine + "A: 2\nSubj", []string{"A: 1\n\none\n", "A: 2\nSubj"}},
		{"half written: a From_ line only", fromLine + "A: 1\n\none\n\n" + strings.TrimSpace(fromLine), []string{"A: 1\n\none\n", ""}},
		{"no header", fromLine + "\nbody\n\n", []string{"\nbody\n"}},
		{"lengths are not believed if one is missing", fromLine + "Content-Length: 4000\n\none\n\n" + fromLine + "A: 2\n\ntwo\n",
			[]string{"Content-Length: 4000\n\none\n", "A: 2\n\ntwo\n"}},
		{"lengths that hide other messages are not believed", fromLine + fmt.Sprintf("Content-Length: %d\n\nx\n\n%s\n", 3+len(inner), inner) + fromLine + "A: 2\n\ntwo\n",
			[]string{fmt.Sprintf("Content-Length: %d\n\nx\n", 3+len(inner)), strings.TrimPrefix(inner, fromLine), "A: 2\n\ntwo\n"}},
		{"lengths that are all right (mboxcl2)", fromLine + fmt.Sprintf("Content-Length: %d\n\nx\n\n%s\n", 3+len(inner), inner) + fromLine + "Content-Length: 10\n\n>From you\n\n",
			[]string{fmt.Sprintf("Content-Length: %d\n\nx\n\n%s", 3+len(inner), inner), "Content-Length: 10\n\n>From you\n"}},
		{"lengths that are all right, with quotes (mboxcl)", fromLine + "Content-Length: 10\n\n>From you\n\n", []string{"Content-Length: 10\n\nFrom you\n"}},
		{"a negative length", fromLine + "Content-Length: -5\n\none\n", []string{"Content-Length: -5\n\none\n"}},
		{"a length beyond the end", fromLine + "Content-Length: 9223372036854775807\n\none\n", []string{"Content-Length: 9223372036854775807\n\none\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, raws(t, open(t, writeMbox(t, tt.text)))); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMboxIsReadInPiecesOfAnySize(t *testing.T) {
	// From_ lines lie at and around the borders of the pieces in which the file is read.
	const piece = 1 << 20
	for shift := -12; shift <= 12; shift++ {
		var b strings.Builder
		var want []string
		for n := range 4 {
			if n > 0 {
				fill := n*piece + 256*min(n, 1) + shift - b.Len() - len(fromLine) - len("A: x\n\n") - 2
				body := strings.Repeat("x", fill) + "\n"
				b.WriteString(fromLine + "A: x\n\n" + body + "\n")
				want = append(want, "A: x\n\n"+body)
			}
			b.WriteString(fromLine + "A: y\n\n>From z\n\n")
			want = append(want, "A: y\n\nFrom z\n")
		}
		if diff := cmp.Diff(want, raws(t, open(t, writeMbox(t, b.String())))); diff != "" {
			t.Fatalf("shift %d (-want +got):\n%.2000s", shift, diff)
		}
	}
}

func TestSenderOfFromLine(t *testing.T) {
	text := fromLine + "A: 1\n\n\n" + "From MAILER-DAEMON Mon Nov 21 10:00:00 2026\nA: 2\n\n\n" + "From - Mon Nov 21 10:00:00 2026\nA: 3\n\n"
	s := open(t, writeMbox(t, text))
	want := []string{"a@b", "", "none"}
	for i, w := range want {
		m, err := s.Read(i)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if m.From != nil {
			got = *m.From
		}
		if got != w {
			t.Errorf("message %d: %q, want %q", i, got, w)
		}
	}
}

func TestFlagsInTheHeader(t *testing.T) {
	s := open(t, writeMbox(t, fromLine+"Status: RO\nX-Status: AFTD\nX-Keywords: $a  Work\nA: 1\n\n\n"))
	m, err := s.Read(0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`, "$a", "Work"}, m.Flags()); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

func TestNamesOfMboxFiles(t *testing.T) {
	path := writeMbox(t, "")
	s := open(t, path)
	for name, want := range map[string]string{"INBOX": "in", "Lists/go": "Lists/go", "inbox/Lists": "Lists", "Bücher": "B&APw-cher"} {
		if got, err := s.Resolve(name, "/"); got != want || err != nil {
			t.Errorf("Resolve(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"../x", "a//b", ".hidden", "a\x00", "\xff", "x.lock", "", "a/..", strings.Repeat("x", 300)} {
		if got, err := s.Resolve(name, "/"); err == nil {
			t.Errorf("Resolve(%q) = %q", name, got)
		}
	}
}

// Whatever a file holds, its messages lie in it one behind the other, and each can be read.
func FuzzMbox(f *testing.F) {
	f.Add([]byte(fromLine + "A: 1\n\n>From x\n\n" + fromLine + "Content-Length: 3\n\nab\n"))
	f.Add([]byte(fromLine + "Content-Length: 8\n\nFrom x\n\n\n" + fromLine + "Content-Length: 1\n\n\n\n"))
	f.Add([]byte("\n\nFrom a Mon Nov 21 10:00 2026"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "in")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := OpenMbox(path)
		if err != nil {
			return
		}
		defer b.Close()
		end := int64(0)
		for i, s := range b.spans {
			if s.start < end || s.head < s.start || s.end < s.head || s.end > int64(len(text)) || !bytes.HasPrefix(text[s.start:], []byte("From ")) {
				t.Fatalf("span %d is %+v behind %d, of %d octets", i, s, end, len(text))
			}
			end = s.end
			m, err := b.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			if n := int64(len(m.Mail.Raw())); n != m.Mail.Size() {
				t.Fatalf("message %d has %d octets, and says %d", i, n, m.Mail.Size())
			}
			m.Flags()
			m.Close()
		}
	})
}
