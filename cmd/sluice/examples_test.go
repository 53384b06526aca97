package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// exampleCase is one case of an example: a message at a moment, and the settled plan.
type exampleCase struct {
	name     string
	at       time.Duration
	from, to string
	raw      []byte
	want     []string
}

// readCases reads the cases of an example. They run in their order on one store.
func readCases(t *testing.T, path string) []exampleCase {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []exampleCase
	for _, f := range a.Files {
		c := exampleCase{name: f.Name, from: "bob@example.com", to: "alice@example.test"}
		for line := range strings.Lines(string(f.Data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			value = strings.TrimSpace(value)
			switch key {
			case "":
			case "at":
				if c.at, err = kv.ParseTTL(value); err != nil {
					t.Fatal(err)
				}
			case "from":
				c.from = value
			case "to":
				c.to = value
			case "message":
				if c.raw, err = os.ReadFile(filepath.Join("../../examples/mail", value)); err != nil {
					t.Fatal(err)
				}
			case "text":
				c.raw = []byte(strings.ReplaceAll(value, `\n`, "\r\n"))
			case "want":
				c.want = append(c.want, value)
			default:
				t.Fatalf("%s: %s: unknown line %q", path, f.Name, line)
			}
		}
		out = append(out, c)
	}
	return out
}

// Every example asks for the same plan in all three languages.
func TestExamplesAskForTheSamePlanInEveryLanguage(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/cases.txtar")
	if err != nil || len(dirs) < 5 {
		t.Fatalf("there are %d examples (%v)", len(dirs), err)
	}
	engine := newEngine(Default("data"))
	for _, path := range dirs {
		dir := filepath.Dir(path)
		name := filepath.Base(dir)
		for _, suffix := range []string{".sieve", ".expr", ".js", ".rules.expr"} {
			t.Run(name+suffix, func(t *testing.T) {
				source, err := os.ReadFile(filepath.Join(dir, name+suffix))
				if os.IsNotExist(err) && suffix == ".rules.expr" {
					return // not every example is a list of rules
				}
				if err != nil {
					t.Fatal(err)
				}
				p, err := engine.Compile(name+suffix, source, runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin, Stores: []string{}})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
				clock := start
				store := memory.New(memory.Options{Now: func() time.Time { return clock }})
				host := &runtime.Live{Stores: func(string) (kv.Store, error) { return store, nil }}
				for _, c := range readCases(t, path) {
					clock = start.Add(c.at)
					tx := &runtime.Transaction{Stage: runtime.StageDeliver, From: runtime.Path{Address: c.from}, Time: clock, Message: mail.New(c.raw)}
					tx.Rcpt.Address = c.to
					tx.Rcpts = []runtime.Path{tx.Rcpt.Path}
					res := engine.Run(t.Context(), p, tx, runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"})
					if res.Err != nil {
						t.Errorf("%s: %v", c.name, res.Err)
						continue
					}
					settled, err := runtime.Settle(res.Plan, nil, nil, runtime.Limits{})
					if err != nil {
						t.Errorf("%s: %v", c.name, err)
					}
					actions := settled.Actions
					if settled.Refused != nil {
						actions = append(actions, *settled.Refused)
					}
					var got []string
					for _, a := range actions {
						got = append(got, a.String())
					}
					// What a delivery does once the mail is settled.
					if err := commitMarks(t.Context(), host.Stores, settled); err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, c.want) {
						t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
					}
				}
			})
		}
	}
}
