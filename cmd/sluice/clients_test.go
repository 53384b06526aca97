package main

import (
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// deliver hands messages to the server over LMTP as an MTA does.
func (s *server) deliver(from, to string, messages ...string) {
	s.t.Helper()
	c := dialLMTP(s.t, s.lmtp)
	defer c.close()
	for _, m := range messages {
		m = strings.ReplaceAll(strings.ReplaceAll(m, "\r\n", "\n"), "\n", "\r\n")
		for i, answer := range c.send(from, []string{to}, []byte(m)) {
			if !strings.HasPrefix(answer, "250") {
				s.t.Fatalf("recipient %d: %s", i, answer)
			}
		}
	}
}

// clientServer is a server with Postfix in front and three delivered messages, as the
// clients below find it.
func clientServer(t *testing.T) *server {
	s := startServer(t, "", nil)
	s.addAccount("grete", "secret")
	p := startPostfix(t, "PF_LMTP=lmtp:inet:"+s.lmtp)
	for i := 1; i <= 3; i++ {
		msg := fmt.Sprintf("From: Someone <s%d@remote.test>\r\nTo: grete@example.test\r\nSubject: message %d\r\nMessage-ID: <m%d@remote.test>\r\n\r\nBody number %d.\r\n", i, i, i, i)
		if err := smtp.SendMail(p.addr, nil, fmt.Sprintf("s%d@remote.test", i), []string{"grete@example.test"}, []byte(msg)); err != nil {
			t.Fatal(err)
		}
		p.wait(i, `to=<grete@example\.test>.*status=sent`)
	}
	return s
}

func TestCurlReadsAndTidies(t *testing.T) {
	missing(t, "curl")
	s := clientServer(t)
	curl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("curl", append([]string{"-sS", "--max-time", "20", "-u", "grete:secret"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	url := "imap://" + s.imap
	if out := curl(url); !strings.Contains(out, `INBOX`) {
		t.Errorf("LIST answered %s", out)
	}
	if out := curl(url + "/INBOX;MAILINDEX=2"); !strings.Contains(out, "Body number 2.") || !strings.HasPrefix(out, "Return-Path: <s2@remote.test>\r\n") {
		t.Errorf("message 2 is %s", out)
	}
	if out := curl(url+"/INBOX", "-X", `UID SEARCH SUBJECT "message 3"`); !strings.Contains(out, "* SEARCH 3\r\n") {
		t.Errorf("SEARCH answered %s", out)
	}
	file := filepath.Join(t.TempDir(), "draft.eml")
	if err := os.WriteFile(file, []byte("From: grete@example.test\r\nSubject: draft\r\n\r\nnot yet\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	curl(url+"/Drafts", "-T", file)
	if out := curl(url + "/Drafts;MAILINDEX=1"); !strings.Contains(out, "not yet") {
		t.Errorf("the draft is %s", out)
	}
	curl(url+"/INBOX", "-X", "COPY 1 Archive")
	curl(url+"/INBOX", "-X", `STORE 1 +FLAGS (\Deleted)`)
	curl(url+"/INBOX", "-X", "EXPUNGE")
	if out := curl(url, "-X", "STATUS INBOX (MESSAGES)"); !strings.Contains(out, "(MESSAGES 2)") {
		t.Errorf("STATUS answered %s", out)
	}
}

const imaplibSession = `
import imaplib, sys
host, port = sys.argv[1].rsplit(":", 1)
m = imaplib.IMAP4(host, int(port))
assert "IMAP4REV1" in m.capabilities, m.capabilities
m.login("grete", "secret")
ok, boxes = m.list()
assert ok == "OK" and any(b.endswith(b"INBOX") or b.endswith(b'"INBOX"') for b in boxes), boxes
ok, n = m.select("INBOX")
assert (ok, n) == ("OK", [b"3"]), (ok, n)
ok, data = m.search(None, "ALL")
assert data == [b"1 2 3"], data
ok, data = m.fetch("1:3", "(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
assert ok == "OK" and len(data) == 3, data
ok, data = m.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
assert b"Subject: message 2" in data[0][1], data
ok, data = m.store("2", "+FLAGS", r"(\Flagged $Work)")
assert b"\\Flagged" in data[0] and b"$Work" in data[0], data
ok, data = m.append("Archive", r"(\Seen)", imaplib.Time2Internaldate(0), b"Subject: kept\r\n\r\nold mail\r\n")
assert ok == "OK" and b"APPENDUID" in data[0], (ok, data)
ok, data = m.copy("1:2", "Archive")
assert ok == "OK", data
m.create("Projects/2026")
assert m.rename("Projects/2026", "Projects/done")[0] == "OK"
m.subscribe("Projects/done")
ok, subs = m.lsub()
assert any(b"Projects/done" in s for s in subs), subs
ok, data = m.store("1", "+FLAGS", r"(\Deleted)")
ok, data = m.expunge()
assert data == [b"1"], data
ok, data = m.status("Archive", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")
assert b"MESSAGES 3" in data[0] and b"UNSEEN 2" in data[0], data
assert m.noop()[0] == "OK"
m.close()
m.logout()
print("imaplib: all good")
`

func TestImaplibReadsAndTidies(t *testing.T) {
	python := missing(t, "python3")
	s := clientServer(t)
	out, err := exec.Command(python, "-c", imaplibSession, s.imap).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all good") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestMbsyncKeepsAMaildirInStep(t *testing.T) {
	missing(t, "mbsync")
	s := clientServer(t)
	host, port, _ := strings.Cut(s.imap, ":")
	dir := t.TempDir()
	rc := filepath.Join(dir, "mbsyncrc")
	config := fmt.Sprintf(`IMAPAccount a
Host %s
Port %s
User grete
Pass secret
SSLType None
AuthMechs *

IMAPStore far
Account a

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, host, port, dir, dir)
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	sync := func() {
		t.Helper()
		out, err := exec.Command("mbsync", "-c", rc, "-a").CombinedOutput()
		if err != nil {
			t.Fatalf("mbsync: %v\n%s", err, out)
		}
	}
	files := func(box string) []string {
		a, _ := filepath.Glob(filepath.Join(dir, box, "cur", "*"))
		b, _ := filepath.Glob(filepath.Join(dir, box, "new", "*"))
		return append(a, b...)
	}
	sync()
	got := files("INBOX")
	if len(got) != 3 {
		t.Fatalf("the Maildir has %d messages, want 3", len(got))
	}
	// Here: one message goes, one is flagged, one is written into another mailbox.
	if err := os.Remove(got[0]); err != nil {
		t.Fatal(err)
	}
	base, _, _ := strings.Cut(filepath.Base(got[1]), ":2,")
	if err := os.Rename(got[1], filepath.Join(dir, "INBOX", "cur", base+":2,FS")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Sent", "new", "1.own.here"), []byte("Subject: sent\n\nfrom here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sync()
	c := s.login("grete", "secret")
	inbox := s.mailbox(c, "INBOX")
	if len(inbox) != 2 {
		t.Fatalf("INBOX has %d messages, want 2", len(inbox))
	}
	flagged := 0
	for _, m := range inbox {
		for _, f := range m.flags {
			if f == imap.FlagFlagged {
				flagged++
			}
		}
	}
	if flagged != 1 {
		t.Errorf("%d messages are flagged, want 1", flagged)
	}
	if sent := s.mailbox(c, "Sent"); len(sent) != 1 || !strings.Contains(string(sent[0].raw), "from here") {
		t.Errorf("Sent has %d messages", len(sent))
	}
	// There: a new message comes, which the next run brings.
	s.deliver("x@remote.test", "grete@example.test", "Subject: fresh\n\nnew\n")
	sync()
	if got := files("INBOX"); len(got) != 3 {
		t.Errorf("the Maildir has %d messages, want 3", len(got))
	}
}
