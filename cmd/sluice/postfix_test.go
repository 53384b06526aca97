package main

import (
	"fmt"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// postfix is a private Postfix that delivers to one LMTP target.
type postfix struct {
	t    testing.TB
	dir  string
	addr string
}

// startPostfix starts a Postfix of our own that hands mail for example.test to target
// (a Postfix transport), or to the command pipe.
func startPostfix(t testing.TB, env ...string) *postfix {
	t.Helper()
	missing(t, "postfix")
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("Postfix's master(8) needs root, and this is not root")
		}
		t.Skip("SKIPPED: Postfix's master(8) needs root")
	}
	dir, err := os.MkdirTemp("", "sluice-postfix-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the user postfix looks into it
		t.Fatal(err)
	}
	p := &postfix{t: t, dir: dir, addr: freeAddress(t)}
	_, port, _ := net.SplitHostPort(p.addr)
	_, back, _ := net.SplitHostPort(freeAddress(t))
	up := exec.Command("../../.ci/peers/postfix/postfix-up", dir)
	up.Env = append(os.Environ(), append([]string{"PF_PORT=" + port, "PF_REINJECT=" + back}, env...)...)
	if out, err := up.CombinedOutput(); err != nil {
		t.Fatalf("postfix-up: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix's log:\n%s", tail(p.log(), 6000))
		}
		if out, err := exec.Command("../../.ci/peers/postfix/postfix-down", "--purge", dir).CombinedOutput(); err != nil {
			t.Logf("postfix-down: %v\n%s", err, out)
		}
		os.RemoveAll(dir)
	})
	return p
}

func (p *postfix) log() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "maillog"))
	return string(b)
}

// wait waits until Postfix's log has n lines that match.
func (p *postfix) wait(n int, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile("(?m)^.*" + pattern + ".*$")
	for deadline := time.Now().Add(60 * time.Second); ; <-time.After(50 * time.Millisecond) {
		if found := re.FindAllString(p.log(), -1); len(found) >= n {
			return found
		} else if time.Now().After(deadline) {
			p.t.Fatalf("Postfix's log has %d of %d lines like %s", len(found), n, pattern)
		}
	}
}

func (p *postfix) send(from string, rcpts []string, message string) {
	p.t.Helper()
	message = strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")
	if err := smtp.SendMail(p.addr, nil, from, rcpts, []byte(message)); err != nil {
		p.t.Fatal(err)
	}
}

// login connects go-imap's client.
func (s *server) login(name, password string) *imapclient.Client {
	s.t.Helper()
	c, err := s.tryLogin(name, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// tryLogin connects and returns what LOGIN was answered.
func (s *server) tryLogin(name, password string) (*imapclient.Client, error) {
	s.t.Helper()
	c, err := imapclient.DialInsecure(s.imap, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c, c.Login(name, password).Wait()
}

// fetched is a message as IMAP shows it.
type fetched struct {
	uid   imap.UID
	flags []imap.Flag
	raw   []byte
}

// mailbox reads all messages of a mailbox, without changing it.
func (s *server) mailbox(c *imapclient.Client, name string) []fetched {
	s.t.Helper()
	box, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		s.t.Fatalf("select %s: %v", name, err)
	}
	if box.NumMessages == 0 {
		return nil
	}
	section := &imap.FetchItemBodySection{Peek: true}
	msgs, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: box.NumMessages}}, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		s.t.Fatalf("fetch from %s: %v", name, err)
	}
	var out []fetched
	for _, m := range msgs {
		out = append(out, fetched{m.UID, m.Flags, m.FindBodySection(section)})
	}
	return out
}

func TestPostfixDeliversToThreeLanguages(t *testing.T) {
	s := startServer(t, `
[[script]]
path = "$DIR/refuse.sieve"
accounts = ["anna"]
[[script]]
path = "$DIR/file.expr"
accounts = ["ben"]
[[script]]
path = "$DIR/count.js"
accounts = ["cleo"]
`, map[string]string{
		"refuse.sieve": `require "ereject"; if header :contains "subject" "offer" { ereject "no offers, please"; }`,
		"file.expr":    `header("subject") contains "offer" ? fileinto("Offers", {"create": true, "flags": ["\\Flagged", "$Offer"]}) : keep()`,
		"count.js":     `counter_incr("", "mail from " + sender()); keep();`,
	})
	for _, name := range []string{"anna", "ben", "cleo"} {
		s.addAccount(name, "secret-"+name)
	}
	p := startPostfix(t, "PF_LMTP=lmtp:inet:"+s.lmtp)
	p.send("shop@remote.test", []string{"anna@example.test", "ben@example.test", "cleo@example.test", "nobody@example.test"},
		"From: shop@remote.test\nTo: you@example.test\nSubject: an offer\nMessage-ID: <offer-1@remote.test>\n\nBuy.\n")

	if line := p.wait(1, `to=<anna@example\.test>.*status=bounced`)[0]; !strings.Contains(line, "no offers, please") || !strings.Contains(line, "dsn=5.7.1") {
		t.Errorf("anna's answer is %s", line)
	}
	if line := p.wait(1, `to=<nobody@example\.test>.*status=bounced`)[0]; !strings.Contains(line, "dsn=5.1.1") {
		t.Errorf("nobody's answer is %s", line)
	}
	p.wait(1, `to=<ben@example\.test>.*dsn=2\.0\.0, status=sent`)
	p.wait(1, `to=<cleo@example\.test>.*dsn=2\.0\.0, status=sent`)

	if n := len(s.mailbox(s.login("anna", "secret-anna"), "INBOX")); n != 0 {
		t.Errorf("anna has %d messages, want none", n)
	}
	ben := s.mailbox(s.login("ben@example.test", "secret-ben"), "Offers")
	if len(ben) != 1 {
		t.Fatalf("ben has %d messages in Offers, want 1", len(ben))
	}
	if got := fmt.Sprint(ben[0].flags); !strings.Contains(got, `\Flagged`) || !strings.Contains(strings.ToLower(got), "$offer") {
		t.Errorf("ben's message has flags %s", got)
	}
	if !strings.HasPrefix(string(ben[0].raw), "Return-Path: <shop@remote.test>\r\n") {
		t.Errorf("ben's message begins with %.60q", ben[0].raw)
	}
	if n := len(s.mailbox(s.login("cleo", "secret-cleo"), "INBOX")); n != 1 {
		t.Errorf("cleo has %d messages, want 1", n)
	}
	if got := strings.TrimSpace(s.sluice("", "kv", "get", "--script", "admin", "--kind", "counter", "mail from shop@remote.test")); got != "1" {
		t.Errorf("the counter is %q, want 1", got)
	}
}

func TestPostfixTriesAgainAndItArrivesOnce(t *testing.T) {
	s := startServer(t, "[[script]]\npath = \"$DIR/later.js\"\n", map[string]string{
		"later.js": `if (counter_incr("", "tries") < 3) tempfail("come back later"); else keep();`,
	})
	s.addAccount("dora", "secret")
	p := startPostfix(t, "PF_LMTP=lmtp:inet:"+s.lmtp)
	p.send("a@remote.test", []string{"dora@example.test"}, "From: a@remote.test\nSubject: patience\nMessage-ID: <p@remote.test>\n\nhi\n")
	for _, line := range p.wait(2, `to=<dora@example\.test>.*status=deferred`) {
		if !strings.Contains(line, "come back later") || !strings.Contains(line, "dsn=4.") {
			t.Errorf("the answer was %s", line)
		}
	}
	p.wait(1, `to=<dora@example\.test>.*status=sent`)
	if n := len(s.mailbox(s.login("dora", "secret"), "INBOX")); n != 1 {
		t.Errorf("dora has %d messages, want 1", n)
	}
}

// The pipe transport runs `sluice deliver` as the user nobody, with almost no environment.
func TestPostfixPipesAsAnUnprivilegedUser(t *testing.T) {
	s := newServer(t, "[[script]]\npath = \"$DIR/by.expr\"\n", map[string]string{
		"by.expr": `header("subject") == "bad" ? reject("not this one") : keep()`,
	})
	// The socket and the program have to be where nobody may go.
	open, err := os.MkdirTemp("", "sluice-pipe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	bin, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(open, "sluice"), bin, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(open, "run", "lmtp.sock")
	s.env = []string{"SLUICE_LMTP_SOCKET=" + socket}
	// The packaged unit has this umask.
	old := syscall.Umask(0o077)
	s.start()
	syscall.Umask(old)
	s.addAccount("emil", "secret")
	wrapper := filepath.Join(open, "deliver")
	script := fmt.Sprintf("#!/bin/sh\nSLUICE_TEST_MAIN=1 exec %s/sluice deliver --socket %s \"$@\"\n", open, socket)
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	p := startPostfix(t, "PF_PIPE="+wrapper+" -f ${sender} -r ${recipient} -o ${original_recipient}")
	p.send("x@remote.test", []string{"emil@example.test"}, "From: x@remote.test\nSubject: good\n\nhi\n")
	p.wait(1, `to=<emil@example\.test>.*status=sent`)
	p.send("x@remote.test", []string{"emil@example.test"}, "From: x@remote.test\nSubject: bad\n\nhi\n")
	if line := p.wait(1, `to=<emil@example\.test>.*status=bounced`)[0]; !strings.Contains(line, "not this one") {
		t.Errorf("the refusal says %s", line)
	}
	if n := len(s.mailbox(s.login("emil", "secret"), "INBOX")); n != 1 {
		t.Errorf("emil has %d messages, want 1", n)
	}
	// Without the server the mail waits in Postfix's queue and arrives later, once.
	s.stop()
	p.send("x@remote.test", []string{"emil@example.test"}, "From: x@remote.test\nSubject: later\n\nhi\n")
	p.wait(1, `to=<emil@example\.test>.*status=deferred`)
	s.start()
	p.wait(2, `to=<emil@example\.test>.*status=sent`)
	if n := len(s.mailbox(s.login("emil", "secret"), "INBOX")); n != 2 {
		t.Errorf("emil has %d messages, want 2", n)
	}
}
