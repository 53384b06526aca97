package js

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime/langtest"
)

func BenchmarkCompile(b *testing.B) { room.BenchmarkCompile(b) }

func BenchmarkRun(b *testing.B) {
	room.BenchmarkRun(b, []langtest.Script{
		{"one key_get", `key_get("", "k") === null`},
		{"a small filter on 20 KB", `const s = subject();
if (s.includes("invoice") || contains_ignore_case(body_text(), "unsubscribe")) fileinto("Junk");
else if (header_exists("List-Id")) fileinto("Lists");
else keep()`},
		{"nothing", `1`},
		{"computed keys", `const a = [1, 2], i = 1; a[i]`},
	})
}
