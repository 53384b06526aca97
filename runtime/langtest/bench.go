package langtest

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// BenchmarkCompile compiles the Filter.
func (r Room) BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Language.Compile(r.Script, []byte(r.Filter), runtime.CompileOptions{Trust: runtime.Admin}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun runs scripts on a message of 20 KB.
func (r Room) BenchmarkRun(b *testing.B, scripts []Script) {
	tx := runtime.ExampleTransaction()
	raw := string(tx.Message.Raw()) + strings.Repeat("What a line of text in a message looks like, more or less.\r\n", 330)
	tx.Message = mail.New([]byte(raw))
	for _, bb := range scripts {
		b.Run(bb.Name, func(b *testing.B) {
			host, _ := Live(b)
			p := r.Compile(b, bb.Source, runtime.CompileOptions{})
			e := runtime.NewEngine()
			o := runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "admin"}
			b.ReportAllocs()
			for b.Loop() {
				if got := e.Run(b.Context(), p, tx, o); got.Err != nil {
					b.Fatal(got.Err)
				}
			}
		})
	}
}
