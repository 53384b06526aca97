package expr

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime/langtest"
)

func BenchmarkCompile(b *testing.B) { room.BenchmarkCompile(b) }

func BenchmarkRun(b *testing.B) {
	room.BenchmarkRun(b, []langtest.Script{
		{"one key_get", `key_get("", "k") == nil`},
		{"a small filter on 20 KB", `let s = subject();
s contains "invoice" or contains_ignore_case(body_text(), "unsubscribe") ? fileinto("Junk")
: header_exists("List-Id") ? fileinto("Lists") : keep()`},
		{"nothing", `1`},
	})
}
