package sieve

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func TestLoops(t *testing.T) {
	const head = `require ["vnd.sluice.while", "variables", "fileinto"]; `
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"a loop goes on while its test holds",
			head + `while not string "${a}" "xxx" { set "a" "${a}x"; say "${a}"; }`,
			[]string{`say "x"`, `say "xx"`, `say "xxx"`, "keep implicit"}},
		{"a test that never holds does nothing",
			head + `while false { say "a"; }`, []string{"keep implicit"}},
		{"break leaves the innermost loop",
			head + `while true { while true { say "a"; break; } say "b"; break; } say "c";`,
			[]string{`say "a"`, `say "b"`, `say "c"`, "keep implicit"}},
		{"break leaves a loop by its name",
			head + `while :name "out" true { while true { say "a"; if true { break :name "out"; } } say "b"; } say "c";`,
			[]string{`say "a"`, `say "c"`, "keep implicit"}},
		{"continue tests again",
			head + `while not string "${a}" "xxx" { set "a" "${a}x"; if string "${a}" "xx" { continue; } say "${a}"; }`,
			[]string{`say "x"`, `say "xxx"`, "keep implicit"}},
		{"continue of an outer loop",
			head + `while :name "out" not string "${a}" "xx" { set "a" "${a}x"; while true { say "${a}"; continue :name "out"; } }`,
			[]string{`say "x"`, `say "xx"`, "keep implicit"}},
		{"stop in a loop ends the script",
			head + `while true { say "a"; stop; } say "b";`, []string{`say "a"`, "keep implicit"}},
		{"an error in a loop has its place",
			`require "encoded-character"; ` + head + "set \"a\" \"${hex:ff}\"; while true {\n fileinto \"${a}\"; }", []string{`error 2:2: fileinto: mailbox name is no UTF-8`, "keep implicit"}},
		{"break outside of a loop",
			head + "\nbreak; continue; while true { break :name \"x\"; break :name \"${a}\"; }", []string{
				"refused 2:1: break stands in no loop; expected it in the block of foreverypart or the like",
				"refused 2:8: continue stands in no loop; expected it in the block of foreverypart or the like",
				`refused 2:43: break stands in no loop of the name "x"`,
				"refused 2:60: the name of a loop must be constant; it cannot hold variables"}},
		{"a name ends with its loop",
			head + "\nwhile :name \"x\" true {} while true { break :name \"x\"; }",
			[]string{`refused 2:50: break stands in no loop of the name "x"`}},
		{"loops are nested eight deep at most",
			head + "\n" + strings.Repeat("while true { ", 9) + strings.Repeat("} ", 9),
			[]string{"refused 2:105: at most 8 loops may be nested"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outcome(t, testLanguage(), tt.script, world{message: testMessage})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEndlessLoopMeetsItsLimit(t *testing.T) {
	p, err := testLanguage().Compile("t", []byte(`require "vnd.sluice.while"; while true { if false {} }`), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Limits: runtime.Limits{Steps: 1000}, Seed: 1})
	limit, ok := errors.AsType[*runtime.LimitError](res.Err)
	if !ok || limit.Limit != "steps" {
		t.Errorf("got %v", res.Err)
	}
}
