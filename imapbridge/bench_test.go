package imapbridge

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// bigBox returns an account whose INBOX has n messages.
func bigBox(b *testing.B, n int) *memory {
	m := newMemory()
	batch := make([]idmap.Append, 0, n)
	for i := range n {
		a := idmap.Append{Raw: fmt.Appendf(nil, "From: Sender %d <s%d@example.org>\r\nTo: alice@example.org\r\nSubject: Message number %d\r\n"+
			"Date: Wed, 04 Mar 2026 05:06:07 +0100\r\nMessage-ID: <%d@example.org>\r\n\r\n%s\r\n", i, i%97, i, i, strings.Repeat("text ", 150))}
		if i%3 == 0 {
			a.Flags = idmap.Seen
		}
		if i%10 == 0 {
			a.Keywords = []string{"$Junk"}
		}
		batch = append(batch, a)
	}
	if _, _, err := m.Append(b.Context(), 1, batch); err != nil {
		b.Fatal(err)
	}
	return m
}

// benchmarkCommand runs a command over and over on a box of n messages.
func benchmarkCommand(b *testing.B, n int, command string) {
	_, addr := start(b, Options{Authenticate: authAlice(bigBox(b, n))})
	c := dial(b, addr)
	_ = c.conn.SetDeadline(time.Time{})
	c.r = bufio.NewReaderSize(c.conn, 256<<10)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	b.ReportAllocs()
	for b.Loop() {
		c.send("t " + command + "\r\n")
		octets := int64(0)
		for {
			line, err := c.r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			octets += int64(len(line))
			if line[0] == 't' && line[1] == ' ' && line[2] != ' ' {
				if string(line[2:4]) != "OK" {
					b.Fatalf("%s", line)
				}
				break
			}
		}
		b.SetBytes(octets)
	}
}

func BenchmarkFetchFlagsOf10000(b *testing.B) { benchmarkCommand(b, 10_000, "FETCH 1:* (UID FLAGS)") }
func BenchmarkFetchEnvelopeOf1000(b *testing.B) {
	benchmarkCommand(b, 1000, "FETCH 1:* (UID ENVELOPE)")
}
func BenchmarkFetchListViewOf1000(b *testing.B) {
	benchmarkCommand(b, 1000, "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (Date From To Cc Subject Message-ID References List-Id)])")
}
func BenchmarkFetchBodyOf1000(b *testing.B)     { benchmarkCommand(b, 1000, "FETCH 1:* (UID BODY.PEEK[])") }
func BenchmarkSearchUnseenOf10000(b *testing.B) { benchmarkCommand(b, 10_000, "UID SEARCH UNSEEN") }
func BenchmarkSearchSubjectOf10000(b *testing.B) {
	benchmarkCommand(b, 10_000, "UID SEARCH SUBJECT 9999")
}
func BenchmarkSelectOf10000(b *testing.B) { benchmarkCommand(b, 10_000, "SELECT INBOX") }
func BenchmarkNoop(b *testing.B)          { benchmarkCommand(b, 10, "NOOP") }
