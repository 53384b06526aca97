package expr

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

const ruleFile = `# what lists send goes into its folder
[[rule]]
name = "counted"
when = 'sender endsWith "@example.net"'
then = 'count("mail.net")'
else = "count(\"mail.other\")"
continue = true

[[rule]] # all of it
when = '''
header_exists("List-Id") and
  not (subject contains "urgent")'''
then = ['flag_set("\\Seen")', 'fileinto("Lists")']

[[rule]]
then = "keep()"
`

func ruleOutcome(t *testing.T, source string) *runtime.Result {
	t.Helper()
	host, _ := langtest.Live(t)
	return langtest.Execute(t, room.Compile(t, source, runtime.CompileOptions{Stage: runtime.StageDeliver}), runtime.RunOptions{Host: host})
}

func TestRulesAreAskedInTheirOrder(t *testing.T) {
	rule := func(lines ...string) string { return "[[rule]]\n" + strings.Join(lines, "\n") + "\n" }
	for _, tt := range []struct {
		name, source string
		want         runtime.Value
	}{
		{"the first that holds ends the file", rule(`when = "false"`, `then = "1"`) + rule(`when = "true"`, `then = "2"`) + rule(`then = "3"`), int64(2)},
		{"one that continues does not", rule(`when = "true"`, `then = "1"`, `continue = true`) + rule(`then = "2"`), int64(2)},
		{"without a condition it always holds", rule(`then = "1"`) + rule(`then = "2"`), int64(1)},
		{"true needs no quotes", rule(`when = true`, `then = "1"`), int64(1)},
		{"else goes on behind it", rule(`when = "false"`, `then = "1"`, `else = "2"`) + rule(`when = "false"`, `then = "3"`), int64(2)},
		{"else alone", rule(`when = "false"`, `else = "2"`), int64(2)},
		{"nothing holds", rule(`when = "1 > 2"`, `then = "1"`), nil},
		{"a list", rule(`then = ["1", 'let x = 2; x + 1']`), int64(3)},
		{"escapes", rule(`then = "\"\\u00e9\\\\\" + \"\u00e9\""`), `é\é`},
		{"lines that are joined", rule("then = \"\"\"\n1 + \\\n   2\"\"\""), int64(3)},
		{"blanks and comments in front", "\r\n # a comment\n\n [[ rule ]] # one\nthen = '1'", int64(1)},
		{"a list of lists is no file of rules", `[[1]]`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ruleOutcome(t, tt.source)
			if tt.name == "a list of lists is no file of rules" {
				tt.want = []runtime.Value{[]runtime.Value{int64(1)}}
			}
			if got.Err != nil || !cmp.Equal(got.Value, tt.want) {
				t.Errorf("got %v, %v, want %v", got.Value, got.Err, tt.want)
			}
		})
	}
	if got := ruleOutcome(t, ruleFile); got.Err != nil || len(got.Plan.Actions) != 1 || !slices.Contains(got.Plan.Actions[0].Flags, `\Seen`) {
		t.Errorf("got %+v, %v", got.Plan, got.Err)
	}
}

// Every error stands where the character does that it is about, however the text is quoted.
func TestErrorsOfRules(t *testing.T) {
	room.CompileErrors(t, []langtest.Error{
		{"in literal quotes", "[[rule]]\nthen = 'é + sendr'", "t.expr:2:9: unknown name é\nt.expr:2:13: unknown name sendr; is \"sender\" meant?"},
		{"behind escapes", "[[rule]]\nthen = \"\\\"\\u00e9\\\" + sendr\"", `t.expr:2:22: unknown name sendr; is "sender" meant?`},
		{"in a text of several lines", "[[rule]]\nwhen = '''\ntrue\n  and sendr == 1'''\nthen = '1'", `t.expr:4:7: unknown name sendr; is "sender" meant?`},
		{"behind a line that goes on", "[[rule]]\nthen = \"\"\"1 + \\\n\n   sendr\"\"\"", `t.expr:4:4: unknown name sendr; is "sender" meant?`},
		{"in a list", "[[rule]]\nthen = [\n '1',\n 'kep()' ]", `t.expr:4:3: unknown function "kep"; is "keep" meant?`},
		{"at its end", "[[rule]]\nthen = 'keep('", `t.expr:2:13: unexpected token EOF`},
		{"several at once", "[[rule]]\nthen = 'sendr'\nwhen = 'subjct == 1'", "t.expr:2:9: unknown name sendr; is \"sender\" meant?\nt.expr:3:9: unknown name subjct; is \"subject\" meant?"},
		{"a condition that is no bool", "[[rule]]\nwhen = 'sender'\nthen = '1'", `t.expr:2:9: when: expected bool, got string`},
		{"a key that is not there", "[[rule]]\nthan = '1'", "t.expr:1:3: a rule needs then or else\nt.expr:2:1: unknown key \"than\"; is \"then\" meant?"},
		{"a key given twice", "[[rule]]\nthen = '1'\nthen = '2'", `t.expr:3:1: then is given twice`},
		{"a rule without effect", "[[rule]]\nwhen = 'true'\n[[rule]]\nthen = '1'", `t.expr:1:3: a rule needs then or else`},
		{"another table", "[[rule]]\nthen = '1'\n[rules]\nx = 1", "t.expr:3:2: expected [[rule]], got \"rules\"\nt.expr:3:2: a rule needs then or else\nt.expr:4:1: unknown key \"x\""},
		{"a misspelt first table", "[[rules]]\nthen = '1'", `t.expr:1:3: expected [[rule]], got "rules"`},
		{"a number for then", "[[rule]]\nthen = 1", `t.expr:2:1: then: expected an expression in quotes, or a list of those`},
		{"an empty text", "[[rule]]\nthen = ''", `t.expr:2:8: expected an expression`},
		{"a condition that is a number", "[[rule]]\nwhen = 1\nthen = '1'", `t.expr:2:1: when: expected an expression in quotes, or true`},
		{"TOML that is none", "[[rule]]\nthen = 'keep()\n", `t.expr:2:15: TOML: literal strings cannot have new lines`},
		{"a name of two lines", "[[rule]]\nname = \"a\\nb\"\nthen = '1'", `t.expr:2:1: name: expected text of one line`},
		{"too many rules", strings.Repeat("[[rule]]\nthen='1'\n", maxRules+1), `t.expr:2001:3: a file may have at most 1000 rules`},
		{"a large file", "[[rule]]\n" + strings.Repeat("#", 70000), `t.expr:1:1: script of 70009 octets is over the limit of 65536`},
	})
	room.RunErrors(t, []langtest.Error{
		{"an error of a run", "[[rule]]\nwhen = '''\n  key_get(\"nowhere\", \"k\") == 1'''\nthen = '1'", `t.expr:3:3: key_get: unknown store "nowhere"`},
		{"a condition that turns out to be no bool", "[[rule]]\nwhen = 'json_parse(\"1\")'\nthen = '1'", `t.expr:2:9: when: expected bool, got int`},
		{"of a list", "[[rule]]\nthen = ['1', \"int(\\\"x\\\")\"]", `t.expr:2:15: int: text is not a whole number`},
	})
	_, err := room.Language.Compile("t.expr", []byte(ruleFile), runtime.CompileOptions{Stage: runtime.StageRcpt, Trust: runtime.Admin})
	if err == nil || !strings.HasPrefix(err.Error(), "t.expr:11:1: header_exists is not lawful at stage rcpt") {
		t.Errorf("got %v", err)
	}
}

func TestSitesOfRules(t *testing.T) {
	room.Sites(t, "[[rule]]\nwhen = '1 > 2 and true'\nthen = 'keep()'\n[[rule]]\nthen = ['keep()', 'len(\"a\")']",
		[]runtime.Site{{Line: 2, Col: 8, What: "when"}, {Line: 2, Col: 15, What: "and"}, {Line: 3, Col: 9, What: "call keep"}, {Line: 5, Col: 10, What: "call keep"}, {Line: 5, Col: 20, What: "call len"}},
		[]runtime.HitRecord{{Site: 1, Outcome: runtime.False}, {Site: 0, Outcome: runtime.False}, {Site: 3, Outcome: runtime.True}, {Site: 4, Outcome: runtime.Reached}})
}

// What the rules of a file take counts for one run.
func TestRulesShareTheLimitsOfARun(t *testing.T) {
	rule := "[[rule]]\nthen = 'map(1..400, #)'\ncontinue = true\n"
	room.Limits(t, []langtest.Limit{
		{"steps", strings.Repeat(rule, 4), "steps", runtime.Limits{Steps: 3000}},
		{"memory", strings.Repeat("[[rule]]\nthen = 'repeat(\"x\", 40000)'\ncontinue = true\n", 4), "memory", runtime.Limits{Memory: 100_000}},
	})
}
