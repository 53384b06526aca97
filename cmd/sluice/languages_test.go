package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// childMain is a process that runs one program at the far end of a pipe: it has the
// languages, and no store.
func childMain() {
	e := newEngine(Default("data"))
	rw := struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}
	err := runtime.RunRemote(context.Background(), rw, func(j *runtime.Job) (runtime.Program, error) {
		return e.Compile(j.Name, j.Source, j.Options)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// oneFilter is the same filter in three languages: it reads and writes a store, looks at
// the message, and asks for several actions.
var oneFilter = map[string]string{
	"a.sieve": `require ["fileinto", "copy", "imap4flags", "variables", "vnd.sluice.expressions"];
let "n" "counter_incr('', 'mails')";
eval "key_set('', 'last', subject())";
if allof (header :contains "list-id" "example.net", eval "n == '1'") {
    fileinto :copy :flags "$List" "Lists";
    eval "mark('', 'seen', 1, '1d')";
}
keep :flags "\\Seen";`,
	"a.expr": `let n = counter_incr("", "mails");
key_set("", "last", subject());
includes(header("List-Id"), "example.net") and n == 1 ? fileinto("Lists", {"copy": true, "flags": ["$List"]}) and mark("", "seen", 1, "1d") : false;
keep(["\\Seen"])`,
	"a.js": `const n = counter_incr("", "mails");
key_set("", "last", subject());
if (header("List-Id").includes("example.net") && n === 1) {
  fileinto("Lists", { copy: true, flags: ["$List"] });
  mark("", "seen", 1, "1d");
}
keep(["\\Seen"]);`,
}

func storeHost(t *testing.T) (*runtime.Live, kv.Store) {
	host, s := langtest.Live(t)
	host.Stores = func(string) (kv.Store, error) { return s, nil }
	return host, s
}

var compileAll = runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin, Stores: []string{}}

func TestAProgramOfEachLanguageRunsAcrossAPipe(t *testing.T) {
	e := newEngine(Default("data"))
	for name, source := range oneFilter {
		t.Run(name, func(t *testing.T) {
			p, err := e.Compile(name, []byte(source), compileAll)
			if err != nil {
				t.Fatal(err)
			}
			host, _ := storeHost(t)
			want := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"})
			if want.Err != nil {
				t.Fatal(want.Err)
			}
			host, store := storeHost(t)
			o := runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin", Limits: runtime.Limits{Time: 30 * time.Second}}
			o.Link = func(ctx context.Context, v *runtime.View, core runtime.Link, p runtime.Program) (runtime.Value, error) {
				return runChild(ctx, t, &runtime.Job{Name: name, Language: p.Language(), Source: []byte(source), Options: compileAll, View: v}, core)
			}
			got := e.Run(t.Context(), p, runtime.ExampleTransaction(), o)
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			if diff := cmp.Diff(want.Plan, got.Plan); diff != "" {
				t.Errorf("the plan differs across the pipe:\n%s", diff)
			}
			if len(got.Plan.Actions) != 3 {
				t.Errorf("the plan is %v", got.Plan.Actions)
			}
			v, err := store.Get(t.Context(), runtime.ScriptKey(kv.Script, "a:admin", "last"))
			if err != nil {
				t.Fatal(err)
			}
			if s, err := runtime.DecodeValue(v.Bytes); err != nil || s != "Grüße from the example" {
				t.Errorf("the store holds %v, %v", s, err)
			}
		})
	}
}

// runChild runs a job in a process of its own.
func runChild(ctx context.Context, t *testing.T, job *runtime.Job, core runtime.Link) (runtime.Value, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "SLUICE_TEST_MAIN=child")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v, err := runtime.ServeCore(ctx, pipeEnds{out, in}, job, core)
	in.Close()
	if e := cmd.Wait(); err == nil && e != nil {
		t.Errorf("the child ended with %v", e)
	}
	return v, err
}

type pipeEnds struct {
	io.ReadCloser
	io.WriteCloser
}

func (p pipeEnds) Close() error { p.ReadCloser.Close(); return p.WriteCloser.Close() }

func TestARecordedRunReplaysWithoutAStore(t *testing.T) {
	e := newEngine(Default("data"))
	for name, source := range oneFilter {
		t.Run(name, func(t *testing.T) {
			p, err := e.Compile(name, []byte(source), compileAll)
			if err != nil {
				t.Fatal(err)
			}
			host, _ := storeHost(t)
			first := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin", Record: runtime.RecordCalls})
			if first.Err != nil {
				t.Fatal(first.Err)
			}
			again, err := e.Replay(t.Context(), p, first.Record, runtime.RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if again.Err != nil {
				t.Fatal(again.Err)
			}
			if diff := cmp.Diff(first.Plan, again.Plan); diff != "" {
				t.Errorf("the replayed plan differs:\n%s", diff)
			}
		})
	}
}

// Every example of the function table gives the same in every language.
func TestExamplesOfTheTableInEveryLanguage(t *testing.T) {
	e := newEngine(Default("data"))
	ran, failing := map[string]int{}, 0
	for _, f := range runtime.Functions() {
		for _, ex := range f.Examples {
			if ex.Error != "" {
				failing++
			}
			var want runtime.Value
			if ex.Error == "" {
				var err error
				if want, err = runtime.ParseLiteral(ex.Want); err != nil {
					t.Fatal(err)
				}
			}
			for suffix, program := range map[string]string{
				".expr":  strings.Join(append(ex.Setup, ex.Code), ";\n"),
				".js":    strings.Join(ex.Setup, ";\n") + ";\nreturn " + ex.Code + ";",
				".sieve": sieveExample(ex),
			} {
				t.Run(ex.Code+suffix, func(t *testing.T) {
					host, store := storeHost(t)
					res := &runtime.Result{}
					p, err := e.Compile("example"+suffix, []byte(program), compileAll)
					if err == nil {
						res = e.Run(t.Context(), p, ex.Transaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"})
						err = res.Err
					}
					ran[suffix]++
					if ex.Error != "" {
						if err == nil || inExpression.ReplaceAllString(runtime.WithoutPlace(err), "") != ex.Error {
							t.Errorf("got %v, want the error %s\n%s", err, ex.Error, program)
						}
						return
					}
					if err != nil {
						t.Fatalf("%v\n%s", err, program)
					}
					got := res.Value
					if suffix == ".sieve" {
						// Sieve has no result: the expression stored it.
						v, err := store.Get(t.Context(), runtime.ScriptKey(kv.Script, "a:admin", "example result"))
						if err != nil {
							t.Fatal(err)
						}
						if got, err = runtime.DecodeValue(v.Bytes); err != nil {
							t.Fatal(err)
						}
					}
					if f, ok := got.(float64); ok && suffix == ".js" && f == float64(int64(f)) {
						if _, isInt := want.(int64); isInt {
							got = int64(f)
						}
					}
					if !runtime.Equal(got, want) {
						t.Errorf("got %s, want %s", runtime.ValueText(got), ex.Want)
					}
				})
			}
		}
	}
	t.Logf("%d functions, %d examples in each of 3 languages, %d of them with an error", len(runtime.Functions()), ran[".sieve"], failing)
	for _, suffix := range []string{".sieve", ".expr", ".js"} {
		if ran[suffix] < 400 {
			t.Errorf("%d examples ran as %s", ran[suffix], suffix)
		}
	}
}

// inExpression is what Sieve puts in front of an error of an expression that it found when
// it compiled the script.
var inExpression = regexp.MustCompile(`^in (line \d+, column \d+ of )?the expression: `)

// sieveExample is an example as a Sieve script that leaves the result in the store.
func sieveExample(ex runtime.Example) string {
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	var b strings.Builder
	b.WriteString("require [\"variables\", \"vnd.sluice.expressions\"];\n")
	for _, s := range ex.Setup {
		b.WriteString("eval " + quote(s) + ";\n")
	}
	b.WriteString("eval " + quote(`key_set("", "example result", `+ex.Code+`)`) + ";\n")
	return b.String()
}

// What one language writes, every other one reads with its type.
func TestValuesKeepTheirTypesBetweenLanguages(t *testing.T) {
	e := newEngine(Default("data"))
	// literal in expr and JavaScript, and what Sieve sees of it
	values := []struct{ expr, js, sieve string }{
		{`nil`, `null`, ``},
		{`true`, `true`, `1`},
		{`false`, `false`, ``},
		{`0`, `0`, `0`},
		{`-7`, `-7`, `-7`},
		{`9007199254740993`, `9007199254740993n`, `9007199254740993`},
		{`1.5`, `1.5`, `1.5`},
		{`"Grüße"`, `"Grüße"`, `Grüße`},
		{`""`, `""`, ``},
		{`[1, "a", true]`, `[1, "a", true]`, `[1,"a",true]`},
		{`{"a": 1}`, `{"a": 1}`, `{"a":1}`},
	}
	result := func(t *testing.T, host runtime.Host, name, source string) *runtime.Result {
		t.Helper()
		p, err := e.Compile(name, []byte(source), compileAll)
		if err != nil {
			t.Fatalf("%v\n%s", err, source)
		}
		res := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"})
		if res.Err != nil {
			t.Fatalf("%v\n%s", res.Err, source)
		}
		return res
	}
	run := func(t *testing.T, host runtime.Host, name, source string) runtime.Value {
		t.Helper()
		return result(t, host, name, source).Value
	}
	for _, v := range values {
		writers := map[string]string{
			"w.expr": `key_set("", "x", ` + v.expr + `)`,
			"w.js":   `key_set("", "x", ` + v.js + `);`,
		}
		for writer, source := range writers {
			t.Run(writer+" "+v.expr, func(t *testing.T) {
				host, store := storeHost(t)
				run(t, host, writer, source)
				row, err := store.Get(t.Context(), runtime.ScriptKey(kv.Script, "a:admin", "x"))
				if err != nil {
					t.Fatal(err)
				}
				stored, err := runtime.DecodeValue(row.Bytes)
				if err != nil {
					t.Fatal(err)
				}
				// Each language reads it and writes it back; nothing may change on the way.
				run(t, host, "c.expr", `key_set("", "y", key_get("", "x"))`)
				run(t, host, "c.js", `key_set("", "z", key_get("", "y"));`)
				run(t, host, "c.sieve", "require \"vnd.sluice.expressions\";\neval \"key_set('', 'q', key_get('', 'z'))\";")
				row, err = store.Get(t.Context(), runtime.ScriptKey(kv.Script, "a:admin", "q"))
				if err != nil {
					t.Fatal(err)
				}
				if back, err := runtime.DecodeValue(row.Bytes); err != nil || !runtime.Equal(stored, back) {
					t.Errorf("stored %s, after three languages %s (%v)", runtime.ValueText(stored), runtime.ValueText(back), err)
				}
				if got := run(t, host, "r.expr", `key_get("", "x") == `+v.expr); got != true {
					t.Errorf("expr does not read %s", v.expr)
				}
				res := run(t, host, "r.js", `return JSON.stringify(key_get("", "x"), (k, v) => typeof v === "bigint" ? v + "n" : v) === JSON.stringify(`+v.js+`, (k, v) => typeof v === "bigint" ? v + "n" : v);`)
				if res != true {
					t.Errorf("JavaScript does not read %s", v.js)
				}
				script := fmt.Sprintf("require [\"variables\", \"vnd.sluice.expressions\"];\nlet \"v\" \"key_get('', 'x')\";\nif string :is :comparator \"i;octet\" \"${v}\" %q { discard; }", v.sieve)
				if plan := result(t, host, "r.sieve", script).Plan; len(plan.Actions) != 1 {
					t.Errorf("Sieve does not read %q", v.sieve)
				}
			})
		}
	}
}

func TestARecordOfAllCallsIsBounded(t *testing.T) {
	e := newEngine(Default("data"))
	for name, source := range map[string]string{
		"a.js":   `const s = "x".repeat(1e6); for (let i = 0; i < 20; i++) hash(s, "sha256"); key_set("", "k", 1);`,
		"a.expr": `let s = repeat("x", 1000000); map(1..20, hash(s, "sha256")); key_set("", "k", 1)`,
	} {
		p, err := e.Compile(name, []byte(source), compileAll)
		if err != nil {
			t.Fatal(err)
		}
		host, _ := storeHost(t)
		r := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin", Record: runtime.RecordFull}).Record
		var octets int64
		kept := false // what a replay has to be told
		for _, c := range r.Calls {
			octets += runtime.SizeOf(c.Args) + runtime.SizeOf(c.Result)
			kept = kept || c.Function == "key_set"
		}
		if octets > 5<<20 || r.Dropped < 10 || !kept {
			t.Errorf("%s: the record holds %d octets of calls, %d were dropped; key_set is in it: %v", name, octets, r.Dropped, kept)
		}
	}
}
