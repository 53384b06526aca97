package testsuite_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/sluice-mail/sluice/sieve/testsuite"
)

// What Pigeonhole 0.5.19's suite has. Of its blocks 6 stand in an "if false", and 2 more are
// commented out and not counted.
const (
	wantFiles  = 147
	wantBlocks = 695
)

// skipped are the blocks that depend on the machine that runs them, as "file: block", with the
// reason.
var skipped = map[string]string{}

// maxSkipped is how many blocks may be skipped.
const maxSkipped = 5

// pigeonhole returns the folder of Pigeonhole's test files, which .ci/pigeonhole fetches.
func pigeonhole(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SLUICE_PIGEONHOLE")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(home, ".cache", "sluice", "pigeonhole")
	}
	if _, err := os.Stat(filepath.Join(dir, ".complete")); err != nil {
		missing := t.Skipf
		if os.Getenv("CI") != "" {
			missing = t.Fatalf
		}
		missing("SKIPPED, NOT JUDGED BY PIGEONHOLE'S TEST SUITE: it is not in %s; run .ci/pigeonhole", dir)
	}
	return filepath.Join(dir, "tests")
}

// testFiles returns the test files below a folder, by their names in it.
func testFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".svtest" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// TestEveryBlockOfPigeonholesSuitePasses runs all of it, the folders of deprecated extensions
// too. Files in the folder failures have to fail.
func TestEveryBlockOfPigeonholesSuitePasses(t *testing.T) {
	dir := pigeonhole(t)
	files := testFiles(t, dir)
	if len(files) != wantFiles {
		t.Fatalf("%s has %d test files, expected %d", dir, len(files), wantFiles)
	}
	if len(skipped) > maxSkipped {
		t.Errorf("%d blocks are skipped, at most %d may be", len(skipped), maxSkipped)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "file\tpassed\tfailed\tskipped\tnot reached")
	var sum tally
	for _, name := range files {
		f := testsuite.Run(t.Context(), filepath.Join(dir, filepath.FromSlash(name)), testsuite.Options{Programs: true})
		n := judge(t, name, f)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", name, n.passed, n.failed, n.skipped, n.notReached)
		sum = tally{sum.passed + n.passed, sum.failed + n.failed, sum.skipped + n.skipped, sum.notReached + n.notReached}
	}
	fmt.Fprintf(w, "%d files\t%d\t%d\t%d\t%d\n", len(files), sum.passed, sum.failed, sum.skipped, sum.notReached)
	w.Flush()
	t.Log("\n" + table.String())
	for block, reason := range skipped {
		t.Logf("skipped: %s: %s", block, reason)
	}
	if n := sum.passed + sum.failed + sum.skipped + sum.notReached; n != wantBlocks {
		t.Errorf("there are %d blocks, expected %d", n, wantBlocks)
	}
}

// tally counts blocks; those not reached stand where the file itself says that they do not run.
type tally struct{ passed, failed, skipped, notReached int }

// judge counts the blocks of a file and reports those that are not as they should be.
func judge(t *testing.T, name string, f *testsuite.File) (n tally) {
	t.Helper()
	mustFail := strings.HasPrefix(name, "failures/")
	switch {
	case f.Err == nil:
		n.notReached = f.NotRun
	case mustFail:
		n.passed = f.NotRun
	default:
		n.failed = f.NotRun
		t.Errorf("%s: %v", name, f.Err)
	}
	for _, b := range f.Blocks {
		_, skip := skipped[name+": "+b.Name]
		switch {
		case skip:
			n.skipped++
		case b.Passed != mustFail:
			n.passed++
		default:
			n.failed++
			t.Errorf("%s: %q: %s: %s", name, b.Name, b.At, b.Reason)
		}
	}
	return n
}
