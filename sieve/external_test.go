package sieve

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// programsLanguage is testLanguage with a folder of shell scripts for pipe, filter and execute.
func programsLanguage(t *testing.T, log *slog.Logger) *Language {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cat": "cat", "no": "cat; exit 1", "silent": "cat >/dev/null", "mark": `echo "X-Mark: $1"; cat`, "args": `for a in "$@"; do printf '[%s]' "$a"; done`,
		"env": `printf '%s %s %s %s %s' "$SENDER" "$RECIPIENT" "$ORIG_RECIPIENT" "$USER" "$HOST"`, "killed": "kill -9 $$", "yes": "exec yes", "hangs": "sleep 600",
		"big": "head -c 70000 /dev/zero | tr '\\0' x", "broken": `printf 'a\377b'`, "complains": "cat >&2; echo no idea >&2",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return New(Options{
		Extensions: []Extension{sayExtension()}, PipeFolder: folder, FilterFolder: folder, ExecuteFolder: folder, Logger: log,
		ExecuteOptions: runtime.ExternalOptions{Time: 5 * time.Second},
	})
}

const programsRequire = `require ["vnd.dovecot.pipe", "vnd.dovecot.filter", "vnd.dovecot.execute", "variables", "copy", "fileinto", "editheader", "encoded-character", "enclose", "body"]; `

func TestPrograms(t *testing.T) {
	l := programsLanguage(t, nil)
	keep := `keep implicit`
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"execute gives what the program prints", `execute :output "a" "args" ["x y", "${b}"]; say "${a}";`, []string{`say "[x y][]"`, keep}},
		{"an exit status is the result of the test", `if execute "silent" { say "yes"; } if execute "no" { say "never"; }`, []string{`say "yes"`, keep}},
		{"a program that says no changes no variable", `set "a" "old"; execute :input "new" :output "a" "no"; say "${a}";`, []string{`say "old"`, keep}},
		{"input is given as it is", `execute :input "a${b}" :output "a" "cat"; say "${a}";`, []string{`say "a"`, keep}},
		{"input is expanded once", `set "d" "$"; set "b" "${d}{a}"; execute :input "${b}" :output "a" "cat"; say "${a}";`, []string{`say "${a}"`, keep}},
		{"the message is given as it is now", `addheader "X-A" "b"; execute :pipe :output "a" "cat"; if string :contains "${a}" "X-A: b" { say "yes"; }`, []string{`say "yes"`, keep + " edited"}},
		{"the envelope is in the environment", `execute :output "a" "env"; say "${a}";`, []string{`say "bob@example.org user@example.net all@example.net user localhost"`, keep}},
		{"output is cut at the size of a variable", `execute :output "a" "big"; set :length "a" "${a}"; say "${a}";`, []string{`say "65536"`, keep}},
		{"output becomes UTF-8", `execute :output "a" "broken"; say "${a}";`, []string{`say "a` + "\uFFFD" + `b"`, keep}},
		{"too much output fails the test", `if not execute :output "a" "yes" { say "no"; }`, []string{`say "no"`, keep}},
		{"a program that is killed fails the test", `if not execute "killed" { say "no"; }`, []string{`say "no"`, keep}},
		{"a command that fails is no error", `execute "killed"; say "on";`, []string{`say "on"`, keep}},
		{"a missing program fails the test", `if not execute "missing" { say "no"; }`, []string{`say "no"`, keep}},
		{"a missing program is an error of the command", `say "a"; execute "missing";`,
			[]string{`say "a"`, `error 1:ROW: execute: no such program: "missing": it is not there`, keep}},
		{"filter changes the message", `filter "mark" "a b"; if header "x-mark" "a b" { say "yes"; } fileinto "A";`, []string{`say "yes"`, `fileinto mailbox "A" edited`}},
		{"what was filed before is as it was", `fileinto "A"; filter "mark" "a"; keep;`, []string{`fileinto mailbox "A"`, `keep edited`}},
		{"filters stand one on the other", `filter "mark" "a"; addheader "X-B" "b"; filter "mark" "c"; if allof(header "x-mark" "a", header "x-mark" "c", header "x-b" "b", body :contains "body") { say "yes"; }`,
			[]string{`say "yes"`, keep + " edited"}},
		{"a filter that says no changes nothing", `if not filter "no" { say "no"; } filter "no";`, []string{`say "no"`, keep}},
		{"a filter that prints nothing changes nothing", `if not filter "silent" { say "no"; } filter "silent";`, []string{`say "no"`, keep}},
		{"a missing filter fails the test", `if not filter "missing" { say "no"; }`, []string{`say "no"`, keep}},
		{"a missing filter is an error of the command, and the mail is kept as it came", `filter "mark" "a"; filter "missing";`,
			[]string{`error 1:ROW: filter: no such program: "missing": it is not there`, keep}},
		{"a redirect sends what was filtered behind enclose", `enclose "note"; filter "mark" "a"; redirect "a@b.example";`, []string{`redirect to "a@b.example" edited`}},
		{"pipe is an action", `pipe "cat";`, []string{`pipe to program "cat"`}},
		{"pipe of a copy that is tried", `pipe :try :copy "cat" ["a", "b c"];`, []string{`pipe to program "cat" "a" "b c" copy try`, keep}},
		{"what is piped is as it is then", `addheader "X-A" "b"; pipe "cat"; deleteheader "X-A";`, []string{`pipe to program "cat" edited`}},
		{"pipe does not look for the program yet", `pipe "missing";`, []string{`pipe to program "missing"`}},
		{"two pipes to one program", `pipe "cat"; pipe "cat" "a";`, []string{`settle: conflicting actions: a second pipe to "cat"`}},
		{"arguments are looked at again in the run", `set "a" "b${hex:0a}c"; pipe "cat" ["${a}"];`, []string{`error 1:ROW: pipe: argument 1: argument for a program holds CR, LF or NUL`, keep}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, runPrograms(t, l, programsRequire+tt.script)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// runPrograms is outcome with an envelope; columns of errors are written as ROW.
func runPrograms(t *testing.T, l *Language, script string) []string {
	t.Helper()
	var said []string
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := programsMail()
	ctx := contextWithSaid(t, &said)
	res := runtime.NewEngine(l).Run(ctx, p, tx, runtime.RunOptions{Host: &runtime.Live{}, Limits: runtime.Limits{Time: 20 * time.Second}, Seed: 1})
	if e, ok := errors.AsType[*Error](res.Err); ok {
		said = append(said, "error 1:ROW: "+e.Msg)
	}
	s, err := runtime.Settle(res.Plan, res.Err, nil, runtime.Limits{})
	if err != nil {
		return append(said, "settle: "+err.Error())
	}
	for _, a := range s.Actions {
		said = append(said, a.String())
	}
	return said
}

func programsMail() *runtime.Transaction {
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: "bob@example.org"}, Message: mail.New([]byte(testMessage))}
	tx.Rcpt.Address, tx.Rcpt.Original = "user@example.net", "rfc822;all@example.net"
	return tx
}

func TestProgramErrors(t *testing.T) {
	l := programsLanguage(t, nil)
	for _, tt := range []struct{ name, script, want string }{
		{"a name with a slash", `pipe "../sh";`, `pipe: name of the program begins with a dot`},
		{"a path", `execute "bin/sh";`, `execute: name of the program holds a slash; programs are looked for in one folder only`},
		{"an absolute path", `filter "/bin/sh";`, `filter: name of the program holds a slash; programs are looked for in one folder only`},
		{"a control character", `filter "a${hex:1a}";`, `filter: name of the program holds a control character`},
		{"an empty name", `if filter "" {}`, `filter: name of the program is empty`},
		{"a name from a variable", `set "a" "cat"; pipe "${a}";`, `the name of a program must be constant; it cannot hold variables`},
		{"an argument of two lines", `pipe "cat" ["a", "b${hex:0d}c"];`, `pipe: argument for a program holds CR, LF or NUL`},
		{"a NUL in an argument", `execute "cat" "${hex:00}";`, `execute: argument for a program holds CR, LF or NUL`},
		{"a long argument", `execute "cat" "` + strings.Repeat("a", 1025) + `";`, `execute: argument for a program is over 1024 octets`},
		{"too many arguments", `execute "cat" ["` + strings.Join(slices.Repeat([]string{"a"}, 17), `","`) + `"];`, `execute: 17 arguments for a program, at most 16 are possible`},
		{"two kinds of input", `execute :input "a" :pipe "cat";`, `":input" and ":pipe" exclude each other`},
		{"a variable that is a capture", `execute :output "1" "cat";`, `"1" is no name of a variable; expected letters, digits and _, not a digit first`},
		{"try where nothing is tried", `filter :try "cat";`, `unknown tagged argument ':try' for the filter command (it takes none)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := l.Compile("t", []byte(programsRequire+tt.script), runtime.CompileOptions{})
			errs, _ := errors.AsType[Errors](err)
			if len(errs) != 1 || errs[0].Msg != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestProgramsAreOfferedWithAFolderOnly(t *testing.T) {
	l := New(Options{Enabled: []string{"*"}, FilterFolder: "/usr/lib/none"})
	for _, name := range []string{pipeName, executeName} {
		if _, err := l.Compile("t", []byte(`require "`+name+`";`), runtime.CompileOptions{}); err == nil {
			t.Errorf("%s is offered", name)
		}
	}
	if _, err := l.Compile("t", []byte(`require "vnd.dovecot.filter"; filter "a";`), runtime.CompileOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := programsLanguage(t, nil).Compile("t", []byte(`require "vnd.dovecot.execute"; execute :output "a" "cat";`), runtime.CompileOptions{}); err == nil ||
		!strings.Contains(err.Error(), `require "variables"`) {
		t.Errorf("got %v", err)
	}
}

// TestRunEndsPrograms runs a program that hangs: the time of the run ends it, and that is a
// limit that no test can hide.
func TestRunEndsPrograms(t *testing.T) {
	l := programsLanguage(t, nil)
	for _, script := range []string{`if execute "hangs" {}`, `execute "hangs";`, `filter "hangs";`} {
		p, err := l.Compile("t", []byte(programsRequire+script), runtime.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		res := runtime.NewEngine(l).Run(t.Context(), p, programsMail(), runtime.RunOptions{Host: &runtime.Live{}, Limits: runtime.Limits{Time: 200 * time.Millisecond}})
		limit, ok := errors.AsType[*runtime.LimitError](res.Err)
		if !ok || limit.Limit != "time" || time.Since(started) > 4*time.Second {
			t.Errorf("%s: %v after %s", script, res.Err, time.Since(started))
		}
	}
}

// TestFilterStaysWithinMemory filters a message into one that is over the memory of the run.
func TestFilterStaysWithinMemory(t *testing.T) {
	l := programsLanguage(t, nil)
	script := programsRequire + `filter "big"; say "on";`
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	run := func(memory int64) error {
		said = nil
		return runtime.NewEngine(l).Run(contextWithSaid(t, &said), p, programsMail(), runtime.RunOptions{Host: &runtime.Live{}, Limits: runtime.Limits{Memory: memory, Time: 20 * time.Second}}).Err
	}
	if err := run(60_000); err != nil || len(said) != 1 { // the program is ended, and nothing changes
		t.Errorf("got %v, said %v", err, said)
	}
	if err := run(70_100); err != nil {
		t.Error(err)
	}
}

// TestDryRunsRunNoPrograms and replays what a real run did, in which programs are not run either.
func TestDryRunsRunNoPrograms(t *testing.T) {
	l := programsLanguage(t, nil)
	script := programsRequire + `filter "mark" "a"; if execute :pipe :output "v" "args" "b" { addheader "X-V" "${v}"; } if not filter "missing" { keep; }`
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := runtime.NewEngine(l)
	o := runtime.RunOptions{Host: &runtime.Live{NoNetwork: true}, Limits: runtime.Limits{Time: 20 * time.Second}, Seed: 1, Record: runtime.RecordCalls}
	if res := e.Run(t.Context(), p, programsMail(), o); !errors.Is(res.Err, runtime.ErrRefused) {
		t.Errorf("dry run: %v", res.Err)
	}
	o.Host = &runtime.Live{}
	live := e.Run(t.Context(), p, programsMail(), o)
	if live.Err != nil || len(live.Plan.Actions) != 1 || !bytes.Contains(live.Plan.Actions[0].Raw, []byte("X-Mark: a\r\n")) || !bytes.Contains(live.Plan.Actions[0].Message(nil), []byte("X-V: [b]")) {
		t.Fatalf("live: %v %s", live.Err, live.Plan.Actions)
	}
	if err := os.RemoveAll(l.options.ExecuteFolder); err != nil {
		t.Fatal(err)
	}
	again, err := e.Replay(t.Context(), p, live.Record, runtime.RunOptions{})
	if err != nil || again.Err != nil {
		t.Fatal(err, again.Err)
	}
	if diff := cmp.Diff(live.Plan, again.Plan); diff != "" {
		t.Errorf("replayed (-live +replayed):\n%s", diff)
	}
}

func TestStandardErrorGoesToTheLog(t *testing.T) {
	var log bytes.Buffer
	l := programsLanguage(t, slog.New(slog.NewTextHandler(&log, nil)))
	runPrograms(t, l, programsRequire+`execute :pipe "complains"; execute "killed";`)
	for _, want := range []string{"no idea", "ended by signal 9", "(a line of the input)"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "sale") {
		t.Errorf("the log holds the message:\n%s", log.String())
	}
}

// contextWithSaid is a context in which say notes what is said.
func contextWithSaid(t *testing.T, said *[]string) context.Context {
	return context.WithValue(t.Context(), saidKey{}, said)
}
