package expr

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

const filter = `// what lists send goes into its folder, what comes too often is put off
let seen = key_get("", sender());
key_set("", sender(), (seen ?? 0) + 1, "1h");
if header_exists("List-Id") and (seen ?? 0) < 3 {
	fileinto("Lists", {flags: ["\\Seen"]})
} else {
	rate_limit("", sender(), "1/1h").allowed ? keep() : tempfail("later")
}`

var room = langtest.Room{Language: New(Options{}), Script: "t.expr", Filter: filter}

func TestContract(t *testing.T) { room.Run(t) }

func TestEveryExampleOfTheTable(t *testing.T) { room.Examples(t) }

func TestValuesInTheStore(t *testing.T) {
	room.Stored(t, []langtest.Value{
		{"null", `null`, nil},
		{"bool", `true`, true},
		{"int", `42`, int64(42)},
		{"a large int", `9223372036854775807`, int64(9223372036854775807)},
		{"float", `1.5`, 1.5},
		{"an integral float", `2.0`, 2.0},
		{"string", `"é"`, "é"},
		{"bytes", `b"\xff\x00"`, []byte{0xff, 0}},
		{"list", `[1, 2.0, "x", null, [true]]`, []runtime.Value{int64(1), 2.0, "x", nil, []runtime.Value{true}}},
		{"map", `{a: 1, "b": {c: []}}`, map[string]runtime.Value{"a": int64(1), "b": map[string]runtime.Value{"c": []runtime.Value{}}}},
		{"what a loop made", `map(1..2, # * 2)`, []runtime.Value{int64(2), int64(4)}},
		{"a range", `1..2`, []runtime.Value{int64(1), int64(2)}},
	})
}

func TestSites(t *testing.T) {
	room.Sites(t, "let x = 1;\nx > 2 and header_exists(\"To\") ? keep() : discard();\nif x == 1 { keep() } else { nil };\n\"a\" | len()",
		[]runtime.Site{{Line: 2, Col: 1, What: "?:"}, {Line: 2, Col: 7, What: "and"}, {Line: 2, Col: 11, What: "call header_exists"}, {Line: 2, Col: 33, What: "call keep"}, {Line: 2, Col: 42, What: "call discard"},
			{Line: 3, Col: 1, What: "if"}, {Line: 3, Col: 13, What: "call keep"}, {Line: 4, Col: 7, What: "call len"}},
		[]runtime.HitRecord{{Site: 1, Outcome: runtime.False}, {Site: 0, Outcome: runtime.False}, {Site: 4, Outcome: runtime.True},
			{Site: 5, Outcome: runtime.True}, {Site: 6, Outcome: runtime.True}, {Site: 7, Outcome: runtime.Reached}})
}

func TestExpressions(t *testing.T) {
	o := runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin}
	e, err := CompileExpression("f.sieve:3:9", `len(name) * 2 + score`, []string{"name", "score"}, o)
	if err != nil {
		t.Fatal(err)
	}
	link := &expressionProgram{e: e}
	host, _ := langtest.Live(t)
	r := langtest.Execute(t, link, runtime.RunOptions{Host: host})
	if r.Err != nil || r.Value != int64(9) {
		t.Errorf("got %v, %v", r.Value, r.Err)
	}
	for source, want := range map[string]string{
		`nam + "x"`:          `f.sieve:3:9:1:1: unknown name nam; is "name" meant?`,
		`key_gett("", name)`: `f.sieve:3:9:1:1: unknown function "key_gett"; is "key_get" meant?`,
		`len(`:               "f.sieve:3:9:1:4: unexpected token EOF",
	} {
		if _, err := CompileExpression("f.sieve:3:9", source, []string{"name"}, o); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
	if _, err := CompileExpression("x", `anything + 1`, nil, o); err != nil {
		t.Errorf("without a list every name is a variable: %v", err)
	}
}

// expressionProgram evaluates an expression as another language would.
type expressionProgram struct{ e *Expression }

func (p *expressionProgram) Language() string      { return "test" }
func (p *expressionProgram) Name() string          { return "test" }
func (p *expressionProgram) Sites() []runtime.Site { return nil }
func (p *expressionProgram) Run(t *runtime.Task) (runtime.Value, error) {
	return p.e.Eval(t, func(name string) runtime.Value {
		return map[string]runtime.Value{"name": "bob", "score": int64(3)}[name]
	})
}
