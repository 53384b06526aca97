package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A sender gets one vacation message, and a message that was seen is filed elsewhere: after the
// server was killed, and after the script was changed, too.
func TestVacationAndDuplicatesOutliveAKilledServerAndAChangedScript(t *testing.T) {
	k := &sink{times: map[string]int{}, came: make(chan struct{}, 100)}
	srv := smtp.NewServer(k)
	srv.Domain = "relay.test"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	const script = `require ["vacation", "duplicate", "fileinto", "mailbox"];
vacation :subject "away" "I am away.";
if duplicate { fileinto :create "Seen"; }
`
	s := newServer(t, fmt.Sprintf("[relay]\naddress = %q\n[[script]]\npath = \"$DIR/away.sieve\"\n", l.Addr()), map[string]string{"away.sieve": script})
	s.start()
	s.addAccount("ida", "secret")
	give := func(from, id string) {
		t.Helper()
		c := dialLMTP(t, s.lmtp)
		defer c.close()
		raw := "From: " + from + "\r\nTo: ida@example.test\r\nMessage-ID: " + id + "\r\n\r\nx\r\n"
		if got := c.send(from, []string{"ida@example.test"}, []byte(raw))[0]; !strings.HasPrefix(got, "250") {
			t.Fatal(got)
		}
	}
	give("a@remote.test", "<1@remote.test>")
	select {
	case <-k.came:
	case <-time.After(30 * time.Second):
		t.Fatal("no vacation message was sent")
	}
	// What a crash may take of a relaxed row is its last second.
	deadline := time.Now().Add(1500 * time.Millisecond)
	give("b@remote.test", "<2@remote.test>")
	for ; time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
	}
	s.kill()
	if err := os.WriteFile(filepath.Join(s.dir, "away.sieve"), []byte("# changed\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	give("a@remote.test", "<1@remote.test>")
	give("A@remote.test", "<3@remote.test>")
	give("c@remote.test", "<4@remote.test>")
	for range 2 { // b's and c's
		select {
		case <-k.came:
		case <-time.After(30 * time.Second):
			t.Fatal("a vacation message was not sent")
		}
	}
	s.stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range []string{"<1@remote.test>", "<2@remote.test>", "<4@remote.test>"} {
		if k.times["re "+id] != 1 {
			t.Errorf("%s was answered %d times", id, k.times["re "+id])
		}
	}
	if len(k.times) != 3 {
		t.Errorf("sent %v", k.times)
	}
	s.start()
	for box, want := range map[string]int{"INBOX": 4, "Seen": 1} {
		if n := len(s.mailbox(s.login("ida", "secret"), box)); n != want {
			t.Errorf("%d messages in %s, want %d", n, box, want)
		}
	}
	s.stop()
}
