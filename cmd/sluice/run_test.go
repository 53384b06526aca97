package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The script that README begins with does what its comment says.
func TestTheScriptOfREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```sieve\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatal("README has no Sieve script")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "greylist.sieve")
	if err := os.WriteFile(script, m[1], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ now, want string }{
		{"2026-01-01T12:00:00Z", "tempfail"},
		{"2026-01-01T12:04:59Z", "tempfail"},
		{"2026-01-01T12:05:01Z", "keep"},
		{"2026-01-20T12:00:00Z", "keep"},
		{"2026-03-01T12:00:00Z", "tempfail"},
	} {
		cmd := exec.Command(os.Args[0], "run", "--data", filepath.Join(dir, "none"), "--store", filepath.Join(dir, "kv.db"), "--commit", "--now", step.now, script, "../../examples/mail/friend.eml")
		cmd.Env = append(os.Environ(), "SLUICE_TEST_MAIN=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), step.want) {
			t.Errorf("at %s: %v, %s; want %s", step.now, err, out, step.want)
		}
	}
}

// The newcomer's first command: it delivers the example mail, says why, and its own hints
// work. Ctrl-C ends it cleanly.
func TestMakeRunIsTheMainJob(t *testing.T) {
	missing(t, "curl")
	missing(t, "make")
	dir := t.TempDir()
	imap := freeAddress(t)
	cmd := exec.Command("make", "run")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "SLUICE_DATA="+filepath.Join(dir, "some data"), "SLUICE_IMAP_LISTEN="+imap,
		"SLUICE_LMTP_LISTEN="+freeAddress(t), "SLUICE_HTTP_LISTEN="+freeAddress(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(8 * time.Minute); !strings.Contains(out.String(), "Ctrl-C ends it."); {
		select {
		case err := <-exited:
			t.Fatalf("make run ended: %v\n%s", err, out)
		case <-tick.C:
			if time.Now().After(deadline) {
				t.Fatalf("make run is not ready\n%s", out)
			}
		}
	}
	text := out.String()
	for _, want := range []string{
		`fileinto mailbox "Lists" flags $List create`, `fileinto mailbox "Junk"`, "discard", "4.7.1 greylisted, please try again in five minutes (exit code 75)",
		`counter_incr("", "mail from bob@example.com")  = 1`, "answer: delivered (exit code 0)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("make run does not say %s", want)
		}
	}
	// What it says to try works as it stands.
	for _, hint := range []string{"list mailboxes", "read the first", "scripts' keys", "send another", "try a script"} {
		line := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(hint) + `\s{2,}(.*)$`).FindStringSubmatch(text)
		if line == nil {
			t.Errorf("there is no hint %q", hint)
			continue
		}
		c := exec.Command("bash", "-c", line[1])
		c.Dir = "../.."
		c.Env = cmd.Env
		if got, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line[1], err, got)
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-exited:
		if !strings.Contains(out.String(), "sluice ended.") {
			t.Errorf("make run ended with %v\n%s", err, tail(out.String(), 1000))
		}
	case <-time.After(time.Minute):
		t.Error("Ctrl-C does not end it")
	}
	log, err := os.ReadFile(filepath.Join(dir, "some data", "serve.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), "level=ERROR") || !strings.Contains(string(log), "stopping") {
		t.Errorf("the server's log ends\n%s", tail(string(log), 2000))
	}
}
