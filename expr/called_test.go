package expr

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestOperatorsThatAreFunctionsToo(t *testing.T) {
	type list = []runtime.Value
	room.Values(t, []langtest.Value{
		{"called and as operators", `contains("abc", "b") and "abc" contains ("b") and ("abc") contains "b"`, true},
		{"behind not", `[not contains("abc", "x"), "abc" not contains ("x"), not ("abc" contains ("x"))]`, list{true, true, true}},
		{"as arguments and elements", `[contains(["a"], "a"), {k: contains([1], 1)}, if_then(contains("a", "b"), 1, 2)]`, list{true, map[string]runtime.Value{"k": true}, int64(2)}},
		{"in loops", `[filter(["ab", "c"], contains(#, "b")), filter(["ab", "c"], # contains ("b"))]`, list{list{"ab"}, list{"ab"}}},
		{"piped", `["abc"] | contains("abc")`, true},
		{"matches", `matches("^a", "abc") and "abc" matches ("^a")`, true},
		{"in conditions", `if contains("é", "é") { matches("b", "b") ? 1 : 2 } else { 3 }`, int64(1)},
		{"in text and names", `let x = {"contains": "contains(1)"}; x.contains`, "contains(1)"},
		{"after a comment", "// é contains(\n contains /* ( */ (\"a\", \"a\")", true},
	})
	room.CompileErrors(t, []langtest.Error{
		{"a method", `let x = {a: 1}; x.contains(1)`, `t.expr:1:19: values have no methods`},
		{"an operator without its left side", `contains "b"`, `t.expr:1:1: unexpected token Operator("contains")`},
		{"too few arguments", `"é"; contains("a")`, `t.expr:1:6: contains: called with 1 argument, takes 2: contains(in, what) -> bool`},
		{"a wrong kind", `matches(1, "a")`, `t.expr:1:1: matches: argument 1 (pattern): expected string, got int`},
	})
}
