package sieve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func TestScans(t *testing.T) {
	const message = "X-Score: 2.5\r\nX-Spam: Yes, score=-3.1 required=5.0\r\nX-Stars: *****\r\nX-Max: limit 8.0\r\nX-Virus: Infected\r\nX-Clean: OK\r\n\r\n"
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
	const head = `require ["spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric", "variables"]; `
	const spam = head + `if spamtest :matches "*" { say "${0}"; } if spamtest :percent :matches "*" { say "${0}%"; }`
	const virus = head + `if virustest :matches "*" { say "${0}"; }`
	texts := []string{"?", "OK", "", "Odd", "", "Infected"}
	for _, tt := range []struct {
		name, script string
		spam, virus  Scan
		want         []string
	}{
		{"nothing is set", spam + virus[len(head):], Scan{}, Scan{}, []string{`say "0"`, `say "0%"`, `say "0"`}},
		{"a score", spam, Scan{Header: "X-Score", Max: 10}, Scan{}, []string{`say "3"`, `say "25%"`}},
		{"a score over the worst", spam, Scan{Header: "X-Score", Max: 2}, Scan{}, []string{`say "10"`, `say "100%"`}},
		{"a score by a pattern, below nothing", spam, Scan{Header: `X-Spam: score=(-?[0-9.]+)`, Max: 5}, Scan{}, []string{`say "1"`, `say "0%"`}},
		{"a worst score by a pattern", spam, Scan{Header: "X-Score", MaxHeader: `X-Max: [0-9.]+`}, Scan{}, []string{`say "3"`, `say "31%"`}},
		{"as many signs as the score", spam, Scan{Header: "X-Stars", Type: "strlen", Max: 10}, Scan{}, []string{`say "5"`, `say "50%"`}},
		{"a field that is not there", spam, Scan{Header: "X-None", Max: 10}, Scan{}, []string{`say "0"`, `say "0%"`}},
		{"a pattern that does not match", spam, Scan{Header: "X-Score: ([a-z]+)", Max: 10}, Scan{}, []string{`say "0"`, `say "0%"`}},
		{"a score that is none is noted", head + `if spamtest "0" { say "0"; }`, Scan{Header: "X-Virus", Max: 10}, Scan{},
			[]string{`say "0"`, `problem spamtest: "Infected" is no score`}},
		{"a text", virus, Scan{}, Scan{Header: "X-Virus", Type: "text", Texts: texts}, []string{`say "5"`}},
		{"a text that is clean", virus, Scan{}, Scan{Header: "X-Clean", Type: "text", Texts: texts}, []string{`say "1"`}},
		{"a text that is not known is noted", virus, Scan{}, Scan{Header: "X-Score", Type: "text", Texts: texts},
			[]string{`say "0"`, `problem virustest: "2.5" is none of the known verdicts`}},
		{"values have an order", head + `if spamtest :value "ge" :comparator "i;ascii-numeric" "3" { say "yes"; }`, Scan{Header: "X-Score", Max: 10}, Scan{}, []string{`say "yes"`}},
		{"verdicts are counted", head + `if spamtest :count "eq" "1" { say "one"; } if virustest :count "eq" "0" { say "none"; }`,
			Scan{Header: "X-Score", Max: 10}, Scan{Header: "X-None", Max: 1}, []string{`say "one"`, `say "none"`}},
		{"percent needs spamtestplus", `require "spamtest"; if spamtest :percent "5" {}`, Scan{}, Scan{},
			[]string{`refused 1:33: tag ":percent" needs require "spamtestplus"; add it at the top of the script`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{Spamtest: tt.spam, Virustest: tt.virus}, tt.script, tx, nil)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanSettings(t *testing.T) {
	for _, tt := range []struct {
		scan Scan
		want string
	}{
		{Scan{}, ""}, {Scan{Header: "X-A", Max: 1}, ""}, {Scan{Header: "X-A", Type: "text", Texts: []string{"", "a"}}, ""},
		{Scan{Header: "X A", Max: 1}, `header: "X A" is no name of a header field`},
		{Scan{Header: "X: (", Max: 1}, `header: in the pattern: no ")" ends this group`},
		{Scan{Header: "X"}, "max: expected the worst score, over 0"},
		{Scan{Header: "X", MaxHeader: ": a"}, `max-header: "" is no name of a header field`},
		{Scan{Header: "X", Type: "text"}, "texts: expected the verdicts in their order"},
		{Scan{Header: "X", Type: "yes"}, `type "yes": expected score, strlen or text`},
	} {
		got := ""
		if err := tt.scan.Check(); err != nil {
			got = err.Error()
		}
		if !strings.EqualFold(got, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.scan, got, tt.want)
		}
	}
}
