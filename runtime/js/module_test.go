package js

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// folder gives the modules of a map, as errors show them in the folder "dir".
func folder(files map[string]string) runtime.CompileOptions {
	return runtime.CompileOptions{Trust: runtime.Admin, Module: func(name string) (string, []byte, error) {
		if source, ok := files[name]; ok {
			return "dir/" + name, []byte(source), nil
		}
		return "", nil, fs.ErrNotExist
	}}
}

func runWith(t *testing.T, source string, o runtime.CompileOptions) *runtime.Result {
	t.Helper()
	p, err := New(Options{}).Compile("dir/t.js", []byte(source), o)
	if err != nil {
		t.Fatal(err)
	}
	return langtest.Execute(t, p, runtime.RunOptions{Host: &runtime.Live{}})
}

func TestModules(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		files        map[string]string
		want         runtime.Value
	}{
		{"what a module exports", `require("./a.js").twice(21)`, map[string]string{"a.js": `exports.twice = n => n * 2`}, int64(42)},
		{"what takes the place of exports", `require("./a")(1)`, map[string]string{"a.js": `module.exports = n => n + 1`}, int64(2)},
		{"a suffix is found", `[require("./a"), require("./b").x, require("./c").y]`,
			map[string]string{"a.js": `module.exports = 1`, "b.json": `{"x": 2}`, "c/index.js": `exports.y = 3`}, []runtime.Value{int64(1), int64(2), int64(3)}},
		{"modules of modules", `require("./lib/a.js")`, map[string]string{"lib/a.js": `module.exports = require("../b.js") + require("./c.js")`, "b.js": `module.exports = "b"`, "lib/c.js": `module.exports = "c"`}, "bc"},
		{"a module is evaluated once", `require("./a.js").n++; require("././a.js").n`, map[string]string{"a.js": `exports.n = 1`}, int64(2)},
		{"only when it is asked for", `if (false) require("./a.js"); 1`, map[string]string{"a.js": `throw new Error("no")`}, int64(1)},
		{"a cycle sees what there is so far", `require("./a.js").seen`, map[string]string{
			"a.js": `exports.early = 1; exports.seen = require("./b.js").seen; exports.late = 2`,
			"b.js": `const a = require("./a.js"); exports.seen = [a.early, a.late === undefined]`}, []runtime.Value{int64(1), true}},
		{"JSON is data", `const j = require("./a.json"); [j["__proto__"].x, j.a, j.x === undefined]`,
			map[string]string{"a.json": ` {"__proto__": {"x": 1}, "a": [1e2, -1, null, "\u2028"]} `}, []runtime.Value{int64(1), []runtime.Value{int64(100), int64(-1), nil, "\u2028"}, true}},
		{"a value that is returned is no export", `require("./a.js").x === undefined`, map[string]string{"a.js": `return {x: 1}`}, true},
		{"functions of the table", `require("./a.js").f("A")`, map[string]string{"a.js": `exports.f = s => to_lowercase(s)`}, "a"},
		{"a script's own names", `const module = 1, exports = 2;const require = x => x + "!"; require("fs")`, nil, "fs!"},
		{"the module of a script", `module.exports.a = exports; module.id + typeof require`, nil, "function"},
		{"a module that fails fails again", `let n = 0; for (let i = 0; i < 2; i++) try { require("./a.js") } catch (e) { n += e.message === "no" } n`,
			map[string]string{"a.js": `throw new Error("no")`}, int64(2)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := runWith(t, tt.source, folder(tt.files))
			if diff := cmp.Diff(tt.want, got.Value); diff != "" || got.Err != nil {
				t.Errorf("%v; want -, got +:\n%s", got.Err, diff)
			}
		})
	}
}

func TestModulesThatAreRefused(t *testing.T) {
	many := map[string]string{}
	var all strings.Builder
	for i := range maxModules + 1 {
		many[fmt.Sprintf("m%d.js", i)] = `exports.x = 1`
		fmt.Fprintf(&all, "require('./m%d.js');\n", i)
	}
	for _, tt := range []struct {
		name, source string
		files        map[string]string
		want         string
	}{
		{"a path out of the folder", `require("../x.js")`, nil, `dir/t.js:1:1: require: "../x.js" leaves the folder of the script`},
		{"such a path of a module", `require("./lib/a.js")`, map[string]string{"lib/a.js": "\nrequire('../../x.js')"}, `dir/lib/a.js:2:1: require: "../../x.js" leaves the folder of the script`},
		{"an absolute path", `require("/etc/passwd")`, nil, `dir/t.js:1:1: require: "/etc/passwd" is no module of the script's folder, such as "./name.js"`},
		{"a path with a NUL", `require("./a\0.js")`, nil, "dir/t.js:1:1: require: \"./a\\x00.js\" is no path of a module"},
		{"a path with a backslash", `require("./..\\a.js")`, nil, `dir/t.js:1:1: require: "./..\\a.js" is no path of a module`},
		{"a module that is missing", `require("./x")`, nil, `dir/t.js:1:1: require: there is no module "./x" beside the script`},
		{"an error of a module", `require("./a.js")`, map[string]string{"a.js": "keep(\n"}, `dir/a.js:2:1: unexpected end of script`},
		{"a wrong call in a module", `require("./a.js")`, map[string]string{"a.js": "1;\n keepp()"}, `dir/a.js:2:2: unknown function "keepp"; is "keep" meant?`},
		{"no JSON", `require("./a.json")`, map[string]string{"a.json": "{\n 'a': 1}"}, `dir/a.json:2:2: this is not JSON`},
		{"JSON that is code", `require("./a.json")`, map[string]string{"a.json": "keep()"}, `dir/a.json:1:1: this is not JSON`},
		{"deep JSON", `require("./a.json")`, map[string]string{"a.json": strings.Repeat("[", 300) + strings.Repeat("]", 300)}, `dir/a.json:1:201: nesting limit of 200 reached`},
		{"many modules", all.String(), many, `dir/t.js:65:1: require: a script has at most 64 modules of 1048576 octets in all`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Options{}).Compile("dir/t.js", []byte(tt.source), folder(tt.files))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
	o := folder(nil)
	o.Module = func(string) (string, []byte, error) { return "", nil, errors.New("path escapes from parent") }
	if _, err := New(Options{}).Compile("t.js", []byte(`require("./x")`), o); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a link out of the folder: %v", err)
	}
}

func TestErrorsOfModulesHaveTheirPlace(t *testing.T) {
	files := map[string]string{"a.js": "exports.f = () => {\n  null.x\n}", "loop.js": "\nfor (;;) {}"}
	for source, want := range map[string]string{
		"\nrequire('./a.js').f()":   "dir/a.js:2:8: TypeError: Cannot read property 'x' of null",
		"require('./loop.js')":      "dir/loop.js:2:1: steps limit of 1000000 reached",
		"let r = require; r('./x')": `dir/t.js:1:18: require: dir/t.js does not name "./x" as it stands in its source`,
	} {
		if got := runWith(t, source, folder(files)); got.Err == nil || !strings.HasPrefix(got.Err.Error(), want[:12]) {
			t.Errorf("%s: got %v, want %s", source, got.Err, want)
		}
	}
}

func TestRunsShareNoModules(t *testing.T) {
	p, err := New(Options{}).Compile("t.js", []byte(`require("./a.js").n++ + require("./b.json").n++`), folder(map[string]string{"a.js": `exports.n = 1`, "b.json": `{"n": 1}`}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := langtest.Execute(t, p, runtime.RunOptions{Host: &runtime.Live{}}); got.Err != nil || !runtime.Equal(got.Value, int64(2)) {
			t.Errorf("got %v, %v", got.Value, got.Err)
		}
	}
}

func TestAJobOfAScriptHasAllOfIt(t *testing.T) {
	compile := func(main, module string) *Program {
		t.Helper()
		o := folder(map[string]string{"a.js": module, "other.js": "1"})
		o.Stage = runtime.StageDeliver
		p, err := New(Options{}).Compile("t.js", []byte(main), o)
		if err != nil {
			t.Fatal(err)
		}
		return p.(*Program)
	}
	v := &runtime.View{Raw: []byte("From: x\n\nbody"), Seed: 7, Namespace: "u:1"}
	job := compile(`require("./a.js")`, `1`).Job(v)
	if d := cmp.Diff(map[string]runtime.Module{"a.js": {File: "dir/a.js", Source: []byte("1")}}, job.Modules); d != "" || job.View.Raw != nil || job.View.Seed != 7 || string(job.Head) != "From: x\n\n" || job.View.Namespace != "" {
		t.Errorf("the job has %v, %+v", job.Modules, job.View)
	}
	if job.Hash == compile(`require("./a.js")`, `2`).Job(v).Hash {
		t.Error("a change of a module is no change of the script")
	}
	two := compile(`require("./a.js"); require("./other.js")`, `1`).Job(v).Hash
	for range 10 {
		if two != compile(`require("./a.js"); require("./other.js")`, `1`).Job(v).Hash {
			t.Fatal("one script has two hashes")
		}
	}
}

func TestConsole(t *testing.T) {
	got := room.Do(t, `console.log("a", 1, [1, "x"], {a: null}); console.warn(new Error("no"), undefined, 1n); console.info(); console.error(() => 1);
typeof console.debug`, runtime.Limits{})
	want := []runtime.NoteRecord{{Kind: "debug", Text: `a 1 [1, "x"] {"a": null}`}, {Kind: "problem", Text: "Error: no undefined 1n"},
		{Kind: "debug", Text: ""}, {Kind: "problem", Text: "[function]"}}
	if diff := cmp.Diff(want, got.Record.Notes); diff != "" || got.Err != nil {
		t.Errorf("%v; want -, got +:\n%s", got.Err, diff)
	}
	got = room.Do(t, `for (let i = 0; i < 200; i++) console.log("x".repeat(3000))`, runtime.Limits{})
	if got.Err != nil || len(got.Record.Notes) != 100 || len(got.Record.Notes[0].Text) > 1<<10 {
		t.Errorf("%v, %d notes", got.Err, len(got.Record.Notes))
	}
	got = room.Do(t, `for (;;) console.log("x".repeat(3000))`, runtime.Limits{})
	if !errors.Is(got.Err, runtime.ErrBudget) {
		t.Errorf("a flood of notes: %v", got.Err)
	}
}
