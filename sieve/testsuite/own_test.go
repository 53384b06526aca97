package testsuite_test

import (
	"path/filepath"
	"testing"

	"github.com/sluice-mail/sluice/expr"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
	"github.com/sluice-mail/sluice/sieve/testsuite"
)

// minOwn is how many blocks our own files have at least.
const minOwn = 250

// expressions lends expr's evaluator to Sieve, as the program does.
type expressions struct{}

func (expressions) Compile(name, source string, variables []string, o runtime.CompileOptions) (sieve.Expression, error) {
	e, err := expr.CompileExpression(name, source, variables, o)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// TestOwnFiles runs the test files of sieve/testdata: what other suites do not look at.
func TestOwnFiles(t *testing.T) {
	dir := filepath.Join("..", "testdata")
	blocks := 0
	for _, name := range testFiles(t, dir) {
		t.Run(name, func(t *testing.T) {
			f := testsuite.Run(t.Context(), filepath.Join(dir, name), testsuite.Options{Sieve: sieve.Options{Expressions: expressions{}}})
			if f.Err != nil {
				t.Error(f.Err)
			}
			if f.NotRun > 0 {
				t.Errorf("%d blocks were not run", f.NotRun)
			}
			blocks += len(f.Blocks)
			for _, b := range f.Blocks {
				if !b.Passed {
					t.Errorf("%s:%s: %s: %s", f.Path, b.At, b.Name, b.Reason)
				}
			}
		})
	}
	if blocks < minOwn {
		t.Errorf("%d blocks were run, expected at least %d", blocks, minOwn)
	}
}
