package stalwart

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime/langtest"
)

func BenchmarkCompile(b *testing.B) { room.BenchmarkCompile(b) }

func BenchmarkRun(b *testing.B) {
	room.BenchmarkRun(b, []langtest.Script{
		{Name: "a rule on the envelope", Source: `sender_domain == 'example.net' && !is_tls || rcpt_domain == 'example.org'`},
		{Name: "a rule with a pattern", Source: `[ { if = "matches('^(.+)@example', sender)", then = "$1" }, { else = "''" } ]`},
		{Name: "header paths", Source: `contains(header.to[*].addr[*].domain, 'example.com') && header.from.addr.local == 'alice'`},
		{Name: "one key_get", Source: `key_get('', 'k') == ''`},
	})
}
