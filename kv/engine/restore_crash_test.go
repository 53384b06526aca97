package engine_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sluice-mail/sluice/kv/engine"
	"golang.org/x/sys/unix"
)

// TestChildRestores is the other process of TestACrashLeavesTheOldStoreOrTheNew: it dies after a step.
func TestChildRestores(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_RESTORE")
	if path == "" {
		return // it is a part of another test
	}
	err := engine.RestoreSteps(t.Context(), os.Getenv("SLUICE_TEST_FROM"), path, engine.Options{}, func(step string) {
		if step == os.Getenv("SLUICE_TEST_STEP") {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
	})
	t.Fatalf("it got to its end: %v", err)
}

func TestACrashLeavesTheOldStoreOrTheNew(t *testing.T) {
	from := backup(t, "new")
	for _, c := range []struct {
		name    string
		make    func(t *testing.T, path string)
		damaged bool
	}{
		{"over a store", func(t *testing.T, path string) { crashed(t, path, "old") }, false},
		{"over a damaged one", func(t *testing.T, path string) { crashed(t, path, "old"); damage(t, path) }, true},
		{"a second time", func(t *testing.T, path string) {
			crashed(t, path, "first")
			damage(t, path)
			if err := engine.Restore(t.Context(), backup(t, "second"), path, engine.Options{}); err != nil {
				t.Fatal(err)
			}
			crashed(t, path, "old")
			damage(t, path)
		}, true},
		{"over nothing", func(*testing.T, string) {}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var steps []string
			path := filepath.Join(t.TempDir(), "kv.db")
			c.make(t, path)
			if err := engine.RestoreSteps(t.Context(), from, path, engine.Options{}, func(s string) { steps = append(steps, s) }); err != nil {
				t.Fatal(err)
			}
			if len(steps) < 7 {
				t.Fatalf("steps %q", steps)
			}
			for i, step := range steps {
				t.Run(step, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "kv.db")
					c.make(t, path)
					before := contents(t, path)
					die(t, from, path, step)
					began := i >= slices.Index(steps, "ready")
					switch {
					case began:
						is(t, path, "new")
					case c.damaged:
						if diff := cmp.Diff(before, contents(t, path)); diff != "" {
							t.Errorf("the damaged store is not as it was: %s", diff)
						}
					case len(before) > 0:
						is(t, path, "old")
					default:
						is(t, path, "")
					}
					if _, err := os.Stat(path + ".restore-part"); err == nil && (began || !c.damaged) {
						t.Error("the unchecked copy is still there")
					}
					// Whatever is left over, another one comes to its end.
					if err := engine.Restore(t.Context(), from, path, engine.Options{}); err != nil {
						t.Fatal(err)
					}
					is(t, path, "new")
					if c.damaged && !kept(t, path, before) {
						t.Errorf("the old store is gone: %q", names(t, filepath.Dir(path)))
					}
					for _, n := range names(t, filepath.Dir(path)) {
						if ok, _ := filepath.Match("kv.db.restore-*", n); ok {
							t.Errorf("%s is left over", n)
						}
					}
				})
			}
		})
	}
}

// is checks that the store is whole and holds word, or nothing.
func is(t *testing.T, path, word string) {
	t.Helper()
	if diff := cmp.Diff(strings.Fields(word), words(t, path), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// die restores in a process that is killed after a step.
func die(t *testing.T, from, path, step string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildRestores$")
	child.Env = append(os.Environ(), "SLUICE_TEST_RESTORE="+path, "SLUICE_TEST_FROM="+from, "SLUICE_TEST_STEP="+step)
	out, err := child.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Success() || exit.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v: %s", err, out)
	}
}

// contents returns the store's file and journal.
func contents(t *testing.T, path string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		if b, err := os.ReadFile(path + suffix); err == nil {
			all[suffix] = b
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return all
}

// kept reports whether file and journal of before stand together under one of the names for what
// was replaced.
func kept(t *testing.T, path string, before map[string][]byte) bool {
	t.Helper()
	for _, name := range []string{"", ".1", ".2", ".3"} {
		name = path + ".before-restore" + name
		if is := contents(t, name); bytes.Equal(is[""], before[""]) && bytes.Equal(is["-wal"], before["-wal"]) {
			return true
		}
	}
	return false
}
