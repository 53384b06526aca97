package sieve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// callExpressions evaluate one call with texts as arguments: name a,b.
type callExpressions struct{}

func (callExpressions) Compile(_, source string, _ []string, _ runtime.CompileOptions) (Expression, error) {
	return callExpression(source), nil
}

type callExpression string

func (c callExpression) Eval(t *runtime.Task, _ func(string) runtime.Value) (runtime.Value, error) {
	name, rest, _ := strings.Cut(string(c), " ")
	var args []runtime.Value
	for s := range strings.SplitSeq(rest, ",") {
		if s != "" {
			args = append(args, s)
		}
	}
	return t.Invoke(name, args...)
}

// Commands and functions edit one message and set one list of flags.
func TestCommandsAndFunctionsShareTheMessage(t *testing.T) {
	const head = `require ["vnd.sluice.expressions", "editheader", "variables", "fileinto", "copy", "imap4flags", "enclose"];` + "\n"
	for _, tt := range []struct{ name, source, want string }{
		{"a function sees what a command added", `addheader "X-A" "1"; let "x" "header X-A"; fileinto "${x}";`,
			"fileinto 1 X-A=1"},
		{"a command sees what a function added", `eval "header_add X-A,2"; if header "X-A" "2" { fileinto "seen"; }`,
			"fileinto seen X-A=2"},
		{"both edit in turn", `addheader "X-A" "1"; eval "header_add X-B,2"; addheader "X-C" "3"; eval "header_delete X-A"; keep;`,
			"keep  X-B=2 X-C=3"},
		{"an implicit keep has what a function did last", `addheader "X-A" "1"; eval "header_replace X-A,9";`,
			"implicit X-A=9"},
		{"a function alone", `eval "header_add X-A,1";`, "implicit X-A=1"},
		{"a function stores what a command edited", `addheader "X-A" "1"; eval "fileinto box"; addheader "X-B" "2"; fileinto :copy "later";`,
			"fileinto box X-A=1\nfileinto later X-A=1 X-B=2"},
		{"an enclosed message is redirected without its cover", `enclose :subject "cover" "text"; let "x" "subject"; if string "${x}" "cover" { redirect "a@example.net"; }`,
			"redirect"},
		{"flags of functions and commands", `addflag "$A"; eval "flag_add $B"; addflag "$C"; eval "flag_remove $A"; keep;`,
			"keep  [$B $C]"},
		{"flags for an implicit keep", `eval "flag_set $B"; removeflag "$none";`, "implicit [$B]"},
		{"a refusal after an edit", `eval "header_add X-A,1"; discard;`, "discard"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, level := range []runtime.Level{runtime.RecordOff, runtime.RecordFull} {
				l := New(Options{Expressions: callExpressions{}})
				p, err := l.Compile("t.sieve", []byte(head+tt.source), runtime.CompileOptions{})
				if err != nil {
					t.Fatal(err)
				}
				tx := runtime.ExampleTransaction()
				res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Record: level, Namespace: "u:a"})
				if res.Err != nil {
					t.Fatal(res.Err)
				}
				var got []string
				for _, a := range res.Plan.Actions {
					got = append(got, strings.TrimRight(string(a.Kind)+" "+a.Mailbox+" "+about(t, tx, a), " "))
				}
				if len(got) == 0 {
					got = append(got, "implicit "+about(t, tx, runtime.Action{Header: res.Plan.KeepHeader, Raw: res.Plan.KeepRaw, Flags: res.Plan.KeepFlags}))
				}
				if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
					t.Errorf("level %d, want -, got +:\n%s", level, diff)
				}
			}
		})
	}
}

// about tells the X- fields of an action's message that the example does not have, and its flags.
func about(t *testing.T, tx *runtime.Transaction, a runtime.Action) string {
	t.Helper()
	m := mail.New(a.Message(tx.Message.Raw()))
	if string(m.Body()) != string(tx.Message.Body()) {
		t.Errorf("the body is %q", m.Body())
	}
	var out []string
	for _, name := range []string{"X-A", "X-B", "X-C"} {
		for _, v := range m.Header().Texts(name) {
			out = append(out, name+"="+v)
		}
	}
	if len(a.Flags) > 0 {
		out = append(out, "["+strings.Join(a.Flags, " ")+"]")
	}
	return strings.Join(out, " ")
}
