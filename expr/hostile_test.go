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
	{"closures deep within each other", strings.Repeat(`map(1..30, `, 12) + `1` + strings.Repeat(`)`, 12)},
	{"a quadratic filter", `let l = 1..3000; filter(l, # in filter(l, # > 5))`},
	{"a filter of each element", `let l = map(1..2000, #); reduce(l, filter(l, # != 0), [])`},
	{"a map that grows", `reduce(1..100, ({a: #acc, b: #acc}), {a: 1})`},
	{"small maps", `map(1..300000, ({a: 1}))`},
	{"lists of long texts", `map(1..1000, repeat("x", 4000000))`},
	{"doubling octets in a closure", `reduce(1..64, [#acc[0] + #acc[0]], ["xxxxxxxx"])[0]`},
	{"doubling with a format", `reduce(1..64, format("{}{}", #acc, #acc), "x")`},
	{"lines without end *", `map(1..100000, log("info", "a line of a script that does not end"))`},
	{"redirects without end", `map(1..100, redirect("x" + string(#) + "@example.org"))`},
	{"fields without end", `map(1..100000, header_add("X-Flood", repeat("x", 900)))`},
	{"a regex of repetitions", `map(1..1000, matches("((a{1,30}){1,30})b", repeat("a", 100000)))`},
	{"a regex with all matches", `map(1..1000, regex_find_all(".", repeat("a", 1000000)))`},
	{"a pattern of many groups", `"a" matches ("(a|" + repeat("(b|", 5000) + "c" + repeat(")", 5001))`},
	{"similar long texts", `let s = repeat("ab", 500000); map(1..1000, levenshtein_distance(s, s + "x"))`},
	{"a range from a value", `let n = len(repeat("x", 3000000)); map(1..n, 1..n)`},
	{"a sort of shared lists", shared(`sort(X)`)},
	{"json of shared lists", shared(`json_print(X)`)},
	{"rules without end", strings.Repeat("[[rule]]\nthen = 'count(1..60000)'\ncontinue = true\n", 40)},
	{"a rule that floods", "[[rule]]\nwhen = 'len(reduce(1..100, #acc + #acc, \"x\")) > 0'\nthen = 'keep()'"},
	{"counting without a predicate", `sum(map(1..1000, ::count(map(1..1000, true))))`},
}

func TestHostileScripts(t *testing.T) {
	room.Hostile(t, hostile, langtest.Bounds{Growth: 128 << 20, Lawful: func(err error) bool {
		return errors.Is(err, runtime.ErrBudget) || strings.Contains(err.Error(), "expected") || strings.Contains(err.Error(), "is over the limit") || strings.Contains(err.Error(), "too large") || strings.Contains(err.Error(), "are compared") || strings.Contains(err.Error(), "cannot compare")
	}})
}

// What a run asks of the store is bounded, and a lock that it hoards is given back.
func TestFloodsOfTheStoreEndAtTheirLimit(t *testing.T) {
	host, _ := langtest.Live(t)
	for _, tt := range []struct{ source, limit string }{
		{`map(1..100000, key_get("", "k" + string(#)))`, "ops"},
		{`map(1..100000, key_set("", "k" + string(#), repeat("x", 60000)))`, "writes"},
		{`map(1..100000, counter_incr("", "c" + string(#), 1))`, "writes"},
		{`map(1..100000, lock_try("", "l" + string(#), "1h"))`, "writes"},
		{`map(1..100000, rate_limit("", "r" + string(#), "1/1h"))`, "writes"},
		{"[[rule]]\nthen = 'map(1..100000, key_delete(\"\", \"k\"))'", "writes"},
	} {
		for range 2 { // a run that went before takes nothing from the next
			got := langtest.Execute(t, room.Compile(t, tt.source, runtime.CompileOptions{}), runtime.RunOptions{Host: host})
			var limit *runtime.LimitError
			if !errors.As(got.Err, &limit) || limit.Limit != tt.limit {
				t.Errorf("%s: got %v, want the limit %s", tt.source, got.Err, tt.limit)
			}
		}
	}
	got := langtest.Execute(t, room.Compile(t, `lock_try("", "l1", "1h") != null`, runtime.CompileOptions{}), runtime.RunOptions{Host: host})
	if got.Err != nil || got.Value != true {
		t.Errorf("the lock of a run that ended is held: %v, %v", got.Value, got.Err)
	}
}

func TestSourcesThatAreTooMuchAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"a giant literal", `"` + strings.Repeat("x", 70_000) + `"`, "limit of 65536"},
		{"a list of all", "[" + strings.Repeat("1,", 20_000) + "1]", "nodes"},
		{"deep brackets", strings.Repeat("(", 30_000) + "1" + strings.Repeat(")", 30_000), "nesting limit of 200 reached"},
		{"deep lists", strings.Repeat("[", 30_000), "nesting limit of 200 reached"},
		{"deep conditions", strings.Repeat("true ? 1 : ", 5_000) + "1", "nodes"},
		{"a long chain", "1" + strings.Repeat(" == 1", 10_000), "nodes"},
		{"many names", strings.Repeat("let a = 1; ", 5_000) + "a", "nodes"},
		{"many closures", strings.Repeat("map([1], ", 3_000), "nesting limit of 200 reached"},
		{"a giant pattern", `"a" matches "` + strings.Repeat("(a{1000})", 2_000) + `"`, "matches"},
		{"a giant rule", "[[rule]]\nthen = '" + strings.Repeat("x", 70_000) + "'", "limit of 65536"},
		{"deep TOML", "[[rule]]\nthen = " + strings.Repeat("[", 60_000), "TOML"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			_, err := room.Language.Compile("t.expr", []byte(tt.source), runtime.CompileOptions{Trust: runtime.Admin})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "t.expr:") {
				t.Errorf("got %.200v, want %s", err, tt.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
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
