package runtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// binFolder makes a folder of shell scripts by their names.
func binFolder(t *testing.T, programs map[string]string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestNamesOfPrograms(t *testing.T) {
	for _, name := range []string{"spamc", "a b", "größe", "-rf", "a;b", "$(id)", "a..b", `a\b`, strings.Repeat("ä", 128)} {
		if err := CheckProgram(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", ".hidden", "/bin/sh", "../sh", "a/b", "a/", "a\x00b", "a\nb", "a\x1ab", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b", "a\xffb",
		strings.Repeat("ä", 129),
	} {
		if CheckProgram(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestArgumentsOfPrograms(t *testing.T) {
	if err := CheckProgramArgs(slicesOf(strings.Repeat("a", 1024), 16)); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{slicesOf("a", 17), {strings.Repeat("a", 1025)}, {"a\rb"}, {"a\nb"}, {"a\x00b"}} {
		if CheckProgramArgs(args) == nil {
			t.Errorf("%.40q is taken", args)
		}
	}
}

func slicesOf(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func TestProgramsThatMayNotBeRun(t *testing.T) {
	folder := binFolder(t, map[string]string{"good": "", "plain": "", "open": ""})
	noErr := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	noErr(os.Chmod(filepath.Join(folder, "plain"), 0o644))
	noErr(os.Chmod(filepath.Join(folder, "open"), 0o757))
	noErr(os.Mkdir(filepath.Join(folder, "folder"), 0o755))
	noErr(syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o755))
	noErr(os.WriteFile(filepath.Join(folder, "nonsense"), []byte{0, 1, 2}, 0o755))
	noErr(os.WriteFile(filepath.Join(folder, "lost"), []byte("#!/no/such/interpreter\n"), 0o755))
	noErr(os.Symlink("/no/such/program", filepath.Join(folder, "dangling")))
	noErr(os.Symlink("good", filepath.Join(folder, "linked")))
	linked, open := folder+"-link", folder+"-open"
	noErr(os.Symlink(folder, linked))
	noErr(os.CopyFS(open, os.DirFS(binFolder(t, map[string]string{"good": ""}))))
	noErr(os.Chmod(open, 0o777))
	for _, tt := range []struct{ name, folder, program, want string }{
		{"one that is good", folder, "good", ""},
		{"a link in the folder", folder, "linked", ""},
		{"a folder written with more", folder + "/../bin/", "good", ""},
		{"a missing one", folder, "missing", `no such program: "missing": it is not there`},
		{"a link to nothing", folder, "dangling", `no such program: "dangling": it is not there`},
		{"one that is not executable", folder, "plain", `no such program: "plain": it is not executable`},
		{"one that everybody may write to", folder, "open", `no such program: "open": everybody may write to it`},
		{"a folder", folder, "folder", `no such program: "folder": it is no file`},
		{"a fifo", folder, "fifo", `no such program: "fifo": it is no file`},
		{"what is no program", folder, "nonsense", `no such program: "nonsense": exec format error`},
		{"one without its interpreter", folder, "lost", `no such program: "lost": no such file or directory`},
		{"a hostile name", folder, "../bin/good", `no such program: "../bin/good": name of the program begins with a dot`},
		{"no folder", "", "good", `no such program: "good": no folder of programs is configured`},
		{"a folder that is not absolute", "bin", "good", `no such program: "good": no folder of programs is configured`},
		{"a folder that is a link", linked, "good", `no such program: "good": the folder of programs is no folder`},
		{"a link with a slash behind it", linked + "/", "good", `no such program: "good": the folder of programs is no folder`},
		{"a folder that everybody may write to", open, "good", `no such program: "good": everybody may write to the folder of programs`},
		{"a folder that is a file", filepath.Join(folder, "good"), "good", `no such program: "good": the folder of programs is no folder`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ExternalOptions{}.Run(t.Context(), tt.folder, External{Name: tt.program})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || err != nil && !errors.Is(err, ErrNoProgram) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhatProgramsGet(t *testing.T) {
	t.Setenv("SECRET", "of the server")
	folder := binFolder(t, map[string]string{
		"args": `for a in "$@"; do printf '[%s]' "$a"; done`, "env": "env | sort | grep -v '^_=\\|^PWD=\\|^SHLVL='; pwd", "cat": "cat",
		"deaf": "exec true", "no": "echo out; exit 3",
	})
	big := strings.Repeat("0123456789abcde\n", 1<<16)
	for _, tt := range []struct {
		name string
		x    External
		o    ExternalOptions
		want string
		exit int
	}{
		{"arguments as they are", External{Name: "args", Args: []string{"a b", "$HOME", "`id`", "", "*", "-x", "ü"}}, ExternalOptions{}, "[a b][$HOME][`id`][][*][-x][ü]", 0},
		{"a small environment", External{Name: "env", Env: map[string]string{"USER": "anna", "SENDER": "a\nb", "HOST": "x=y"}}, ExternalOptions{},
			"HOME=/\nHOST=x=y\nPATH=/usr/local/bin:/usr/bin:/bin\nUSER=anna\n/\n", 0},
		{"input with CRLF", External{Name: "cat", Input: []byte("a\nb\r\nc")}, ExternalOptions{}, "a\r\nb\r\nc", 0},
		{"input with LF", External{Name: "cat", Input: []byte("a\nb\r\nc")}, ExternalOptions{LF: true}, "a\nb\nc", 0},
		{"no input", External{Name: "cat"}, ExternalOptions{}, "", 0},
		{"empty input", External{Name: "cat", Input: []byte{}}, ExternalOptions{}, "", 0},
		{"long input and output", External{Name: "cat", Input: []byte(big)}, ExternalOptions{LF: true}, big, 0},
		{"output as long as it may be", External{Name: "cat", Input: []byte("0123456789")}, ExternalOptions{Output: 10}, "0123456789", 0},
		{"input that nobody reads", External{Name: "deaf", Input: []byte(big)}, ExternalOptions{}, "", 0},
		{"an exit status", External{Name: "no"}, ExternalOptions{}, "out\n", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.x.Output = true
			res, err := tt.o.Run(t.Context(), folder, tt.x)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(res.Output)); diff != "" || res.Exit != tt.exit {
				t.Errorf("exit status %d (-want +got):\n%.500s", res.Exit, diff)
			}
		})
	}
}

// TestProgramsThatHaveToBeEnded runs programs that do not end well. All leave a child behind, which
// must be gone as well.
func TestProgramsThatHaveToBeEnded(t *testing.T) {
	child := "sleep 600 & echo $! >\"$1\"; "
	folder := binFolder(t, map[string]string{
		"hangs": child + "sleep 600", "stubborn": "trap '' TERM INT HUP; " + child + "while :; do sleep 600; done", "prints": child + "exec yes", "signal": child + "kill -9 $$",
		"segfault": child + "kill -SEGV $$", "ends": child + "exit 0", "complains": child + "exec yes >&2",
	})
	for _, tt := range []struct{ name, program, want string }{
		{"one that hangs", "hangs", `program failed: "hangs": time limit of 300ms reached`},
		{"one that does not listen to signals", "stubborn", `program failed: "stubborn": time limit of 300ms reached`},
		{"one that prints for ever", "prints", `program failed: "prints": output limit of 1000000 octets reached`},
		{"one that complains for ever", "complains", `program failed: "complains": time limit of 300ms reached`},
		{"one that is killed", "signal", `program failed: "signal": ended by signal 9 (killed)`},
		{"one that breaks", "segfault", `program failed: "segfault": ended by signal 11 (segmentation fault)`},
		{"one that ends and leaves a child with its output", "ends", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "child")
			o := ExternalOptions{Time: 300 * time.Millisecond, Output: 1_000_000}
			if !strings.Contains(tt.want, "time") {
				o.Time = 20 * time.Second
			}
			started := time.Now()
			res, err := o.Run(t.Context(), folder, External{Name: tt.program, Args: []string{file}, Output: true})
			if err == nil && tt.want != "" || err != nil && (err.Error() != tt.want || !errors.Is(err, ErrProgramFailed)) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(started); took > 10*time.Second || res.Output != nil && tt.want != "" || len(res.Errors) > maxErrors {
				t.Errorf("took %s, printed %d octets, complained %d", took, len(res.Output), len(res.Errors))
			}
			checkGone(t, file)
		})
	}
}

// checkGone fails if the process whose number a file holds goes on running.
func checkGone(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil || bytes.Contains(status, []byte("State:\tZ")) || bytes.Contains(status, []byte("State:\tX")) {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d goes on", pid)
}

func TestContextEndsPrograms(t *testing.T) {
	folder := binFolder(t, map[string]string{"hangs": "sleep 600"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := ExternalOptions{Time: -1}.Run(ctx, folder, External{Name: "hangs"})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrProgramFailed) {
		t.Errorf("got %v", err)
	}
}

func TestStandardErrorHoldsNoMessage(t *testing.T) {
	folder := binFolder(t, map[string]string{"shows": `echo; echo "cannot read this:" >&2; tee /dev/stderr | cat >&2; printf 'a\033b\377\n' >&2`})
	res, err := ExternalOptions{}.Run(t.Context(), folder, External{Name: "shows", Input: []byte("Subject: secret\r\n\r\nmy secret\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "cannot read this: | (a line of the input) | a b\uFFFD"; res.Errors != want {
		t.Errorf("got %q", res.Errors)
	}
}

func TestInsteadOfPipe(t *testing.T) {
	edited := Action{Kind: Pipe, Program: "p", Raw: []byte("x")}
	try, copied := edited, edited
	try.Try, copied.Copy = true, true
	both := try
	both.Copy = true
	for _, tt := range []struct {
		name    string
		pipe    Action
		others  []Action
		want    bool
		wantRaw string
	}{
		{"a failure keeps the mail as it came", edited, nil, true, ""},
		{"even if it is filed", edited, []Action{{Kind: FileInto, Mailbox: "A"}}, true, ""},
		{"a copy too", copied, []Action{{Kind: Discard}}, true, ""},
		{"what is kept is kept once", edited, []Action{{Kind: Keep}}, false, ""},
		{"with try the mail is kept as it was then", try, nil, true, "x"},
		{"another pipe may fail too", try, []Action{{Kind: Pipe, Program: "q"}}, true, "x"},
		{"unless it is filed", try, []Action{{Kind: FileInto, Mailbox: "A"}}, false, ""},
		{"a copy that is filed cancels nothing", try, []Action{{Kind: FileInto, Mailbox: "A", Copy: true}}, true, "x"},
		{"or a copy", both, nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := InsteadOfPipe(append(tt.others, tt.pipe), &tt.pipe)
			if ok != tt.want || ok && string(got.Raw) != tt.wantRaw {
				t.Errorf("got %t %v", ok, got)
			}
		})
	}
}

func TestSettlePipes(t *testing.T) {
	pipe := func(name string) Action { return Action{Kind: Pipe, Program: name} }
	for _, tt := range []struct {
		name    string
		actions []Action
		prior   []Action
		limits  Limits
		want    string
	}{
		{"a pipe cancels the implicit keep", []Action{pipe("a")}, nil, Limits{}, `pipe to program "a"`},
		{"a copy does not", []Action{{Kind: Pipe, Program: "a", Args: []string{"x y"}, Copy: true, Try: true}}, nil, Limits{},
			`pipe to program "a" "x y" copy try; keep implicit`},
		{"two programs", []Action{pipe("a"), pipe("b")}, nil, Limits{}, `pipe to program "a"; pipe to program "b"`},
		{"one program twice", []Action{pipe("a"), pipe("a")}, nil, Limits{}, `conflicting actions: a second pipe to "a"`},
		{"one program in two scripts", []Action{pipe("a")}, []Action{pipe("a")}, Limits{}, `pipe to program "a"; pipe to program "a"`},
		{"a pipe and a reject", []Action{pipe("a"), {Kind: Reject}}, nil, Limits{}, `conflicting actions: reject and pipe`},
		{"a reject after an earlier pipe", []Action{{Kind: Reject}}, []Action{pipe("a")}, Limits{}, `pipe to program "a"; discard`},
		{"too many pipes", []Action{pipe("a"), pipe("b")}, nil, Limits{Outgoing: 1}, "outgoing limit of 1 reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Settle(Plan{Actions: tt.actions}, nil, tt.prior, tt.limits)
			var got []string
			for _, a := range s.Actions {
				got = append(got, a.String())
			}
			if err != nil {
				got = []string{err.Error()}
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got %s\nwant %s", s, tt.want)
			}
		})
	}
}
