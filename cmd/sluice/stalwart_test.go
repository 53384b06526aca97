package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// TestStalwartScripts runs scripts as they are written for Stalwart, with [compat] stalwart set. In a
// file of testdata/stalwart a section with a suffix is a script, `message` the message of
// what follows, and `run SCRIPT: a sentence` a transaction, behind which stands what is
// wanted. All runs of a file share a store.
func TestStalwartScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/stalwart/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	c := Default("data")
	c.Compat.Stalwart = true
	engine := newEngine(c)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		host, _ := langtest.Live(t)
		scripts := map[string][]byte{}
		message := ""
		for i := range archive.Files {
			f := &archive.Files[i]
			run, isRun := strings.CutPrefix(f.Name, "run ")
			switch {
			case f.Name == "message":
				message = strings.ReplaceAll(string(f.Data), "\n", "\r\n")
			case isRun:
				script, sentence, _ := strings.Cut(run, ": ")
				want := &archive.Files[i+1]
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+sentence, func(t *testing.T) {
					tx := transactionOf(t, string(f.Data), message)
					p, err := engine.Compile(script, scripts[script], runtime.CompileOptions{Stage: tx.Stage, Trust: runtime.Admin})
					if err != nil {
						t.Fatal(err)
					}
					got := ran(engine.Run(t.Context(), p, tx, runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "admin", Seed: 1}))
					if *update {
						want.Data = []byte(got)
						return
					}
					if diff := cmp.Diff(string(want.Data), got); diff != "" {
						t.Error(diff)
					}
				})
			case f.Name != "want":
				scripts[f.Name] = f.Data
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// transactionOf reads a transaction: a word and its value on each line.
func transactionOf(t *testing.T, text, message string) *runtime.Transaction {
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Listener: "milter", Time: time.Unix(1767225600, 0).UTC(), Hostname: "mail.example.org"}
	for line := range strings.Lines(text) {
		word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "stage":
			tx.Stage = runtime.Stage(value)
		case "from":
			tx.From.Address = value
		case "to":
			tx.Rcpts = append(tx.Rcpts, runtime.Path{Address: value})
			tx.Rcpt.Address = value
		case "ip":
			tx.Client.IP = netip.MustParseAddr(value)
		case "helo":
			tx.Client.Helo = value
		case "user":
			tx.Client.Authenticated = value
		case "tls":
			tx.Client.TLS = true
		case "":
		default:
			t.Fatalf("unknown word %q", word)
		}
	}
	if tx.Stage == runtime.StageData || tx.Stage == runtime.StageDeliver {
		tx.Message = mail.New([]byte(message))
	}
	return tx
}

// ran is what a run gave: its error or value, and its plan, a line each.
func ran(r *runtime.Result) string {
	var b strings.Builder
	s := r.Settle(nil, runtime.Limits{})
	if r.Err != nil {
		fmt.Fprintf(&b, "error %s\n", r.Err)
	}
	if r.Value != nil {
		v, _ := json.Marshal(r.Value)
		fmt.Fprintf(&b, "value %s\n", v)
	}
	if s.Refused != nil {
		s.Actions = []runtime.Action{*s.Refused}
	}
	for _, a := range s.Actions {
		fmt.Fprintln(&b, strings.TrimSpace(strings.Join([]string{string(a.Kind), a.Mailbox, a.Address, a.Reason, strings.Join(a.Flags, ",")}, " ")))
		for line := range strings.Lines(string(a.Header)) {
			if strings.HasPrefix(line, "X-Spam") {
				fmt.Fprintln(&b, "  "+strings.TrimSpace(line))
			}
		}
	}
	return b.String()
}
