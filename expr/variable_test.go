package expr

import (
	"os"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestVariablesAreWhatTheFunctionsReturn(t *testing.T) {
	host, _ := langtest.Live(t)
	for _, f := range runtime.Functions() {
		if !f.IsVariable() {
			continue
		}
		for _, source := range []string{f.Name + ` == ` + f.Name + `()`, `map([1], ` + f.Name + `)[0] == ` + f.Name + `()`, `(` + f.Name + ` | is_empty()) == is_empty(` + f.Name + `())`} {
			for _, instrument := range []bool{false, true} {
				got := langtest.Execute(t, room.Compile(t, source, runtime.CompileOptions{Stage: runtime.StageDeliver, Instrument: instrument}), runtime.RunOptions{Host: host})
				if got.Err != nil && strings.Contains(source, "is_empty") && strings.Contains(got.Err.Error(), "expected") {
					continue // of a kind that cannot be empty
				}
				if got.Err != nil || got.Value != true {
					t.Errorf("%s: got %v, %v", source, got.Value, got.Err)
				}
			}
		}
	}
}

func TestVariablesInRules(t *testing.T) {
	host, _ := langtest.Live(t)
	for _, tt := range []langtest.Value{
		{"of the envelope", `sender endsWith "@example.net" and client_tls and recipient_detail == "news"`, true},
		{"of the message", `subject contains "example" and size > 100`, true},
		{"in a list", `recipients[1]`, "carol@example.com"},
		{"behind a name of its own", `let from = sender; from == sender`, true},
		{"as a key it is no variable", `{sender: 1}.sender`, int64(1)},
		{"as a number", `now + 1`, int64(1767225601)},
	} {
		got := langtest.Execute(t, room.Compile(t, tt.Source, runtime.CompileOptions{Stage: runtime.StageDeliver}), runtime.RunOptions{Host: host})
		if got.Err != nil || got.Value != tt.Want {
			t.Errorf("%s: got %v, %v, want %v", tt.Name, got.Value, got.Err, tt.Want)
		}
	}
}

// A name that a stage lacks, or that nothing has, is told with its place and where to look.
func TestNamesThatAreNotThere(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		stage        runtime.Stage
		want         string
	}{
		{"before the stage knows it", "client_tls and\n  sender == \"a\"", runtime.StageConnect, `t.expr:2:3: sender is not known at stage connect; it is at mail, rcpt, data, deliver`},
		{"the message before data", `subject contains "x"`, runtime.StageRcpt, `t.expr:1:1: subject is not known at stage rcpt; it is at data, deliver, imap`},
		{"a function of another stage", `fileinto("A")`, runtime.StageMail, `t.expr:1:1: fileinto is not lawful at stage mail; it is at data, deliver, imap`},
		{"an envelope where there is no mail", `client_ip`, runtime.StageCron, `t.expr:1:1: client_ip is not known at stage cron; it is at connect, ehlo, mail, rcpt, data, deliver`},
		{"a slip", `sendr == "a"`, runtime.StageDeliver, `t.expr:1:1: unknown name sendr; is "sender" meant?`},
		{"a slip in a name of its own", `let friend = 1; frend + 1`, runtime.StageDeliver, `t.expr:1:17: unknown name frend; is "friend" meant?`},
		{"a name out of scope", `map([1], let private = 1; private) == privat`, runtime.StageDeliver, `t.expr:1:39: unknown name privat`},
		{"a function with arguments", `header == "a"`, runtime.StageDeliver, `t.expr:1:1: header is a function; call it: header(name, index?) -> string`},
		{"of another kind", `sender == 1`, runtime.StageDeliver, `t.expr:1:8: invalid operation: == (mismatched types string and int)`},
		{"a call of another kind", `client_tls() + 1`, runtime.StageDeliver, `t.expr:1:14: invalid operation: + (mismatched types bool and int)`},
		{"all of them at once", "sendr;\nsubjct", runtime.StageDeliver, "t.expr:1:1: unknown name sendr; is \"sender\" meant?\nt.expr:2:1: unknown name subjct; is \"subject\" meant?"},
		{"a name that is taken", `let sender = 1; sender`, runtime.StageDeliver, `t.expr:1:5: cannot redeclare function sender`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := room.Language.Compile("t.expr", []byte(tt.source), runtime.CompileOptions{Stage: tt.stage, Trust: runtime.Admin})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// A result that the types of expressions trust in is never null.
func TestResultsThatMayBeNullAreDeclaredSo(t *testing.T) {
	for _, f := range runtime.Functions() {
		for _, ex := range f.Examples {
			if ex.Want == "null" && strings.HasPrefix(ex.Code, f.Name+"(") && !f.Nullable() {
				t.Errorf("%s: the doc does not say that %s is null", f.Name, ex.Code)
			}
		}
	}
}

func TestThePageOfTheLanguageNamesTheVariables(t *testing.T) {
	page, err := os.ReadFile("LANGUAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range runtime.Functions() {
		if f.IsVariable() && f.Family == "envelope" && !strings.Contains(string(page), "`"+f.Name+"`") {
			t.Errorf("LANGUAGE.md lacks the variable %s", f.Name)
		}
	}
}
