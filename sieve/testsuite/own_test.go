package testsuite_test

import (
	"path/filepath"
	"testing"

	"github.com/sluice-mail/sluice/sieve/testsuite"
)

// TestOwnFiles runs the test files of sieve/testdata: what other suites do not look at.
func TestOwnFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*", "*.svtest"))
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, path := range files {
		name, _ := filepath.Rel(filepath.Join("..", "testdata"), path)
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			t.Parallel()
			f := testsuite.Run(t.Context(), path, testsuite.Options{})
			if f.Err != nil {
				t.Fatal(f.Err)
			}
			for _, b := range f.Blocks {
				if !b.Passed {
					t.Errorf("%s:%s: %s: %s", path, b.At, b.Name, b.Reason)
				}
			}
		})
	}
}
