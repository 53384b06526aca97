package sieve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/textproto"
	"strings"
	"testing"

	gosieve "github.com/foxcpp/go-sieve"
	"github.com/foxcpp/go-sieve/interp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

const smallScript = `require ["fileinto", "envelope"];
# what a spam filter has found
if header :contains "X-Spam" "yes" {
  fileinto "Spam"; stop;
}
if anyof (header :contains "List-Id" "news", envelope :domain "from" "bulk.example") {
  fileinto "News";
} elsif address :is :localpart "from" "robot" {
  fileinto "Robots";
}
`

// ruleScript is a script of n rules as web mail clients write them, of which only the last
// matches the benchmark's message.
func ruleScript(n int) string {
	var b strings.Builder
	b.WriteString("require [\"fileinto\", \"envelope\", \"imap4flags\", \"copy\", \"relational\", \"comparator-i;ascii-numeric\"];\n")
	for i := range n - 1 {
		fmt.Fprintf(&b, "# rule %d\n", i)
		switch i % 8 {
		case 0:
			fmt.Fprintf(&b, "if anyof (address :is \"from\" [\"chief%d@firm.example\", \"staff%d@firm.example\"], header :contains \"subject\" \"now %d\")\n{\n  fileinto \"Own\";\n  addflag \"\\\\Flagged\";\n  stop;\n}\n", i, i, i)
		case 1:
			fmt.Fprintf(&b, "if header :is \"List-Id\" \"<group%d.lists.example>\"\n{\n  fileinto \"Lists/g%d\";\n  stop;\n}\n", i, i)
		case 2:
			fmt.Fprintf(&b, "if allof (address :domain :is \"from\" \"store%d.example\", not header :contains \"subject\" [\"bill\", \"receipt\"])\n{\n  fileinto \"Stores\";\n  stop;\n}\n", i)
		case 3:
			fmt.Fprintf(&b, "if anyof (header :contains [\"to\", \"cc\"] \"name%d@mine.example\", address :contains :localpart [\"to\", \"cc\"] \"name%d\")\n{\n  fileinto \"Names\";\n  stop;\n}\n", i, i)
		case 4:
			fmt.Fprintf(&b, "if header :matches \"subject\" [\"*case #%d*\", \"*[issue-%d-*]*\"]\n{\n  fileinto \"Cases\";\n  stop;\n}\n", i, i)
		case 5:
			fmt.Fprintf(&b, "if allof (envelope :domain :is \"from\" \"mass%d.example\", size :over 100K)\n{\n  fileinto :copy \"Mass\";\n  discard;\n  stop;\n}\n", i)
		case 6:
			fmt.Fprintf(&b, "if header :value \"ge\" :comparator \"i;ascii-numeric\" \"X-Level-%d\" \"4\"\n{\n  setflag \"$low\";\n  fileinto \"Low\";\n  stop;\n}\n", i)
		case 7:
			fmt.Fprintf(&b, "if header :contains \"subject\" \"[team-%d]\"\n{\n  fileinto \"Team/t%d\";\n  stop;\n}\n", i, i)
		}
	}
	b.WriteString("if header :contains \"subject\" \"minutes\" { fileinto \"Meetings\"; }\n")
	return b.String()
}

// benchMessage is a message of about 20 KB with 45 header lines.
func benchMessage() []byte {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "Received: from relay%d.example.org (relay%d.example.org [192.0.2.%d])\r\n\tby mx.example.net with ESMTPS id %d\r\n\tfor <user@example.net>; Fri, 20 Nov 2026 10:00:0%d +0000\r\n", i, i, i+1, i*7919, i)
	}
	b.WriteString("From: =?utf-8?q?J=C3=BCrgen?= <juergen@partner.example>\r\nTo: User <user@example.net>, other@example.net\r\nCc: third@example.org\r\n" +
		"Subject: Minutes of our meeting and what comes next\r\nMessage-ID: <1@partner.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n")
	for i := range 14 {
		fmt.Fprintf(&b, "X-Scan-%d: %s\r\n", i, strings.Repeat("v", 40))
	}
	b.WriteString("\r\n")
	for b.Len() < 20<<10 {
		b.WriteString("A line of text as messages have them, of a usual length or so.\r\n")
	}
	return []byte(b.String())
}

// sink is the core of a benchmark's run.
type sink struct{ calls int }

func (s *sink) Invoke(string, []runtime.Value) (runtime.Value, error) { s.calls++; return true, nil }
func (s *sink) SetKeepFlags([]string)                                 {}
func (s *sink) Hit(int, runtime.Outcome)                              {}

var benchScripts = []struct{ name, source string }{{"small", smallScript}, {"rules100", ruleScript(100)}}

func BenchmarkCompile(b *testing.B) {
	l := New(Options{})
	for _, s := range benchScripts {
		source := []byte(s.source)
		b.Run(s.name+"/sluice", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, err := l.Compile("t", source, runtime.CompileOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/go-sieve", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, err := gosieve.Load(bytes.NewReader(source), gosieve.DefaultOptions()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	source := []byte(ruleScript(100))
	b.ReportAllocs()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, errs := Parse("t", source); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// BenchmarkRun runs a compiled script on one message: /execute with a header that is read
// already, /message with a message that has just come.
func BenchmarkRun(b *testing.B) {
	raw := benchMessage()
	ctx := context.Background()
	l := New(Options{})
	for _, s := range benchScripts {
		p, err := l.Compile("t", []byte(s.source), runtime.CompileOptions{})
		if err != nil {
			b.Fatal(err)
		}
		peer, err := gosieve.Load(strings.NewReader(s.source), gosieve.DefaultOptions())
		if err != nil {
			b.Fatal(err)
		}
		view := func(m *mail.Message) *runtime.View {
			v := &runtime.View{Transaction: runtime.Transaction{Stage: runtime.StageDeliver, From: runtime.Path{Address: "juergen@partner.example"}, Message: m}}
			v.Rcpt.Address = "user@example.net"
			return v
		}
		ours := func(b *testing.B, m *mail.Message) {
			if _, err := p.Run(runtime.NewTask(ctx, view(m), &sink{})); err != nil {
				b.Fatal(err)
			}
		}
		theirs := func(b *testing.B, h textproto.MIMEHeader) {
			d := gosieve.NewRuntimeData(peer, interp.DummyPolicy{},
				interp.EnvelopeStatic{From: "juergen@partner.example", To: "user@example.net"}, interp.MessageStatic{Size: len(raw), Header: h})
			if err := peer.Execute(ctx, d); err != nil {
				b.Fatal(err)
			}
		}
		header := func(b *testing.B) textproto.MIMEHeader {
			h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw))).ReadMIMEHeader()
			if err != nil {
				b.Fatal(err)
			}
			return h
		}
		b.Run(s.name+"/execute/sluice", func(b *testing.B) {
			b.ReportAllocs()
			m := mail.New(raw)
			for b.Loop() {
				ours(b, m)
			}
		})
		b.Run(s.name+"/execute/go-sieve", func(b *testing.B) {
			b.ReportAllocs()
			h := header(b)
			for b.Loop() {
				theirs(b, h)
			}
		})
		b.Run(s.name+"/message/sluice", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ours(b, mail.New(raw))
			}
		})
		b.Run(s.name+"/message/go-sieve", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				theirs(b, header(b))
			}
		})
	}
}
