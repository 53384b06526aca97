package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMatchesOneByOneAreThoseOfAllAtOnce(t *testing.T) {
	sources := []string{
		`a`, `a*`, `a*?`, `(a)|(b)`, `^a`, `(?m)^a*`, `\bb`, `\Bb`, `b\b`, `(a|ab)(c|bcd)?`, `ü+|x*`, `(?i)A.`, `(?s).`, `$`, `(?m)$`, `^`, `\A`, `[^a]*a`, `(?U)a+b`, `|a`, `(?P<n>b)+`,
	}
	rapid.Check(t, func(t *rapid.T) {
		p, err := patterns.compile(rapid.SampledFrom(sources).Draw(t, "pattern"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "ü", "x", " ", "\n", "\xff", "\xc3", "😀"}), 0, 12).Draw(t, "text"), "")
		n := rapid.IntRange(1, 12).Draw(t, "n")
		e := &Env{Context: context.Background(), View: &View{}}
		got, err := p.oneByOne(e, text, n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.re.FindAllStringSubmatchIndex(text, n), got); diff != "" {
			t.Errorf("%q in %q: want -, got +:\n%s", p.re, text, diff)
		}
	})
}

func TestPatternsThatAreQuadraticEndWithTheRun(t *testing.T) {
	tx := ExampleTransaction()
	for _, source := range []string{
		`regex_find_all("[^b]*b|a", repeat("a", 1000000), 10000)`,
		`regex_replace("(a|aa)*b|a", repeat("a", 1000000), "$1", 10000)`,
		`regex_split("a*b|a", repeat("a", 1000000), 10000)`,
		`regex_captures_all("(?:a|b)*c|a", repeat("a", 1000000), 10000)`,
	} {
		began := time.Now()
		r := testEngine.Run(t.Context(), compileTiny(t, source), tx, RunOptions{Limits: Limits{Time: 200 * time.Millisecond}})
		var limit *LimitError
		if !errors.As(r.Err, &limit) || limit.Limit != "time" {
			t.Errorf("%s: %v", source, r.Err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", source, took)
		}
	}
}

func TestWhatARegexMakesIsBounded(t *testing.T) {
	for source, want := range map[string]string{
		`regex_replace("a", repeat("a", 10000), repeat("${0}x", 1000), 10000)`:              "output",
		`regex_captures_all("` + strings.Repeat("()", 200) + `", repeat("a", 9999), 10000)`: "memory",
	} {
		r := runTiny(t, source, RunOptions{})
		var limit *LimitError
		if !errors.As(r.Err, &limit) || limit.Limit != want {
			t.Errorf("%.60s: %v", source, r.Err)
		}
	}
}
