package sieve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

const testMessage = "From: bob@example.org\r\nTo: user@example.net\r\nSubject: sale 50%\r\n\r\nbody\r\n"

func TestRunLimits(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4096)
	for _, tt := range []struct {
		name, script string
		limits       runtime.Limits
		want         string // limit
	}{
		{"steps", "if true { keep; } if true { keep; } if true { keep; }", runtime.Limits{Steps: 5}, "steps"},
		{"actions", "redirect \"a@b.org\"; redirect \"c@d.org\"; redirect \"e@f.org\";", runtime.Limits{Actions: 2}, "actions"},
		{"output of set", `require "variables"; set "a" "` + long + `"; set "b" "x${a}"; set "c" "y${a}";`, runtime.Limits{Output: 100_000}, "output"},
		{"output of a string that doubles", `require "variables"; set "a" "0123456789";` + strings.Repeat(`set "a" "${a}${a}";`, 80), runtime.Limits{}, "output"},
		{"output of one string of many references",
			`require "variables"; set "a" "` + long + `"; if header "subject" "` + strings.Repeat("${a}", 1000) + `" {}`, runtime.Limits{}, "output"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := world{message: testMessage, limits: tt.limits}
			p, err := testLanguage().Compile("t", []byte(tt.script), runtime.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(w.message))}
			res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Limits: tt.limits, Seed: 1})
			var limit *runtime.LimitError
			var placed *Error
			if !errors.As(res.Err, &limit) || limit.Limit != tt.want || !errors.As(res.Err, &placed) || placed.Pos.Line != 1 {
				t.Fatalf("got %v", res.Err)
			}
			settled, err := runtime.Settle(res.Plan, res.Err, nil, tt.limits)
			if err != nil || len(settled.Actions) != 1 || !settled.Actions[0].Implicit {
				t.Errorf("the mail is not kept: %v %v", settled, err)
			}
		})
	}
}

// TestTimeLimit matches a pattern that costs the product of its length and that of the
// value, over a value as long as a hostile message can make it.
func TestTimeLimit(t *testing.T) {
	script := `if header :matches "x-a" "*` + strings.Repeat("a?", 2000) + `b*" {}`
	p, err := testLanguage().Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	message := "X-A: " + strings.Repeat("a", 4<<20) + "\r\n\r\n"
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
	started := time.Now()
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Limits: runtime.Limits{Time: 100 * time.Millisecond, Steps: 1 << 60}, Seed: 1})
	if !errors.Is(res.Err, runtime.ErrBudget) {
		t.Fatalf("got %v", res.Err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("ended after %s", took)
	}
}

func TestVariableLimits(t *testing.T) {
	l := New(Options{Extensions: []Extension{sayExtension()}, Variables: 2, VariableSize: 5})
	w := world{message: testMessage}
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"a value is cut between characters", `require "variables"; set "a" "abc€d"; say "${a}"; set "b" "ab€d"; say "${b}";`,
			[]string{`say "abc"`, `say "ab€"`, "keep implicit"}},
		{"a quoted value is not cut in a quote", `require "variables"; set :quotewildcard "a" "ab**"; say "${a}"; set :quotewildcard "a" "abc**"; say "${a}";`,
			[]string{`say "ab\\*"`, `say "abc\\*"`, "keep implicit"}},
		{"too many variables", "require \"variables\"; set \"a\" \"\"; set \"b\" \"\";\n set \"c\" \"${d}\";",
			[]string{"refused 2:6: too many variables, at most 2 are allowed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outcome(t, l, tt.script, w)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManyCaptures(t *testing.T) {
	script := `require "variables"; if header :matches "subject" "` + strings.Repeat("?", 40) + `*" { say ["${32}", "[${31}]"]; }`
	message := "Subject: " + strings.Repeat("abcdefghij", 5) + "\r\n\r\n"
	want := []string{`say "b"`, `say "[a]"`, "keep implicit"}
	if diff := cmp.Diff(want, outcome(t, testLanguage(), script, world{message: message})); diff != "" {
		t.Error(diff)
	}
}

func TestSites(t *testing.T) {
	script := `require "fileinto";
if header :contains "subject" "sale" {
  fileinto "Shops";
} elsif allof (true, not false) {
  keep;
} else {
  discard;
}
if false { stop; }
`
	p, err := New(Options{}).Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Record: runtime.RecordFull, Seed: 1})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	sites := p.Sites()
	for _, h := range res.Record.Hits {
		s := sites[h.Site]
		got = append(got, fmt.Sprintf("%d:%d %s %s", s.Line, s.Col, s.What, []string{"reached", "true", "false", "failed"}[h.Outcome]))
	}
	want := []string{
		"2:1 if reached", "2:4 test header true", "2:1 if true", "3:3 fileinto reached",
		"9:1 if reached", "9:4 test false false", "9:1 if false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var all []string
	for _, s := range sites {
		all = append(all, fmt.Sprintf("%d:%d %s", s.Line, s.Col, s.What))
	}
	wantSites := []string{
		"1:1 require", "2:1 if", "2:4 test header", "3:3 fileinto", "4:3 elsif", "4:9 test allof", "4:16 test true", "4:22 test not",
		"4:26 test false", "5:3 keep", "6:3 else", "7:3 discard", "9:1 if", "9:4 test false", "9:12 stop",
	}
	if diff := cmp.Diff(wantSites, all); diff != "" {
		t.Error(diff)
	}
}

func TestContract(t *testing.T) {
	langtest.Room{Language: testLanguage(), Script: "t", Filter: `require ["fileinto", "vnd.sluice.expressions"];
eval "call now";
if exists "List-Id" { fileinto "Lists"; }`}.Run(t)
}

// TestConcurrentRuns runs one program many times at once, on different messages.
func TestConcurrentRuns(t *testing.T) {
	script := `require ["variables", "fileinto", "imap4flags", "vnd.sluice.expressions"];
if header :matches "subject" "*-*" { set "a" "${1}"; addflag "$${2}"; }
let "b" "var a";
fileinto "box${b}";`
	l := testLanguage()
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	engine := runtime.NewEngine(l)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				message := fmt.Sprintf("Subject: %d-x%d\r\n\r\n", i, j)
				tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
				res := engine.Run(context.Background(), p, tx, runtime.RunOptions{Seed: 1})
				want := []runtime.Action{{Kind: runtime.FileInto, Mailbox: fmt.Sprintf("box%d", i), Flags: []string{fmt.Sprintf("$x%d", j)}}}
				if diff := cmp.Diff(want, res.Plan.Actions); diff != "" || res.Err != nil {
					t.Error(diff, res.Err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestStages(t *testing.T) {
	for _, tt := range []struct {
		stage  runtime.Stage
		script string
		want   []string
	}{
		{runtime.StageRcpt, `require ["fileinto", "envelope"]; if envelope "to" "x@example.org" { fileinto "a"; keep; discard; redirect "a@b.org"; }`, []string{
			"refused 1:70: fileinto is not lawful at stage rcpt; it is at data, deliver, imap",
			"refused 1:90: discard is not lawful at stage rcpt; it is at data, deliver, imap", "refused 1:99: redirect is not lawful at stage rcpt; it is at data, deliver, imap",
		}},
		{runtime.StageRcpt, `require "reject"; reject "no";`, []string{`reject "no"`}},
	} {
		if diff := cmp.Diff(tt.want, outcome(t, testLanguage(), tt.script, world{stage: tt.stage})); diff != "" {
			t.Error(diff)
		}
	}
}

// TestNoMessage runs every test of the message before there is one.
func TestNoMessage(t *testing.T) {
	script := `require ["reject", "envelope", "variables"];
if anyof (header :contains "subject" "", exists "from", address :contains "from" "", size :over 0, size :under 10, envelope :contains "from" "") {
  reject "never";
}
set "h" "subject";
if header :contains "${h}" "" { reject "never"; }
reject "end";`
	p, err := testLanguage().Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageConnect}
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Seed: 1})
	if res.Err != nil || len(res.Plan.Actions) != 1 || res.Plan.Actions[0].Reason != "end" {
		t.Errorf("%v %v", res.Plan, res.Err)
	}
}

// TestLongHeaderNames finds fields whose names have any length.
func TestLongHeaderNames(t *testing.T) {
	for _, n := range []int{1, 79, 80, 81, 200} {
		name := strings.Repeat("X", n)
		w := world{message: name + ": a\r\n" + name + "y: b\r\n\r\n"}
		want := []string{`say "a"`, "keep implicit"}
		got := outcome(t, testLanguage(), `if header "`+strings.ToLower(name)+`" "a" { say "a"; }`, w)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", n, diff)
		}
	}
}

func TestDisabled(t *testing.T) {
	l := New(Options{Disabled: []string{"reject"}})
	_, err := l.Compile("t", []byte("require [\"reject\", \"vnd.sluice.expressions\"];"), runtime.CompileOptions{})
	want := "t:1:10: unknown extension \"reject\"; is \"ereject\" meant?\nt:1:20: unknown extension \"vnd.sluice.expressions\""
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
