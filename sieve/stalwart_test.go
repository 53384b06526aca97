package sieve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/stalwart"
)

// stalwartExpressions lends Stalwart's evaluator to Sieve, as the program does.
type stalwartExpressions struct{}

func (stalwartExpressions) Compile(name, source string, known func(string) bool, o runtime.CompileOptions) (StalwartExpression, error) {
	e, err := stalwart.CompileExpression(name, source, known, o)
	if err != nil {
		return nil, err
	}
	return lentExpression{e}, nil
}

func (stalwartExpressions) Text(v runtime.Value, limit int) (string, bool) {
	return stalwart.Text(v, limit)
}

type lentExpression struct{ e *stalwart.Expression }

func (l lentExpression) Eval(t *runtime.Task, from StalwartSource) (runtime.Value, error) {
	return l.e.Eval(t, from)
}

// TestStalwartWithoutRequire checks scripts of an installation that asks for no require.
func TestStalwartWithoutRequire(t *testing.T) {
	l := New(Options{Extensions: []Extension{sayExtension()}, Expressions: fakeExpressions{}, Stalwart: stalwartExpressions{}, NoRequire: true})
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"commands, tests and tags need none",
			`set "a" "1"; while "a < 3" { let "a" "a + 1"; if not header :count "gt" :comparator "i;ascii-numeric" "x" "0" { say "${a}"; } } fileinto :copy "There";`,
			[]string{`say "2"`, `say "3"`, "fileinto There copy", "keep implicit"}},
		{"a script that has one is as it was",
			`require "variables"; set :upper "x" "a"; say "${x}"; discard;`, []string{`say "A"`, "discard"}},
		{"the language of a require goes before",
			`require ["vnd.sluice.while", "variables"]; while not string "${a}" "xx" { set "a" "${a}x"; } say "${a}";`, []string{`say "xx"`, "keep implicit"}},
		{"what there is not is an error", `fileintoo "x";`, []string{`refused 1:1: unknown command "fileintoo"; is "fileinto" meant?`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outcome(t, l, tt.script, world{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStalwartLimits checks that values which grow end the run, with the limit named.
func TestStalwartLimits(t *testing.T) {
	const head = `require ["variables", "vnd.stalwart.expressions", "vnd.stalwart.while"]; `
	for _, tt := range []struct {
		name, script, want string
		limits             runtime.Limits
	}{
		{"a loop without an end", `while "1" { }`, "steps limit of 1000 reached", runtime.Limits{Steps: 1000}},
		{"doubling a text", `set "a" "xx"; while "1" { let "a" "a + a"; }`, "limit of", runtime.Limits{}},
		{"doubling an array", `let "a" "[1]"; while "1" { let "a" "a + a"; }`, "limit of", runtime.Limits{Memory: 1 << 20}},
		{"arrays that share parts", `let "a" "[1]"; while "1" { let "a" "[a, a]"; }`, "limit of", runtime.Limits{Memory: 1 << 20}},
		{"arrays in arrays", `let "a" "[1]"; while "1" { let "a" "[a]"; }`, "value is nested too deeply", runtime.Limits{}},
		{"a large array again and again", `let "a" "[1, 2, 3, 4, 5, 6, 7, 8]"; while "1" { let "b" "a + a"; let "a" "b - 1"; }`, "limit of", runtime.Limits{Memory: 1 << 20}},
		{"output of arrays", `let "a" "['xxxxxxxx', 'yyyyyyyy']"; while "1" { set "b" "${a}"; let "c" "'' + a[0] + a[1]"; }`, "limit of", runtime.Limits{Output: 1 << 16}},
		{"a compare of what shares parts", `let "a" "[1]"; set "i" "0"; while "i < 14" { let "a" "[a, a]"; let "i" "i + 1"; } while "1" { eval "a == a + []"; }`, "limit of", runtime.Limits{Memory: 8 << 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(outcome(t, testLanguage(), head+tt.script, world{limits: tt.limits}), "\n")
			if !strings.HasPrefix(got, "error 1:") || !strings.Contains(got, tt.want) {
				t.Errorf("got %.200s, want %s", got, tt.want)
			}
		})
	}
	r := &Run{}
	r.forget(0)
	if r.held != 0 {
		t.Error(r.held)
	}
}

func TestPrintedNumbers(t *testing.T) {
	for s, want := range map[string]runtime.Value{
		"0": int64(0), "-5": int64(-5), "9223372036854775807": int64(9223372036854775807), "1.5": 1.5, "-0.25": -0.25,
		"": nil, "-": nil, "-0": nil, "05": nil, "+5": nil, "1.50": nil, ".5": nil, "5.": nil, "1e3": nil, "9223372036854775808": nil, "1_0": nil, "0x1": nil, " 1": nil, "1 ": nil, "inf": nil, "1.0": nil,
	} {
		if got := printedNumber(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func FuzzStalwart(f *testing.F) {
	f.Add("a + header.to[*].addr[*].domain", "header.to[*].addr")
	f.Add("count(a) > 1 && part.text", "t.x")
	l := testLanguage()
	f.Fuzz(func(t *testing.T, expression, path string) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
		script := `require ["variables", "vnd.stalwart.expressions", "foreverypart"]; set "a" "1"; foreverypart { let "a" "` + quoted(expression) + `"; } say "${` + quoted(path) + `}";`
		outcome(t, l, script, world{message: "From: a@b\r\nTo: c@d, e@f\r\n\r\nx", limits: runtime.Limits{Steps: 10_000, Memory: 4 << 20, Output: 1 << 20}})
	})
}
