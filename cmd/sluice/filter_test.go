package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/corpus"
	"github.com/sluice-mail/sluice/peers"
	"github.com/sluice-mail/sluice/runtime"
)

// sluiceIn runs the program in a folder.
func sluiceIn(t *testing.T, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := sluiceCommand(t, dir, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	return out.String(), log.String(), err
}

func sluiceCommand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SLUICE_TEST_MAIN=1")
	return cmd
}

// decisionsOf returns what --json says is done with each message, as peers.Decision writes it.
func decisionsOf(t *testing.T, lines string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range strings.Lines(lines) {
		var m struct {
			MessageID string `json:"message_id"`
			Plan      []runtime.Action
			Error     *struct{ Kind, Text string }
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if m.Error != nil {
			if m.Error.Kind != "script" {
				t.Errorf("%s: %s", m.MessageID, m.Error.Text)
			}
			out[m.MessageID] = nil // sieve-filter tells the error, and no action
			continue
		}
		var list []string
		for _, a := range m.Plan {
			switch a.Kind {
			case runtime.Keep:
				list = append(list, peers.Decision("store INBOX", a.Flags))
			case runtime.FileInto:
				list = append(list, peers.Decision("store "+a.Mailbox, a.Flags))
			case runtime.Redirect:
				list = append(list, peers.Decision("redirect "+a.Address, nil))
			default:
				list = append(list, peers.Decision(string(a.Kind), nil))
			}
		}
		slices.Sort(list)
		out[m.MessageID] = list
	}
	return out
}

const manyDecisions = `require ["fileinto", "reject", "copy", "imap4flags", "envelope", "relational", "comparator-i;ascii-numeric"];
if header :contains "subject" "Job" { redirect :copy "a@b.example"; fileinto :flags ["\\Seen", "$x"] "Jobs"; }
elsif header :contains "subject" "Lunch" { discard; }
elsif header :matches "subject" "Your booking *" { reject "no"; }
elsif header :contains "subject" "plan" { fileinto :copy "Plans"; addflag "\\Flagged"; }
elsif address :domain "from" "letters.example" { fileinto "Letters"; stop; }
elsif envelope :matches "from" "return-*3@*" { redirect "c@d.example"; }
if size :over 100K { addflag "$large"; keep; }
`

func TestFilterDecidesAsSieveFilterDoes(t *testing.T) {
	judge, err := peers.NewSieveFilter()
	peers.Need(t, err)
	t.Cleanup(judge.Close)
	if _, err := corpus.MadeMaildir(judge.Maildir, 400, 1); err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{"many": manyDecisions}
	for _, name := range []string{"small", "rules100", "hdrvars", "body"} {
		raw, err := os.ReadFile("../../sieve/testdata/bench/" + name + ".sieve")
		if err != nil {
			t.Fatal(err)
		}
		scripts[name] = string(raw)
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			want, err := judge.Run(t.Context(), []byte(script))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "s.sieve"), []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			out, _, _ := sluiceIn(t, dir, "filter", "--json", "--create", "s.sieve", judge.Maildir)
			got := decisionsOf(t, out)
			if len(want.Decisions) != 400 {
				t.Fatalf("sieve-filter decided about %d messages", len(want.Decisions))
			}
			if diff := cmp.Diff(want.Decisions, got); diff != "" {
				t.Errorf("decisions (-sieve-filter +sluice):\n%.4000s", diff)
			}
		})
	}
}

// contents are the messages below a Maildir: how often each is there, by its hash.
func contents(t *testing.T, root string) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		sub := filepath.Base(filepath.Dir(path))
		if err != nil || d.IsDir() || sub != "cur" && sub != "new" {
			return err
		}
		raw, err := os.ReadFile(path)
		sum := sha256.Sum256(raw)
		out[hex.EncodeToString(sum[:])]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// listing are the names of all files and folders below a Maildir, without those of runs.
func listing(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() == "sluice-filter" {
			return fs.SkipDir
		}
		out = append(out, strings.TrimPrefix(path, root))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const movesAll = `require ["fileinto", "mailbox", "imap4flags", "copy"];
if header :contains "list-id" "list" { fileinto :create :flags "$list" "Lists/all"; }
elsif header :contains "subject" "Re:" { fileinto :create "Replies"; }
elsif header :contains "subject" "Job" { keep :flags "\\Seen"; }
elsif header :contains "subject" "Lunch" { discard; }
else { fileinto :create "Rest"; }
`

func TestFilterKilledAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	box := filepath.Join(dir, "box")
	const n = 600
	if _, err := corpus.MadeMaildir(box, n, 2); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "s.sieve"), []byte(movesAll), 0o600); err != nil {
		t.Fatal(err)
	}
	names, messages := listing(t, box), contents(t, box)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	kills, stops := 0, 0
	for round := 0; ; round++ {
		cmd := sluiceCommand(t, dir, "filter", "--apply", "--discard", "delete", "-j", "2", "s.sieve", "box")
		var log bytes.Buffer
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		signal := syscall.SIGKILL
		if round%3 == 2 {
			signal = os.Interrupt.(syscall.Signal)
		}
		wait := time.Duration(10+rng.IntN(60)) * time.Millisecond
		if round > 40 {
			wait = time.Minute
		}
		var err error
		select {
		case err = <-ended:
		case <-time.After(wait):
			_ = cmd.Process.Signal(signal)
			err = <-ended
		}
		if err == nil {
			break
		}
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled():
			kills++
		case strings.Contains(log.String(), "interrupted at message"):
			stops++
		default:
			t.Fatalf("round %d: %v\n%s", round, err, log.String())
		}
	}
	t.Logf("killed %d times, interrupted %d times", kills, stops)
	got := contents(t, box)
	laid, err := filepath.Glob(filepath.Join(box, "sluice-filter", "*", "aside", "old-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range laid {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		got[hex.EncodeToString(sum[:])]++
	}
	if diff := cmp.Diff(messages, got); diff != "" {
		t.Errorf("messages (-before +after):\n%.2000s", diff)
	}
	journals, err := filepath.Glob(filepath.Join(box, "sluice-filter", "*", "journal"))
	if err != nil || len(journals) != 1 || len(laid) == 0 {
		t.Fatalf("%d journals, %d messages laid aside, %v", len(journals), len(laid), err)
	}
	if out, log, err := sluiceIn(t, dir, "filter", "--undo", journals[0]); err != nil {
		t.Fatalf("undo: %v\n%s%s", err, out, log)
	}
	if diff := cmp.Diff(names, listing(t, box)); diff != "" {
		t.Errorf("files (-before +after undo):\n%.2000s", diff)
	}
	if diff := cmp.Diff(messages, contents(t, box)); diff != "" {
		t.Errorf("messages (-before +after undo):\n%.2000s", diff)
	}
}

func TestFilterThatIsInterruptedAtOnceHasNotEnded(t *testing.T) {
	dir := t.TempDir()
	box := filepath.Join(dir, "box")
	if _, err := corpus.MadeMaildir(box, 50, 6); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "s.sieve")
	if err := os.WriteFile(script, []byte(movesAll), 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t, box)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, args := range [][]string{{"filter", script, box}, {"filter", "--apply", script, box}} {
		if code := run(ctx, args, os.Stdin, log, log); code != exitFailed {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || strings.Count(string(text), "sluice: interrupted") != 2 {
		t.Errorf("%s%v", text, err)
	}
	if diff := cmp.Diff(before, listing(t, box)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
}

func TestFilterReadsNoBodyThatNoTestLooksAt(t *testing.T) {
	dir := t.TempDir()
	box := filepath.Join(dir, "box")
	if _, err := corpus.MadeMaildir(box, 3, 3); err != nil {
		t.Fatal(err)
	}
	// A body of a terabyte, most of which is a hole: whoever reads it does not come back.
	huge, err := os.Create(filepath.Join(box, "cur", "1.huge:2,"))
	if err == nil {
		_, err = huge.WriteString("Subject: huge\nMessage-ID: <huge@x>\n\nbody\n")
	}
	if err = errors.Join(err, huge.Truncate(1<<40), huge.Close()); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"head.sieve": `require "fileinto"; if allof(header :contains "subject" "huge", size :over 1G) { fileinto "Huge"; }`,
		"edit.sieve": `require "editheader"; addheader "X-Edited" "yes";`,
		"body.sieve": `require ["body", "fileinto"]; if body :contains "nothing like this" { fileinto "x"; }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, log, err := sluiceIn(t, dir, "filter", "--create", "head.sieve", "box")
	if err != nil || !strings.Contains(out, "1  fileinto Huge") {
		t.Errorf("%v\n%s%s", err, out, log)
	}
	out, log, err = sluiceIn(t, dir, "filter", "body.sieve", "box")
	if err == nil || !strings.Contains(log, "1.huge:2,: the message has 1099511627776 octets") || !strings.Contains(out, "3  keep") {
		t.Errorf("a script that looks at bodies: %v\n%s%s", err, out, log)
	}
	// What an edit needs and cannot be read is not lost.
	before := listing(t, box)
	out, log, err = sluiceIn(t, dir, "filter", "--apply", "edit.sieve", "box")
	if err == nil || !strings.Contains(log, "1.huge:2,: the message has 1099511627776 octets") || !strings.Contains(out, "3 messages changed, 1 error") {
		t.Errorf("a script that edits messages: %v\n%s%s", err, out, log)
	}
	after := listing(t, box)
	edited, err := filepath.Glob(filepath.Join(box, "cur", "*.F*"))
	if len(after) != len(before) || len(edited) != 3 || err != nil {
		t.Fatalf("%d files, %d of them edited, %v", len(after), len(edited), err)
	}
	for _, path := range edited {
		if raw, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(raw, []byte("X-Edited: yes\n")) || !bytes.Contains(raw, []byte("\nSubject: ")) {
			t.Errorf("%s begins with %.40q, %v", path, raw, err)
		}
	}
	journal, err := filepath.Glob(filepath.Join(box, "sluice-filter", "*", "journal"))
	if err != nil || len(journal) != 1 {
		t.Fatal(journal, err)
	}
	if out, log, err := sluiceIn(t, dir, "filter", "--undo", journal[0]); err != nil {
		t.Errorf("undo: %v\n%s%s", err, out, log)
	}
	if diff := cmp.Diff(before, listing(t, box)); diff != "" {
		t.Errorf("files (-before +after undo):\n%s", diff)
	}
}

func TestFilterUsesTheStoresOfTheServer(t *testing.T) {
	s := newServer(t, "", map[string]string{})
	s.start()
	box := filepath.Join(s.dir, "box")
	if _, err := corpus.MadeMaildir(box, 5, 4); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(s.dir, "count.js")
	const source = `var n = counter_incr("", "seen", 1, "1h"); key_set("", "last", subject()); if (!key_add("", "first", subject())) lock_try("", "l", "1m"); mark("", "m" + n, "x"); keep(["n" + n]);`
	if err := os.WriteFile(script, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	counter := func() string {
		return strings.TrimSpace(s.sluice("", "run", "--json", filepath.Join(s.dir, "see.js"), filepath.Join(s.dir, "mail.eml")))
	}
	for name, text := range map[string]string{"see.js": `"n=" + counter_get("", "seen") + " m5=" + key_get("", "m5")`, "mail.eml": "Subject: x\n\n"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := s.sluice("", "filter", "-v", script, box)
	if !strings.Contains(out, "flags n5") {
		t.Errorf("dry run:\n%s", out)
	}
	if got := counter(); !strings.Contains(got, "n=0 m5=null") {
		t.Errorf("a dry run has written to the store: %s", got)
	}
	out = s.sluice("", "filter", "--apply", script, box)
	if !strings.Contains(out, "5 messages changed, 0 errors") {
		t.Errorf("run:\n%s", out)
	}
	if got := counter(); !strings.Contains(got, "n=5 m5=x") {
		t.Errorf("the run has not written to the store: %s", got)
	}
}

func TestFilterSendsWhenItIsTold(t *testing.T) {
	s := newServer(t, fmt.Sprintf("[relay]\naddress = %q\n", freeAddress(t)), map[string]string{})
	s.start()
	box := filepath.Join(s.dir, "box")
	if _, err := corpus.MadeMaildir(box, 3, 5); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(s.dir, "send.sieve")
	if err := os.WriteFile(script, []byte("redirect \"far@away.example\";\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.sluice("", "filter", "--apply", script, box)
	if !strings.Contains(out, "3  not done: redirect") || strings.Contains(s.sluice("", "outbox", "list"), "far@away.example") {
		t.Errorf("without --send:\n%s", out)
	}
	out = s.sluice("", "filter", "--apply", "--send", "--discard", "delete", script, box)
	if !strings.Contains(out, "3 messages changed, 0 errors") || strings.Count(s.sluice("", "outbox", "list"), "far@away.example") != 3 {
		t.Errorf("with --send:\n%s%s", out, s.sluice("", "outbox", "list"))
	}
	if list, err := os.ReadDir(filepath.Join(box, "cur")); err != nil || len(list) != 0 {
		t.Errorf("%d messages are left, %v", len(list), err)
	}
	journals, err := filepath.Glob(filepath.Join(box, "sluice-filter", "*", "journal"))
	if err != nil || len(journals) != 1 {
		t.Fatal(journals, err)
	}
	out = s.sluice("", "filter", "--undo", journals[0])
	if !strings.Contains(out, "3 messages put back") || !strings.Contains(out, "what was sent for 3 messages") {
		t.Errorf("undo:\n%s", out)
	}
}
