package sieve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// say is an extension of the tests: what a script says is part of what is wanted. That it
// can be written outside of New's own list shows that extensions can be handed in.
func sayExtension() Extension {
	return Extension{
		Name: "say", Always: true,
		Commands: []Command{{
			Name: "say", Args: []Arg{{Name: "text", Kind: ListArgument}},
			Bind: func(_ *Binder, c *Call) Do {
				list := c.Texts("text")
				return func(r *Run) error {
					said, _ := r.Task().Context().Value(saidKey{}).(*[]string)
					for i := range list {
						*said = append(*said, fmt.Sprintf("say %q", list[i].Value(r)))
					}
					return nil
				}
			},
		}},
	}
}

type saidKey struct{}

// testLanguage is Sieve with everything that tests need.
func testLanguage() *Language {
	return New(Options{Extensions: []Extension{sayExtension()}, Expressions: fakeExpressions{}, Stalwart: stalwartExpressions{}})
}

// world is what a case runs in.
type world struct {
	message  string
	from, to string
	limits   runtime.Limits
	stage    runtime.Stage
}

// outcome runs a script and returns what it said, its settled plan and its error, a line each.
func outcome(t testing.TB, l *Language, script string, w world) []string {
	t.Helper()
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{Stage: w.stage})
	if err != nil {
		var out []string
		for line := range strings.Lines(err.Error()) {
			out = append(out, "refused "+strings.TrimPrefix(strings.TrimSpace(line), "t:"))
		}
		return out
	}
	return execute(t, p, w)
}

func execute(t testing.TB, p runtime.Program, w world) []string {
	t.Helper()
	var said []string
	ctx := context.WithValue(context.Background(), saidKey{}, &said)
	if w.stage == "" {
		w.stage = runtime.StageDeliver
	}
	tx := &runtime.Transaction{ID: "1", Stage: w.stage, From: runtime.Path{Address: w.from}, Message: mail.New([]byte(w.message))}
	tx.Rcpt.Address = w.to
	live := &runtime.Live{Mailboxes: func(_ context.Context, _, path string) (bool, error) { return path == "INBOX" || path == "There", nil }}
	res := runtime.NewEngine(testLanguage()).Run(ctx, p, tx, runtime.RunOptions{Host: live, Limits: w.limits, Seed: 1})
	if res.Err != nil {
		said = append(said, "error "+strings.TrimPrefix(res.Err.Error(), "t:"))
		var placed *Error
		if !errors.As(res.Err, &placed) {
			said = append(said, "error without a place")
		}
	}
	settled, err := runtime.Settle(res.Plan, res.Err, nil, w.limits)
	if err != nil {
		said = append(said, "conflict "+err.Error())
		settled, _ = runtime.Settle(res.Plan, err, nil, w.limits)
	}
	for _, a := range settled.Actions {
		said = append(said, actionLine(a))
		said = append(said, editedLines(a, w.message)...)
	}
	if settled.Refused != nil {
		said = append(said, actionLine(*settled.Refused))
	}
	return said
}

func actionLine(a runtime.Action) string {
	var b strings.Builder
	b.WriteString(string(a.Kind))
	for _, s := range []string{a.Mailbox, a.Address} {
		if s != "" {
			fmt.Fprintf(&b, " %s", s)
		}
	}
	if a.Reason != "" {
		fmt.Fprintf(&b, " %q", a.Reason)
	}
	if a.Implicit {
		b.WriteString(" implicit")
	}
	if a.Create {
		b.WriteString(" create")
	}
	if a.Copy {
		b.WriteString(" copy")
	}
	if len(a.Flags) > 0 {
		fmt.Fprintf(&b, " flags=%s", strings.Join(a.Flags, ","))
	}
	return b.String()
}

// editedLines is the message of an action if it is an edited one, a line each.
func editedLines(a runtime.Action, message string) (out []string) {
	if a.Header == nil && a.Raw == nil {
		return nil
	}
	for line := range strings.Lines(string(a.Message([]byte(message)))) {
		out = append(out, "| "+strings.TrimRight(line, "\r\n"))
	}
	return out
}

// TestCases runs testdata/cases. In each file `message` and `envelope` hold for what
// follows; each `script: a sentence` is followed by what is wanted of it.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	l := testLanguage()
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w := world{from: "sender@example.org", to: "user@example.net"}
		for i := range archive.Files {
			f := &archive.Files[i]
			text := string(f.Data)
			name, isScript := strings.CutPrefix(f.Name, "script: ")
			switch {
			case f.Name == "message":
				w.message = strings.ReplaceAll(text, "\n", "\r\n")
			case f.Name == "envelope":
				lines := strings.Split(text, "\n")
				w.from, w.to = strings.Trim(lines[0], "<>"), strings.Trim(lines[1], "<>")
			case isScript:
				if i+1 == len(archive.Files) || archive.Files[i+1].Name != "want" {
					t.Fatalf("%s: %s: no want", file, name)
				}
				want := &archive.Files[i+1]
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
					got := outcome(t, l, text, w)
					if *update {
						want.Data = []byte(strings.Join(got, "\n") + "\n")
						return
					}
					if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want.Data)), "\n"), got); diff != "" {
						t.Error(diff)
					}
				})
			case f.Name != "want":
				t.Fatalf("%s: unknown section %q", file, f.Name)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fakeExpressions knows a variable by its name, a number, `upper NAME`, `fail`, and calls
// such as `counter()`; it stands for the evaluator that is handed in.
type fakeExpressions struct{}

type fakeExpression struct{ source string }

func (fakeExpressions) Compile(_, source string, variables []string, _ runtime.CompileOptions) (Expression, error) {
	if before, _, ok := strings.Cut(source, "?"); ok {
		return nil, &runtime.SourceError{Line: 1, Col: len([]rune(before)) + 1, Msg: "unexpected ?"}
	}
	if strings.HasPrefix(source, "var ") {
		if slices.Contains(variables, source[4:]) {
			return fakeExpression{source}, nil
		}
		return nil, fmt.Errorf("unknown name %q", source[4:])
	}
	return fakeExpression{source}, nil
}

func (f fakeExpression) Eval(t *runtime.Task, variable func(string) runtime.Value) (runtime.Value, error) {
	name, arg, _ := strings.Cut(f.source, " ")
	switch name {
	case "var":
		return variable(arg), nil
	case "true", "false":
		return name == "true", nil
	case "null":
		return nil, nil
	case "int":
		return int64(len(arg)), nil
	case "float":
		return 2.5, nil
	case "list":
		return []runtime.Value{int64(1), "a", true, nil, []byte{0xff}}, nil
	case "map":
		return map[string]runtime.Value{"b": int64(1), "a": "x"}, nil
	case "call":
		return t.Invoke(arg)
	case "fail":
		return nil, &runtime.SourceError{Line: 1, Col: 1, Msg: "went wrong"}
	}
	return f.source, nil
}
