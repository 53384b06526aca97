package expr

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
)

// live returns a host over a new store, and the store.
func live(t testing.TB) (*runtime.Live, kv.Store) {
	t.Helper()
	s := memory.New(memory.Options{})
	t.Cleanup(func() { _ = s.Close() })
	return &runtime.Live{Stores: func(name string) (kv.Store, error) {
		if name != "" {
			return nil, errors.New("no such store")
		}
		return s, nil
	}}, s
}

func compile(t testing.TB, source string, o runtime.CompileOptions) runtime.Program {
	t.Helper()
	o.Trust = runtime.Admin
	p, err := New(Options{}).Compile("t.expr", []byte(source), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryExampleOfTheTable(t *testing.T) {
	for _, f := range runtime.Functions() {
		for _, ex := range f.Examples {
			t.Run(ex.Code, func(t *testing.T) {
				want, err := runtime.ParseLiteral(ex.Want)
				if err != nil {
					t.Fatal(err)
				}
				host, _ := live(t)
				p := compile(t, strings.Join(append(ex.Setup, ex.Code), ";\n"), runtime.CompileOptions{})
				r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
					Host: host, Trust: runtime.Admin, Namespace: "admin"})
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if !runtime.Equal(r.Value, want) {
					t.Errorf("got %#v, want %s", r.Value, ex.Want)
				}
			})
		}
	}
}

// TestValuesInTheStore holds what is written to its octets, which are those that the
// other languages read and write, and reads them back.
func TestValuesInTheStore(t *testing.T) {
	tests := []struct {
		name, source string
		want         runtime.Value
	}{
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
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, store := live(t)
			p := compile(t, `key_set("", "k", `+tt.source+`); key_set("", "copy", key_get("", "k")); key_get("", "copy")`, runtime.CompileOptions{})
			r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
				Host: host, Trust: runtime.Admin, Namespace: "admin"})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			want, err := runtime.EncodeValue(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"k", "copy"} {
				row, err := store.Get(t.Context(), runtime.ScriptKey(kv.Script, "admin", key))
				if err != nil || string(row.Bytes) != string(want) {
					t.Errorf("%s holds %x, %v; want %x", key, row.Bytes, err, want)
				}
			}
			if !runtime.Equal(r.Value, tt.want) {
				t.Errorf("read back %#v, want %#v", r.Value, tt.want)
			}
		})
	}
}

const filter = `// what lists send goes into its folder, what comes too often is put off
let seen = key_get("", sender());
key_set("", sender(), (seen ?? 0) + 1, "1h");
if header_exists("List-Id") and (seen ?? 0) < 3 {
	fileinto("Lists", {flags: ["\\Seen"]})
} else {
	rate_limit("", sender(), "1/1h").allowed ? keep() : tempfail("later")
}`

func TestReplayNeedsNoStore(t *testing.T) {
	host, _ := live(t)
	p := compile(t, filter, runtime.CompileOptions{})
	e := runtime.NewEngine()
	first := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
		Host: host, Trust: runtime.Admin, Namespace: "admin", Record: runtime.RecordCalls})
	if first.Err != nil || len(first.Plan.Actions) != 1 {
		t.Fatal(first.Err, first.Plan)
	}
	again, err := e.Replay(t.Context(), p, first.Record, runtime.RunOptions{})
	if err != nil || again.Err != nil {
		t.Fatal(err, again.Err)
	}
	if diff := cmp.Diff(first.Plan, again.Plan); diff != "" {
		t.Error(diff)
	}
}

// TestAcrossAPipe runs a program that reaches its core by nothing but a connection.
func TestAcrossAPipe(t *testing.T) {
	p := compile(t, filter, runtime.CompileOptions{Instrument: true})
	run := func(o runtime.RunOptions) *runtime.Result {
		host, _ := live(t)
		o.Host, o.Trust, o.Namespace, o.Record = host, runtime.Admin, "admin", runtime.RecordFull
		return runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), o)
	}
	far := run(runtime.RunOptions{Link: func(ctx context.Context, v *runtime.View, core runtime.Link, p runtime.Program) (runtime.Value, error) {
		near, end := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- runtime.RunRemote(ctx, end, func(j *runtime.Job) (runtime.Program, error) {
				return New(Options{}).Compile(j.Name, j.Source, j.Options)
			})
		}()
		v2, err := runtime.ServeCore(ctx, near, &runtime.Job{Name: p.Name(), Language: p.Language(), Source: []byte(filter),
			Options: runtime.CompileOptions{Trust: runtime.Admin, Instrument: true}, View: v}, core)
		if e := <-done; e != nil {
			t.Error(e)
		}
		return v2, err
	}})
	if far.Err != nil || len(far.Plan.Actions) != 1 || far.Plan.Actions[0].Mailbox != "Lists" {
		t.Fatalf("%v %+v", far.Err, far.Plan)
	}
	near := run(runtime.RunOptions{})
	if diff := cmp.Diff(near.Plan, far.Plan); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(near.Record.Hits, far.Record.Hits); diff != "" {
		t.Error(diff)
	}
}

func TestSites(t *testing.T) {
	host, _ := live(t)
	source := "let x = 1;\nx > 2 and header_exists(\"To\") ? keep() : discard();\nif x == 1 { keep() } else { nil };\n\"a\" | len()"
	p := compile(t, source, runtime.CompileOptions{Instrument: true})
	want := []runtime.Site{{Line: 2, Col: 1, What: "?:"}, {Line: 2, Col: 7, What: "and"}, {Line: 2, Col: 11, What: "call header_exists"}, {Line: 2, Col: 33, What: "call keep"}, {Line: 2, Col: 42, What: "call discard"},
		{Line: 3, Col: 1, What: "if"}, {Line: 3, Col: 13, What: "call keep"}, {Line: 4, Col: 7, What: "call len"}}
	if diff := cmp.Diff(want, p.Sites()); diff != "" {
		t.Error(diff)
	}
	r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
		Host: host, Trust: runtime.Admin, Namespace: "admin", Record: runtime.RecordFull})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	hits := []runtime.HitRecord{{Site: 1, Outcome: runtime.False}, {Site: 0, Outcome: runtime.False}, {Site: 4, Outcome: runtime.True},
		{Site: 5, Outcome: runtime.True}, {Site: 6, Outcome: runtime.True}, {Site: 7, Outcome: runtime.Reached}}
	if diff := cmp.Diff(hits, r.Record.Hits); diff != "" {
		t.Error(diff)
	}
	if plain := compile(t, source, runtime.CompileOptions{}); plain.Sites() != nil {
		t.Error("a program that is not instrumented has sites")
	}
}

func TestExpressions(t *testing.T) {
	o := runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin}
	e, err := CompileExpression("f.sieve:3:9", `len(name) * 2 + score`, []string{"name", "score"}, o)
	if err != nil {
		t.Fatal(err)
	}
	link := &expressionProgram{e: e}
	host, _ := live(t)
	r := runtime.NewEngine().Run(t.Context(), link, runtime.ExampleTransaction(), runtime.RunOptions{Host: host})
	if r.Err != nil || r.Value != int64(9) {
		t.Errorf("got %v, %v", r.Value, r.Err)
	}
	for source, want := range map[string]string{
		`nam + "x"`:          "f.sieve:3:9:1:1: unknown name nam",
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
