package outbox

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/sqlite"
)

// listener is a relay that offers what it is told to and notes MAIL and RCPT as they come.
func listener(t *testing.T, offers ...string) (addr string, commands chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	commands = make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, offers, commands)
		}
	}()
	return l.Addr().String(), commands
}

func serve(c net.Conn, offers []string, commands chan string) {
	defer c.Close()
	in := bufio.NewScanner(c)
	fmt.Fprint(c, "220 relay\r\n")
	data := false
	for in.Scan() {
		line := in.Text()
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case data:
			if line == "." {
				data = false
				fmt.Fprint(c, "250 taken\r\n")
			}
		case word == "EHLO":
			fmt.Fprint(c, "250-relay\r\n")
			for _, o := range offers {
				fmt.Fprintf(c, "250-%s\r\n", o)
			}
			fmt.Fprint(c, "250 8BITMIME\r\n")
		case word == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case word == "MAIL", word == "RCPT":
			commands <- line
			fmt.Fprint(c, "250 ok\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func TestParametersGoToARelayThatOffersThem(t *testing.T) {
	dsn := map[string]string{"NOTIFY": "SUCCESS,DELAY", "RET": "HDRS", "ENVID": "a b+c", "ORCPT": "rfc822;anna+x@example.org"}
	for _, tt := range []struct {
		name   string
		offers []string
		params map[string]string
		want   []string
	}{
		{"none", []string{"DSN"}, nil, []string{"MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
		{"DSN", []string{"DSN"}, map[string]string{"NOTIFY": "SUCCESS,DELAY", "RET": "HDRS", "ENVID": "a+c", "ORCPT": "rfc822;anna+x@example.org"},
			[]string{"MAIL FROM:<a@example.org> BODY=8BITMIME RET=HDRS ENVID=a+2Bc", "RCPT TO:<b@remote.example> NOTIFY=SUCCESS,DELAY ORCPT=RFC822;anna+2Bx@example.org"}},
		{"DSN with an id that is none", []string{"DSN"}, dsn,
			[]string{"MAIL FROM:<a@example.org> BODY=8BITMIME RET=HDRS", "RCPT TO:<b@remote.example> NOTIFY=SUCCESS,DELAY ORCPT=RFC822;anna+2Bx@example.org"}},
		{"DSN that is not offered", nil, dsn, []string{"MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
		{"nonsense is left out", []string{"DSN", "DELIVERBY"}, map[string]string{"NOTIFY": "NEVER,DELAY", "RET": "x", "ORCPT": "x400;y", "BY": "soon"},
			[]string{"MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
		{"DELIVERBY", []string{"DELIVERBY", "AUTH PLAIN"}, map[string]string{"BY": "120;RT"},
			[]string{"MAIL FROM:<a@example.org> BY=120;RT AUTH=<> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
		{"DELIVERBY beside DSN", []string{"DELIVERBY", "DSN"}, map[string]string{"BY": "120;N"},
			[]string{"MAIL FROM:<a@example.org> BY=120;N ENVID=<> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
		{"DELIVERBY that is not offered and not needed", nil, map[string]string{"BY": "120;N"},
			[]string{"MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@remote.example>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, commands := listener(t, tt.offers...)
			b := open(t, Options{Relay: Relay{Address: addr}}, "").run(t)
			m := message("", "a@example.org", "b@remote.example")
			m.Params = tt.params
			if err := b.Enqueue(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			b.until(t, "empty", empty)
			if diff := cmp.Diff(tt.want, []string{<-commands, <-commands}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMailThatIsLateComesBack(t *testing.T) {
	for _, tt := range []struct {
		name, by string
		offers   []string
		waits    time.Duration
		status   string // "": it is sent
	}{
		{"the relay promises nothing", "120;R", nil, 0, "5.7.0"},
		{"it waited too long here", "120;R", []string{"DELIVERBY", "AUTH PLAIN"}, 3 * time.Minute, "5.4.7"},
		{"late mail is sent, where that is enough", "120;N", []string{"DELIVERBY", "AUTH PLAIN"}, 3 * time.Minute, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, commands := listener(t, tt.offers...)
			bounces := make(chan []byte, 1)
			b := open(t, Options{Relay: Relay{Address: addr}, Bounce: func(_ context.Context, _ string, raw []byte) (bool, error) { bounces <- raw; return true, nil }}, "")
			m := message("", "a@example.org", "b@remote.example")
			m.Params = map[string]string{"BY": tt.by, "ENVID": "id", "ORCPT": "rfc822;c@example.org"}
			if err := b.Enqueue(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			b.clock.add(tt.waits)
			b.run(t)
			if tt.status == "" {
				if got := <-commands; !strings.Contains(got, "BY=-60;N") {
					t.Errorf("got %s", got)
				}
				return
			}
			report := string(mail.New(<-bounces).Root().Parts[1].Body())
			for _, want := range []string{"Status: " + tt.status, "Original-Envelope-Id: id", "Original-Recipient: rfc822; c@example.org"} {
				if !strings.Contains(report, want+"\r\n") {
					t.Errorf("no %s in\n%s", want, report)
				}
			}
		})
	}
}

func TestASenderWhoWantsNoReportGetsNone(t *testing.T) {
	for notify, want := range map[string]int64{"": 1, "FAILURE": 1, "NEVER": 0, "SUCCESS,DELAY": 0} {
		r := newRelay(t)
		r.answers(func(to string) error {
			if to == "b@remote.example" {
				return refuse(550, "no")
			}
			return nil
		}, nil)
		b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
		m := message("", "a@example.org", "b@remote.example")
		m.Params = map[string]string{"NOTIFY": notify}
		if err := b.Enqueue(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		b.until(t, "empty", empty)
		if got := b.Stats().Bounced; got != want {
			t.Errorf("%q: %d bounces, want %d", notify, got, want)
		}
		b.stop()
	}
}

// A queue that was written before there were parameters is read.
func TestAQueueWithoutParametersIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Schema: schema[:1]})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx *sqlite.Tx) error {
		if _, err := tx.Exec(`INSERT INTO message (sender, raw, size, created, bounce) VALUES ('a@example.org', ?, 3, 1777636800000, 0)`, []byte("x: y")); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO recipient (message, n, address, state, attempts, due, answer) VALUES (1, 0, 'b@remote.example', 0, 0, 0, '')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := newRelay(t)
	open(t, Options{Relay: Relay{Address: r.addr}}, path).run(t)
	if got := r.next(t); got.to[0] != "b@remote.example" {
		t.Errorf("got %+v", got)
	}
}
