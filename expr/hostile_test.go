package expr

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// shared is a value of sixty lists, each of which holds the one before twice.
func shared(with string) string {
	var b strings.Builder
	b.WriteString("let a0 = [1];\n")
	for i := range 60 {
		b.WriteString(strings.NewReplacer("N", string(rune('a'+i/26))+string(rune('a'+i%26)), "P", "").Replace("let xN = [") + "")
		prev := "a0"
		if i > 0 {
			prev = "x" + string(rune('a'+(i-1)/26)) + string(rune('a'+(i-1)%26))
		}
		b.WriteString(prev + ", " + prev + "];\n")
	}
	last := "x" + string(rune('a'+59/26)) + string(rune('a'+59%26))
	return b.String() + strings.ReplaceAll(with, "X", last)
}

// hostile are scripts that want more than they may have.
var hostile = []langtest.Script{
	{"nested loops", `count(map(1..1000, map(1..1000, map(1..1000, # * 2))))`},
	{"a long range", `1..100000000`},
	{"a range over all ints", `(-9223372036854775807)..9223372036854775807`},
	{"doubling a text", `reduce(1..100, #acc + #acc, "x")`},
	{"doubling with join", `reduce(1..100, join([#acc, #acc]), "x")`},
	{"doubling with replace", `reduce(1..100, replace(#acc, "x", "xx"), "x")`},
	{"doubling a list", `reduce(1..100, concat(#acc, #acc), [1])`},
	{"repeat", `repeat("x", 1000000000)`},
	{"repeat of repeat", `repeat(repeat("x", 100000), 100000)`},
	{"shared lists as value", shared(`X`)},
	{"shared lists compared", shared(`let b = [X]; X == b[0] and [X, 1] == [b[0], 2]`)},
	{"shared lists as argument", shared(`is_empty(X)`)},
	{"shared lists flattened", shared(`flatten(X)`)},
	{"shared lists sought", shared(`[X[0], 1] in [X]`)},
	{"lists in lists", `reduce(1..100000, [#acc], 1)`},
	{"a costly pattern", `let s = repeat("a", 4000000); map(1..1000, s matches "(a{1,100}){1,10}b")`},
	{"a costly pattern made at run time", `let s = repeat("a", 4000000); let p = "(a{1,100}){1,10}b"; map(1..1000, s matches p)`},
	{"many patterns", `map(1..100000, "a" matches ("(a{1,100}){1,10}" + string(#)))`},
	{"searching long texts", `let s = repeat("a", 2000000); map(1..1000000, s contains "aaaaaaaaab")`},
	{"comparing long texts", `let s = repeat("a", 1000000) + "b"; let t = repeat("a", 1000000) + "c"; map(1..1000000, s == t)`},
	{"nested extremes", shared(`max(X)`)},
	{"calls", `map(1..1000000, to_lowercase("x"))`},
	{"actions", `map(1..100, keep())`},
	{"sums of sums", `sum(map(1..1000, sum(1..1000)))`},
	{"counting without a predicate", `sum(map(1..1000, ::count(map(1..1000, true))))`},
}

func TestHostileScripts(t *testing.T) {
	room.Hostile(t, hostile, langtest.Bounds{Growth: 128 << 20, Lawful: func(err error) bool {
		return errors.Is(err, runtime.ErrBudget) || strings.Contains(err.Error(), "expected") || strings.Contains(err.Error(), "cannot compare")
	}})
}

func TestLimitsAreNamed(t *testing.T) {
	room.Limits(t, []langtest.Limit{
		{"time", `map(1..1000, map(1..1000, map(1..1000, 1)))`, "time", runtime.Limits{Time: 20 * time.Millisecond, Steps: 1 << 40, Memory: 1 << 40}},
		{"steps", `map(1..1000, #)`, "steps", runtime.Limits{Steps: 100}},
		{"output", `reduce(1..100, #acc + "x", "x")`, "output", runtime.Limits{Output: 100}},
		{"memory", `map(1..1000, #)`, "memory", runtime.Limits{Memory: 10_000}},
		{"memory of what functions return", `map(1..1000, body_text())`, "memory", runtime.Limits{Memory: 100_000}},
		{"nesting", `[[[[[1]]]]]`, "nesting", runtime.Limits{Nesting: 3}},
		{"actions", `map(1..100, keep())`, "actions", runtime.Limits{}},
	})
}
