package sieve

import (
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"
	"weak"

	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/runtime"
)

// TestNoProgramKeepsWhatItWasBoundWith compiles all scripts of the cases: what is taken back for
// the next script, the tree and the binder, may not be reachable from a program.
func TestNoProgramKeepsWhatItWasBoundWith(t *testing.T) {
	scripts := map[string]string{"hammer": hammerScript}
	for _, name := range benchNames {
		scripts[name] = string(benchScript(t, name))
	}
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(data).Files {
			scripts[filepath.Base(file)+"/"+f.Name] = string(f.Data)
		}
	}
	type bound struct {
		program runtime.Program
		memory  weak.Pointer[treeMemory]
	}
	l, programs := testLanguage(), map[string]bound{}
	include := func(_, name string) (string, []byte, error) { return name, []byte("keep;"), nil }
	for name, source := range scripts {
		memory := &treeMemory{}
		tree, errs := parse(&memory.script, []byte(source), l.options.Source, memory)
		if len(errs) > 0 {
			continue
		}
		if p, err := l.compile(tree, runtime.CompileOptions{Include: include}, memory); err == nil {
			programs[name] = bound{p, weak.Make(memory)}
		}
	}
	if len(programs) < 100 {
		t.Fatalf("only %d programs", len(programs))
	}
	goruntime.GC()
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if programs[name].memory.Value() != nil {
			t.Errorf("the program of %s keeps what it was bound with", name)
		}
	}
	goruntime.KeepAlive(programs)
}
