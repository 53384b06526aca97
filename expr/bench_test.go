package expr

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// largeMessage returns the transaction of the examples with a message of 20 KB.
func largeMessage() *runtime.Transaction {
	tx := runtime.ExampleTransaction()
	raw := string(tx.Message.Raw()) + strings.Repeat("What a line of text in a message looks like, more or less.\r\n", 330)
	tx.Message = mail.New([]byte(raw))
	return tx
}

func BenchmarkCompile(b *testing.B) {
	l := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Compile("t.expr", []byte(filter), runtime.CompileOptions{Trust: runtime.Admin}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, bb := range []struct{ name, source string }{
		{"one key_get", `key_get("", "k") == nil`},
		{"a small filter on 20 KB", `let s = subject();
s contains "invoice" or contains_ignore_case(body_text(), "unsubscribe") ? fileinto("Junk")
: header_exists("List-Id") ? fileinto("Lists") : keep()`},
		{"nothing", `1`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			host, _ := live(b)
			p := compile(b, bb.source, runtime.CompileOptions{})
			e, tx := runtime.NewEngine(), largeMessage()
			o := runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "admin"}
			b.ReportAllocs()
			for b.Loop() {
				if r := e.Run(b.Context(), p, tx, o); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}
