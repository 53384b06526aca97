package testsuite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve/testsuite"
)

const head = "require [\"vnd.dovecot.testsuite\", \"fileinto\", \"mailbox\", \"variables\"];\n"

// say returns what came of a file, a line for each block and one for the file itself.
func say(f *testsuite.File) []string {
	var out []string
	for _, b := range f.Blocks {
		line := fmt.Sprintf("%d:%d %s: ok", b.Line, b.Col, b.Name)
		if !b.Passed {
			line = fmt.Sprintf("%d:%d %s: %s: %s", b.Line, b.Col, b.Name, b.At, b.Reason)
		}
		out = append(out, line)
	}
	if f.Err != nil {
		out = append(out, "file: "+f.Err.Error())
	}
	return out
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		options      testsuite.Options
		want         []string
		failed       int
		notRun       int
	}{
		{"blocks pass and fail", head + `test "a" { } test "b" { test_fail "no"; keep; }`, testsuite.Options{},
			[]string{"2:1 a: ok", "2:14 b: 2:25: no"}, 1, 0},
		{"a reason may hold variables", head + `set "x" "1"; test "a" { test_fail "got ${x}"; }`, testsuite.Options{},
			[]string{"2:14 a: 2:25: got 1"}, 1, 0},
		{"an error in a block ends the file", head + `test "a" { fileinto ""; }`, testsuite.Options{},
			[]string{`file: t.svtest:2:21: mailbox name is empty`}, 1, 1},
		{"an error of a run in a block ends the file", head + "require \"ihave\";\ntest \"a\" { error \"oh\"; }\ntest \"b\" { }", testsuite.Options{},
			[]string{"3:1 a: 3:12: oh", "file: t.svtest:3:12: oh"}, 2, 1},
		{"stop in a block ends the file, and passes", head + "test \"a\" { stop; }\ntest \"b\" { }", testsuite.Options{}, []string{"2:1 a: ok"}, 0, 1},
		{"a failure outside of a block ends the file", head + "test_fail \"no\";\ntest \"b\" { }", testsuite.Options{},
			[]string{"file: t.svtest:2:1: test failed outside of a block: no"}, 1, 1},
		{"blocks do not nest", head + `test "a" { test "b" { } }`, testsuite.Options{}, []string{"file: t.svtest:2:12: tests cannot be nested"}, 1, 2},
		{"an object that is none", head + `test_set "mesage" "";`, testsuite.Options{},
			[]string{"file: t.svtest:2:10: unknown test object 'mesage'; expected one of message, envelope.from, envelope.to, envelope.orig_to, envelope.auth, envelope.ret, envelope.envid, envelope.by, envelope.notify, envelope.orcpt"}, 1, 0},
		{"a message from nowhere", head + `test "a" { test_message 0; }`, testsuite.Options{},
			[]string{"file: t.svtest:2:12: test_message: expected :smtp or :folder"}, 1, 1},
		{"a message that is not there", head + `test "a" { test_message :smtp 3; } test "b" { test_message :folder "INBOX" 0; }`, testsuite.Options{},
			[]string{"2:1 a: 2:12: no outgoing message 3", `2:36 b: 2:47: no message 0 in mailbox "INBOX"`}, 2, 0},
		{"a name that can be no mailbox", head + `test "a" { test_message :folder "a..b" 0; }`, testsuite.Options{},
			[]string{`file: t.svtest:2:33: invalid mailbox name "a..b"`}, 1, 1},
		{"a binary that is not there", head + `test "a" { test_binary_load "x"; }`, testsuite.Options{},
			[]string{`2:1 a: 2:12: test_binary_load: there is no binary "x"`, `file: t.svtest:2:12: test_binary_load: there is no binary "x"`}, 2, 0},
		{"nothing to save", head + `test "a" { test_binary_save "x"; }`, testsuite.Options{},
			[]string{"2:1 a: 2:12: test_binary_save: no script was compiled", "file: t.svtest:2:12: test_binary_save: no script was compiled"}, 2, 0},
		{"an extension that is not there", head + `test_config_reload :extension "nothing";`, testsuite.Options{},
			[]string{`file: t.svtest:2:1: unknown extension "nothing"`}, 1, 0},
		{"a setting that cannot be read", head + "test_config_set \"sieve_max_actions\" \"many\";\ntest_config_reload;", testsuite.Options{},
			[]string{`file: t.svtest:3:1: setting sieve_max_actions: "many" is not understood`}, 1, 0},
		{"a setting that nobody knows changes nothing", head + "test_config_set \"sieve_nothing\" \"x\";\ntest_config_reload; test \"a\" { }", testsuite.Options{},
			[]string{"3:21 a: ok"}, 0, 0},
		{"programs are for those who allow them", head + "test_config_set \"sieve_pipe_bin_dir\" \"/bin\";\ntest_config_reload;", testsuite.Options{},
			[]string{"file: t.svtest:3:1: setting sieve_pipe_bin_dir: test files may not run programs here"}, 1, 0},
		{"mailboxes cannot be deleted", head + `test "a" { test_mailbox_delete "x"; }`, testsuite.Options{},
			[]string{"2:1 a: 2:12: test_mailbox_delete is not implemented"}, 1, 0},
		{"blocks of one's choice", head + `test "one" { } test "two" { test_fail ""; } test "onetwo" { }`, testsuite.Options{Run: regexp.MustCompile("^one")},
			[]string{"2:1 one: ok", "2:45 onetwo: ok"}, 0, 1},
		{"a script that is not there", head + `test "a" { if test_script_compile "none.sieve" { test_fail "compiled"; } if not test_error :contains "none.sieve" { test_fail "error"; } }`,
			testsuite.Options{}, []string{"2:1 a: ok"}, 0, 0},
		{"nothing to run", head + `test "a" { if test_script_run { test_fail "ran"; } }`, testsuite.Options{}, []string{"2:1 a: ok"}, 0, 0},
		{"without the require it is no test file", `test "a" { }`, testsuite.Options{},
			[]string{`file: t.svtest:1:1: command "test" needs require "vnd.dovecot.testsuite"; add it at the top of the script`}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := testsuite.RunSource(t.Context(), "t.svtest", []byte(tt.source), tt.options)
			if diff := cmp.Diff(tt.want, say(f)); diff != "" {
				t.Error(diff)
			}
			if _, failed := f.Counts(); failed != tt.failed || f.NotRun != tt.notRun {
				t.Errorf("%d failed, %d not run, want %d, %d", failed, f.NotRun, tt.failed, tt.notRun)
			}
		})
	}
}

func TestAFileThatIsNotThereIsAFailure(t *testing.T) {
	f := testsuite.Run(t.Context(), filepath.Join(t.TempDir(), "none.svtest"), testsuite.Options{})
	if passed, failed := f.Counts(); passed != 0 || failed != 1 || f.Err == nil {
		t.Errorf("%d passed, %d failed, %v", passed, failed, f.Err)
	}
}

func TestPrintingShowsResultAndMessage(t *testing.T) {
	var printed strings.Builder
	testsuite.RunSource(t.Context(), "t.svtest", []byte(head+`test_set "message" "Subject: mine"; fileinto "a"; test_result_print; test_message_print;`),
		testsuite.Options{Print: func(s string) { printed.WriteString(s) }})
	if want := " * fileinto mailbox \"a\"\nSubject: mine"; printed.String() != want {
		t.Errorf("printed %q, want %q", printed.String(), want)
	}
}

func TestTheClockIsThatOfTheOptions(t *testing.T) {
	now := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	f := testsuite.RunSource(t.Context(), "t.svtest", []byte(head+`require "date"; test "a" { if not currentdate :zone "+0000" "iso8601" "2031-02-03T04:05:06Z" { test_fail "now"; } }`),
		testsuite.Options{Now: func() time.Time { return now }})
	if diff := cmp.Diff([]string{"2:17 a: ok"}, say(f)); diff != "" {
		t.Error(diff)
	}
}

func TestALoopInAFileMeetsItsTimeLimit(t *testing.T) {
	o := testsuite.Options{Limits: runtime.Limits{Time: 20 * time.Millisecond}}
	f := testsuite.RunSource(t.Context(), "t.svtest", []byte(head+`require "vnd.sluice.while"; test "a" { while true { set "x" "y"; } }`), o)
	if f.Err == nil || !strings.Contains(f.Err.Error(), "limit") {
		t.Errorf("ended with %v", f.Err)
	}
}

// TestFilesRunBesideEachOther runs one file many times at once: they share nothing.
func TestFilesRunBesideEachOther(t *testing.T) {
	path := filepath.Join("..", "testdata", "svtest", "keep.svtest")
	want := say(testsuite.Run(t.Context(), path, testsuite.Options{}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if diff := cmp.Diff(want, say(testsuite.Run(t.Context(), path, testsuite.Options{}))); diff != "" {
				t.Error(diff)
			}
		})
	}
	wg.Wait()
}

// FuzzRunSource runs files of any kind: none panics, hangs or outlasts its limits.
func FuzzRunSource(f *testing.F) {
	dir := filepath.Join("..", "testdata", "svtest")
	files, err := filepath.Glob(filepath.Join(dir, "*.svtest"))
	if err != nil || len(files) == 0 {
		f.Fatal("no test files", err)
	}
	for _, path := range files {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	f.Add(head + `test_set "envelope.from" "<@a,@b:c@d>"; test_config_set "sieve_editheader_header/a/forbid_add" "yes"; test_config_reload;`)
	f.Fuzz(func(t *testing.T, source string) {
		began := time.Now()
		file := testsuite.RunSource(t.Context(), filepath.Join(dir, "fuzz.svtest"), []byte(source),
			testsuite.Options{Limits: runtime.Limits{Time: 50 * time.Millisecond, Steps: 20_000}})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		if passed, failed := file.Counts(); passed+failed < len(file.Blocks) {
			t.Errorf("%d of %d blocks were counted", passed+failed, len(file.Blocks))
		}
	})
}
