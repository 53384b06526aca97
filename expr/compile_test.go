package expr

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestCompileErrors(t *testing.T) {
	room.CompileErrors(t, []langtest.Error{
		{"an error in an argument and a loop", `map([1], key_gett("", "a"))`, `t.expr:1:10: unknown function "key_gett"; is "key_get" meant?`},
		{"a function as value", `let f = keep; 1`, `t.expr:1:9: keep is a function; call it: keep(flags?) -> bool`},
		{"a method", `"a".trim()`, `t.expr:1:5: values have no methods; functions are called as name(value)`},
		{"a builtin that is not there", `date("2026-01-01")`, `t.expr:1:1: unknown function "date"`},
		{"a builtin behind a function", `::split("a", "b")`, `t.expr:1:3: there is no builtin ::split; call split without the colons`},
		{"an own builtin with a wrong count", `upper()`, `t.expr:1:1: upper: called with 0 arguments, takes 1`},
		{"the environment", `$env`, `t.expr:1:1: unknown name $env`},
		{"a name that is taken", `let $env = 1; keep()`, `t.expr:1:5: $env cannot be declared`},
		{"an unknown name", `1 + x`, `t.expr:1:5: unknown name x`},
		{"mismatched kinds", `1 + "a"`, `t.expr:1:3: invalid operation: + (mismatched types int and string)`},
		{"a bad pattern", `"a" matches "("`, "t.expr:1:13: matches: error parsing regexp: missing closing ): `(`"},
		{"a large pattern", `"a" matches "((a{30}){30}){30}"`, `t.expr:1:13: matches: error parsing regexp: invalid repeat count`},
		{"an open bracket", "keep(", `t.expr:1:5: unexpected token EOF`},
		{"an open text", "1;\n\"abc", `t.expr:2:5: literal not terminated`},
		{"a column counts characters", `"é" + é`, `t.expr:1:7: unknown name é`},
		{"many signs", strings.Repeat("-", 300) + "1", `t.expr:1:201: nesting limit of 200 reached`},
		{"many ifs", strings.Repeat("if ", 300), `t.expr:1:601: nesting limit of 200 reached`},
		{"a large source", strings.Repeat(" ", 70000), `t.expr:1:1: script of 70000 octets is over the limit of 65536`},
		{"many nodes", "1" + strings.Repeat("+1", 9000), `t.expr:1:10002: compilation failed: expression exceeds maximum allowed nodes`},
	})
}
