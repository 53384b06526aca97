package sieve

import (
	"bufio"
	"bytes"
	"context"
	"net/textproto"
	"os"
	"testing"

	gosieve "github.com/foxcpp/go-sieve"
	"github.com/foxcpp/go-sieve/interp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// benchNames are the scripts of testdata/bench: small has three rules; rules100 a hundred as
// web mail clients write them, of which the last but three matches; hdrvars many captures and
// variables; body looks at every octet and matches nothing.
var benchNames = []string{"small", "rules100", "hdrvars", "body"}

func benchScript(tb testing.TB, name string) []byte {
	tb.Helper()
	src, err := os.ReadFile("testdata/bench/" + name + ".sieve")
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// sink is the core of a benchmark's run.
type sink struct{ calls int }

func (s *sink) Invoke(string, []runtime.Value) (runtime.Value, error) { s.calls++; return true, nil }
func (s *sink) SetKeepFlags([]string)                                 {}
func (s *sink) Hit(int, runtime.Outcome)                              {}

func BenchmarkCompile(b *testing.B) {
	l := New(Options{})
	for _, name := range benchNames {
		source := benchScript(b, name)
		b.Run(name+"/sluice", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, err := l.Compile("t", source, runtime.CompileOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/go-sieve", func(b *testing.B) {
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
	source := benchScript(b, "rules100")
	b.ReportAllocs()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, errs := Parse("t", source); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// benchPair is a script compiled here and by go-sieve.
type benchPair struct {
	ours   runtime.Program
	theirs *gosieve.Script
}

func newBenchPair(tb testing.TB, name string) *benchPair {
	tb.Helper()
	source := benchScript(tb, name)
	p, err := New(Options{}).Compile("t", source, runtime.CompileOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	peer, err := gosieve.Load(bytes.NewReader(source), gosieve.DefaultOptions())
	if err != nil {
		tb.Fatal(err)
	}
	return &benchPair{p, peer}
}

const benchFrom = "bounce@letters.invalid"

func benchTransaction(m *mail.Message) runtime.Transaction {
	t := runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: benchFrom}, Message: m}
	t.Rcpt.Address = "user@example.org"
	return t
}

// run runs our program as a task of its own, without an engine around it.
func (p *benchPair) run(tb testing.TB, m *mail.Message) {
	v := &runtime.View{Transaction: benchTransaction(m)}
	if _, err := p.ours.Run(runtime.NewTask(context.Background(), v, &sink{})); err != nil {
		tb.Fatal(err)
	}
}

// runPeer runs go-sieve's.
func (p *benchPair) runPeer(tb testing.TB, raw []byte, h textproto.MIMEHeader) {
	d := gosieve.NewRuntimeData(p.theirs, interp.DummyPolicy{},
		interp.EnvelopeStatic{From: benchFrom, To: "user@example.org"}, interp.MessageStatic{Size: len(raw), Header: h, RawMessage: raw})
	if err := p.theirs.Execute(context.Background(), d); err != nil {
		tb.Fatal(err)
	}
}

func benchHeader(tb testing.TB, raw []byte) textproto.MIMEHeader {
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw))).ReadMIMEHeader()
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// BenchmarkRun runs a compiled script on one message: /execute with a header that is read
// already, /message with a message that has just come, /engine as a delivery runs it, with
// all that an engine does around it.
func BenchmarkRun(b *testing.B) {
	for _, name := range benchNames {
		p := newBenchPair(b, name)
		for _, size := range []string{"20KB", "5MB"} {
			raw := benchMessages()[size]
			title := name + "/" + size
			b.Run(title+"/execute/sluice", func(b *testing.B) {
				b.ReportAllocs()
				m := mail.New(raw)
				for b.Loop() {
					p.run(b, m)
				}
			})
			b.Run(title+"/execute/go-sieve", func(b *testing.B) {
				b.ReportAllocs()
				h := benchHeader(b, raw)
				for b.Loop() {
					p.runPeer(b, raw, h)
				}
			})
			b.Run(title+"/message/sluice", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.run(b, mail.New(raw))
				}
			})
			b.Run(title+"/message/go-sieve", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.runPeer(b, raw, benchHeader(b, raw))
				}
			})
			b.Run(title+"/engine/sluice", func(b *testing.B) {
				b.ReportAllocs()
				e := runtime.NewEngine(New(Options{}))
				for b.Loop() {
					tx := benchTransaction(mail.New(raw))
					if res := e.Run(context.Background(), p.ours, &tx, runtime.RunOptions{}); res.Err != nil {
						b.Fatal(res.Err)
					}
				}
			})
		}
	}
}
