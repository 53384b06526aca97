package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// relay is a real SMTP server that answers as the test says.
type relay struct {
	addr string
	got  chan mailing // what it took

	mu   sync.Mutex
	rcpt func(to string) error
	data func(m mailing) error
}

type mailing struct {
	from string
	to   []string
	raw  []byte
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), got: make(chan mailing, 1000)}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &relaySession{relay: r}, nil }))
	s.EnableSMTPUTF8 = true
	s.ErrorLog = log.New(io.Discard, "", 0)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return r
}

func (r *relay) answers(rcpt func(string) error, data func(mailing) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rcpt, r.data = rcpt, data
}

func (r *relay) next(t *testing.T) mailing {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("the relay got nothing")
		return mailing{}
	}
}

type relaySession struct {
	relay *relay
	m     mailing
}

func (s *relaySession) Reset()        { s.m = mailing{} }
func (s *relaySession) Logout() error { return nil }
func (s *relaySession) Mail(from string, _ *smtp.MailOptions) error {
	s.m = mailing{from: from}
	return nil
}

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	if f := s.relay.rcpt; f != nil {
		if err := f(to); err != nil {
			return err
		}
	}
	s.m.to = append(s.m.to, to)
	return nil
}

func (s *relaySession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.raw = raw
	s.relay.mu.Lock()
	f := s.relay.data
	s.relay.mu.Unlock()
	if f != nil {
		if err := f(s.m); err != nil {
			return err
		}
	}
	s.relay.got <- s.m
	return nil
}

// clock is the test's time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// box is an outbox that a test runs, with its clock and file.
type box struct {
	*Outbox
	clock *clock
	path  string
	stop  func()
}

func (b *box) pass(d time.Duration) {
	b.clock.add(d)
	b.poke()
}

func open(t *testing.T, o Options, path string) *box {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "outbox.db")
	}
	c := &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	o.Now, o.Hostname = c.Now, "mail.example.org"
	o.Jitter = func(d time.Duration) time.Duration { return d }
	b, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return &box{Outbox: b, clock: c, path: path, stop: func() {}}
}

// run runs the outbox until stop, which also closes it.
func (b *box) run(t *testing.T) *box {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	var once sync.Once
	b.stop = func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-ended, b.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(b.stop)
	return b
}

// until waits for a state of the queue; the outbox has no events but its relay's.
func (b *box) until(t *testing.T, what string, f func([]Entry) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := b.List(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if f(all) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the queue never was: %s; it is %+v", what, all)
		}
	}
}

func empty(all []Entry) bool { return len(all) == 0 }

// tried says that one message waits after n attempts, the last of which has ended.
func (b *box) tried(n int) func([]Entry) bool {
	return func(all []Entry) bool {
		return len(all) == 1 && all[0].Recipients[0].Attempts == n && b.Stats().Deferred == int64(n)
	}
}

var text = []byte("From: a@example.org\r\nSubject: hi\r\n\r\nhello\r\n.dot\r\n")

func message(key, from string, to ...string) Message {
	return Message{Key: key, From: from, To: to, Raw: text}
}

func refuse(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}

func contains(raw []byte, text string) bool { return bytes.Contains(raw, []byte(text)) }

func hasLine(raw []byte, line string) bool {
	return strings.Contains("\r\n"+string(raw), "\r\n"+line+"\r\n")
}
