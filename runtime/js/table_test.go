package js

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
	p, err := New(Options{}).Compile("t.js", []byte(source), o)
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
				if f, ok := want.(float64); ok { // 1.0 and 1 are one number here
					want = number(f)
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
		{"undefined", `undefined`, nil},
		{"bool", `true`, true},
		{"int", `42`, int64(42)},
		{"the largest int that is a number", `9007199254740992`, int64(1 << 53)},
		{"a large int", `9223372036854775807n`, int64(9223372036854775807)},
		{"float", `1.5`, 1.5},
		{"a large whole float", `1e300`, 1e300},
		{"string", `"é\ud83d\ude00"`, "é😀"},
		{"bytes", `new Uint8Array([255, 0])`, []byte{0xff, 0}},
		{"list", `[1, 2.5, "x", null, [true]]`, []runtime.Value{int64(1), 2.5, "x", nil, []runtime.Value{true}}},
		{"map", `{a: 1, "b": {c: []}, ["__proto__"]: 2}`, map[string]runtime.Value{"a": int64(1), "b": map[string]runtime.Value{"c": []runtime.Value{}}, "__proto__": int64(2)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, store := live(t)
			p := compile(t, `key_set("", "k", `+tt.source+`); key_set("", "copy", key_get("", "k")); return key_get("", "copy")`, runtime.CompileOptions{})
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
const seen = key_get("", sender()) ?? 0;
key_set("", sender(), seen + 1, "1h");
if (header_exists("List-Id") && seen < 3) {
	fileinto("Lists", {flags: ["\\Seen"]});
} else {
	rate_limit("", sender(), "1/1h").allowed ? keep() : tempfail("later");
}
Math.random() < 2 && new Date().getTime();`

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
	source := "let x = 1;\nx > 2 && header_exists(\"To\") ? keep() : discard();\nif (x == 1) { keep() } else {}\nlen(\"a\");\nwhile (x-- > 0);\nlet f = len; f(\"a\")"
	p := compile(t, source, runtime.CompileOptions{Instrument: true})
	want := []runtime.Site{
		{Line: 2, Col: 1, What: "?:"}, {Line: 2, Col: 1, What: "&&"}, {Line: 2, Col: 10, What: "call header_exists"},
		{Line: 2, Col: 32, What: "call keep"}, {Line: 2, Col: 41, What: "call discard"},
		{Line: 3, Col: 1, What: "if"}, {Line: 3, Col: 15, What: "call keep"}, {Line: 4, Col: 1, What: "call len"}, {Line: 5, Col: 1, What: "while"},
	}
	if diff := cmp.Diff(want, p.Sites()); diff != "" {
		t.Error(diff)
	}
	r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
		Host: host, Trust: runtime.Admin, Namespace: "admin", Record: runtime.RecordFull})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	hits := []runtime.HitRecord{{Site: 1, Outcome: runtime.False}, {Site: 0, Outcome: runtime.False}, {Site: 4, Outcome: runtime.True},
		{Site: 5, Outcome: runtime.True}, {Site: 6, Outcome: runtime.True}, {Site: 7, Outcome: runtime.Reached},
		{Site: 8, Outcome: runtime.True}, {Site: 8, Outcome: runtime.False}}
	if diff := cmp.Diff(hits, r.Record.Hits); diff != "" {
		t.Error(diff)
	}
	if plain := compile(t, source, runtime.CompileOptions{}); plain.Sites() != nil {
		t.Error("a program that is not instrumented has sites")
	}
}
