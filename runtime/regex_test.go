package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

func TestALongMatchEndsWithTheRun(t *testing.T) {
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("Subject: x\r\n\r\n" + strings.Repeat("abc", 400_000)))
	for _, source := range []string{
		`matches_regex("((a?b?c?){20}){20}z", body_text())`, `regex_captures("((a?b?c?){20}){20}z", body_text())`,
	} {
		p := compileTiny(t, source)
		// The clock of the test is its own: the run is over in the middle of the match.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		started := time.Now()
		r := testEngine.Run(ctx, p, tx, RunOptions{Limits: Limits{Time: time.Hour}})
		cancel()
		var limit *LimitError
		if !errors.As(r.Err, &limit) || limit.Limit != "time" {
			t.Errorf("%s: %v", source, r.Err)
		}
		if took := time.Since(started); took > 3*time.Second {
			t.Errorf("%s took %s", source, took)
		}
	}
}

func TestAMatchIsTheSameOnLongTexts(t *testing.T) {
	e := &Env{Context: t.Context(), View: &View{}}
	for _, tt := range []struct{ pattern, text string }{
		{`#([0-9]+)(x)?`, "grün \xff #42 again"}, {`^a`, "ba"}, {`\bword$`, "a word"}, {`(é)(.)`, "aé\xff"}, {`^$`, ""}, {`x*`, "b"},
	} {
		p, err := patterns.compile(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		short, err := p.captures(e, tt.text)
		if err != nil {
			t.Fatal(err)
		}
		// What costs much is read character by character.
		long := &pattern{re: p.re, cost: 1 << 40}
		got, err := long.captures(e, tt.text)
		if err != nil || !Equal(got, short) {
			t.Errorf("%s in %q: %q and %q, %v", tt.pattern, tt.text, short, got, err)
		}
		if ok, err := long.matches(e, tt.text); err != nil || ok != (short != nil) {
			t.Errorf("%s in %q: %v, %v", tt.pattern, tt.text, ok, err)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for _, text := range []string{`((a?b?c?){30}){30}z`, strings.Repeat("x{900}", 12)} {
		if _, err := patterns.compile(text); err == nil || !strings.Contains(err.Error(), "too large once its repetitions are written out") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	big := strings.Repeat("y{900}", 3)
	if _, err := patterns.compile(big); err != nil {
		t.Fatal(err)
	}
	if patterns.byText[big] != nil {
		t.Error("a large pattern is kept")
	}
}
