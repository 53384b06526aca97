package lmtp

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

func FuzzData(f *testing.F) {
	for _, s := range []string{"", ".", "a\r\n.\r\n", "\r\r\n.\r\n", ".\rx\r\n", "\n.\n", strings.Repeat("x", 40) + "\r\n."} {
		f.Add([]byte(s), uint8(16))
	}
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		// What is stuffed is read back exactly, whatever it holds.
		wire := []byte(stuff(string(raw) + "\r\n"))
		b := &body{server: New(Options{}), limit: 1 << 20}
		if err := b.read(bufio.NewReaderSize(bytes.NewReader(wire), int(size))); err != nil {
			t.Fatal(err)
		}
		if string(b.raw) != string(raw)+"\r\n" {
			t.Fatalf("read %q, sent %q", b.raw, raw)
		}
		// Octets that nobody stuffed end somewhere, or not at all.
		b = &body{server: New(Options{}), limit: 64}
		r := bufio.NewReaderSize(bytes.NewReader(raw), int(size))
		if err := b.read(r); err == nil {
			rest, _ := io.ReadAll(r)
			end := raw[:len(raw)-len(rest)]
			if string(end) != ".\r\n" && !bytes.HasSuffix(end, []byte("\r\n.\r\n")) {
				t.Fatalf("%q ended the data", end)
			}
		}
		if int64(len(b.raw)) > b.limit {
			t.Fatalf("%d octets over a limit of %d", len(b.raw), b.limit)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"FROM:<>", "FROM:<a@b> SIZE=1 BODY=8BITMIME", `from: <"a>b"@c>`, "FROM:<@x,@y:a@b>", "FROM:<a@b", "FROM:<ä@ö> SMTPUTF8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		p, err := parsePath(arg, "FROM:", true)
		if err != nil {
			return
		}
		if len(p.Address) > maxPath || strings.ContainsAny(p.Address, "\r\n\x00") || len(p.Params) > maxParams {
			t.Errorf("%q gave %+v", arg, p)
		}
		if again, err := parsePath("FROM:<"+p.Address+">", "FROM:", true); err != nil || again.Address != p.Address {
			// An address that begins with a route is the one exception: it is cut again.
			if !strings.HasPrefix(p.Address, "@") {
				t.Errorf("%q gave %q, which gave %q, %v", arg, p.Address, again.Address, err)
			}
		}
		mailParams(p.Params)
		rcptParams(p.Params)
	})
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("XFORWARD NAME=x\r\n\x00\xff\r\nSTARTTLS\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var fw forwarded
		for line := range bytes.SplitSeq(in, []byte("\n")) {
			fw.parse(string(line))
		}
		r := bufio.NewReaderSize(bytes.NewReader(in), 64)
		for {
			line, err := readLine(r, 100)
			if len(line) > 101 {
				t.Fatalf("a line of %d octets", len(line))
			}
			if err != nil && err != errLongLine {
				return
			}
		}
	})
}
