package imapbridge

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// expect reads lines until one has prefix, and returns it.
func (c *client) expect(prefix string) string {
	c.t.Helper()
	for {
		line := c.line()
		if strings.HasPrefix(line, prefix) {
			return line
		}
		if line == "" {
			c.t.Fatalf("the connection ended before %q", prefix)
		}
	}
}

// do sends a command and returns its tagged answer.
func (c *client) do(tag, command string) string {
	c.t.Helper()
	c.send(tag + " " + command + "\r\n")
	return c.expect(tag + " ")
}

// ended fails unless the server closed the connection.
func (c *client) ended() {
	c.t.Helper()
	if line := c.line(); line != "" {
		c.t.Errorf("got %q after the end", line)
	}
}

// pipes is a listener of connections within the process, whose clients have no address.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects.
func (p *pipes) dial(t testing.TB) *client {
	near, far := net.Pipe()
	p.conns <- far
	t.Cleanup(func() { _ = near.Close() })
	return newClient(t, near)
}

// startPipes serves within the process until the test ends.
func startPipes(t testing.TB, o Options) (*Server, *pipes) {
	srv, l := New(o), newPipes()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background(), l, false) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return srv, l
}

// certificate makes a TLS configuration for "localhost".
func certificate(t *testing.T) func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return func() *tls.Config { return cfg }
}

func TestPasswordsNeedTLSFromElsewhere(t *testing.T) {
	_, l := startPipes(t, Options{Authenticate: authAlice(newMemory())})
	c := l.dial(t)
	if line := c.line(); !strings.Contains(line, "LOGINDISABLED") || strings.Contains(line, "AUTH=PLAIN") {
		t.Errorf("greeting: %s", line)
	}
	if got := c.do("a", "LOGIN alice secret"); !strings.HasPrefix(got, "a NO [PRIVACYREQUIRED]") {
		t.Error(got)
	}
	if got := c.do("b", "AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA=="); !strings.HasPrefix(got, "b NO [PRIVACYREQUIRED]") {
		t.Error(got)
	}
}

func TestPlainLoginCanBeAllowed(t *testing.T) {
	_, l := startPipes(t, Options{Authenticate: authAlice(newMemory()), AllowPlainLogin: true})
	c := l.dial(t)
	c.line()
	if got := c.do("a", "LOGIN alice secret"); !strings.HasPrefix(got, "a OK") {
		t.Error(got)
	}
}

func TestSTARTTLS(t *testing.T) {
	_, l := startPipes(t, Options{Authenticate: authAlice(newMemory()), TLS: certificate(t)})
	c := l.dial(t)
	if line := c.line(); !strings.Contains(line, "STARTTLS") {
		t.Errorf("greeting: %s", line)
	}
	if got := c.do("a", "STARTTLS"); !strings.HasPrefix(got, "a OK") {
		t.Fatal(got)
	}
	c = newClient(t, tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true}))
	if got := c.do("b", "CAPABILITY"); !strings.HasPrefix(got, "b OK") {
		t.Error(got)
	}
	if got := c.do("c", "STARTTLS"); !strings.HasPrefix(got, "c BAD") {
		t.Error(got)
	}
	if got := c.do("d", "LOGIN alice secret"); !strings.HasPrefix(got, "d OK") {
		t.Error(got)
	}
}

func TestPlainCommandsBehindSTARTTLSAreNotRun(t *testing.T) {
	_, addr := start(t, Options{Authenticate: authAlice(newMemory()), TLS: certificate(t)})
	c := dial(t, addr)
	c.line()
	c.send("a STARTTLS\r\nb NOOP\r\n")
	c.expect("a OK")
	c.ended()
}

func TestImplicitTLS(t *testing.T) {
	srv := New(Options{Authenticate: authAlice(newMemory()), TLS: certificate(t)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background(), l, true) }()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	if line := c.line(); strings.Contains(line, "STARTTLS") || !strings.Contains(line, "AUTH=PLAIN") {
		t.Errorf("greeting: %s", line)
	}
	if got := c.do("a", "LOGIN alice secret"); !strings.HasPrefix(got, "a OK") {
		t.Error(got)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrServerClosed) {
		t.Error(err)
	}
	if err := New(Options{}).Serve(t.Context(), newPipes(), true); err == nil {
		t.Error("a listener with implicit TLS needs a configuration")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, o := range map[string]Options{"in all": {MaxConnections: 2}, "per address": {MaxPerIP: 2}} {
		t.Run(name, func(t *testing.T) {
			o.Authenticate = authAlice(newMemory())
			srv, addr := start(t, o)
			first := dial(t, addr)
			first.line()
			dial(t, addr).line()
			third := dial(t, addr)
			if line := third.line(); !strings.HasPrefix(line, "* BYE") {
				t.Errorf("got %s", line)
			}
			third.ended()
			first.do("a", "LOGOUT")
			first.ended()
			for srv.Stats().Sessions > 1 { // the session ends behind its last answer
				synchronize(t, addr)
			}
			if line := dial(t, addr).line(); !strings.HasPrefix(line, "* OK") {
				t.Errorf("got %s after one has left", line)
			}
			if st := srv.Stats(); st.Refused < 1 || st.Connections < 4 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// synchronize gives the server something to do that takes a round trip.
func synchronize(t *testing.T, addr string) {
	c := dial(t, addr)
	c.line()
	_ = c.conn.Close()
}

func TestSilentClientsAreSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, l := startPipes(t, Options{Authenticate: authAlice(newMemory()), AllowPlainLogin: true})
		began := time.Now()
		c := l.dial(t)
		c.line()
		if line := c.line(); !strings.HasPrefix(line, "* BYE") {
			t.Errorf("before login: got %q", line)
		}
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("before login: after %v", took)
		}
		c = l.dial(t)
		c.line()
		c.do("a", "LOGIN alice secret")
		began = time.Now()
		if line := c.line(); !strings.HasPrefix(line, "* BYE") {
			t.Errorf("logged in: got %q", line)
		}
		if took := time.Since(began); took != 30*time.Minute {
			t.Errorf("logged in: after %v", took)
		}
		c.ended()
		_ = srv.Close()
	})
}

func TestIdleClientsHearSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, l := startPipes(t, Options{Authenticate: authAlice(newMemory()), AllowPlainLogin: true})
		c := l.dial(t)
		c.line()
		c.do("a", "LOGIN alice secret")
		c.do("b", "SELECT INBOX")
		c.send("c IDLE\r\n")
		c.expect("+ ")
		began := time.Now()
		if line := c.line(); line != "* OK still here" || time.Since(began) != stillHere {
			t.Errorf("got %q after %v", line, time.Since(began))
		}
		line := ""
		for line = c.line(); line == "* OK still here"; line = c.line() {
		}
		if !strings.HasPrefix(line, "* BYE") || time.Since(began) != 30*time.Minute {
			t.Errorf("got %q after %v", line, time.Since(began))
		}
		c.ended()
		_ = srv.Close()
	})
}

func TestShutdownSaysBye(t *testing.T) {
	srv, addr := start(t, Options{Authenticate: authAlice(newMemory())})
	waiting, idling := dial(t, addr), dial(t, addr)
	waiting.line()
	idling.do("a", "LOGIN alice secret")
	idling.do("b", "SELECT INBOX")
	idling.send("c IDLE\r\n")
	idling.expect("+ ")
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	waiting.expect("* BYE")
	waiting.ended()
	idling.expect("* BYE")
	idling.ended()
	if err := srv.Serve(t.Context(), newPipes(), false); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func TestTheEndOfTheContextEndsServe(t *testing.T) {
	srv := New(Options{Authenticate: authAlice(newMemory())})
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l, false) }()
	c := dial(t, l.Addr().String())
	c.line()
	cancel()
	c.expect("* BYE")
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = srv.Close()
}

func TestErrorsAreLoggedAndNotTold(t *testing.T) {
	m := newMemory()
	var log bytes.Buffer
	srv, addr := start(t, Options{Authenticate: authAlice(m), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	m.fail = func(call string) error {
		switch call {
		case "status":
			return errors.New("disk on fire")
		case "subscriptions":
			panic("out of cheese")
		}
		return nil
	}
	if got := c.do("b", "STATUS INBOX (MESSAGES)"); got != "b NO [SERVERBUG] server error" {
		t.Error(got)
	}
	other := dial(t, addr)
	other.line()
	c.send("c LSUB \"\" *\r\n")
	c.expect("* BYE [SERVERBUG]")
	c.ended()
	if got := other.do("a", "NOOP"); !strings.HasPrefix(got, "a OK") {
		t.Errorf("the other session: %s", got)
	}
	_ = srv.Close()
	if st := srv.Stats(); st.Panics != 1 || st.ServerErrors != 1 || st.Logins != 1 {
		t.Errorf("got %+v", st)
	}
	text := log.String()
	for _, want := range []string{"disk on fire", "out of cheese", "account=alice"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not logged:\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a password is logged")
	}
}

func TestFailuresToOpenAnAccountAreNotWrongPasswords(t *testing.T) {
	_, addr := start(t, Options{Authenticate: func(context.Context, string, string, netip.Addr) (Backend, func(), error) {
		return nil, nil, errors.New("no database")
	}})
	c := dial(t, addr)
	c.line()
	if got := c.do("a", "LOGIN alice secret"); got != "a NO [SERVERBUG] server error" {
		t.Error(got)
	}
}

func TestReleaseIsCalledOnce(t *testing.T) {
	released := make(chan struct{}, 2)
	srv, addr := start(t, Options{Authenticate: func(context.Context, string, string, netip.Addr) (Backend, func(), error) {
		return newMemory(), func() { released <- struct{}{} }, nil
	}})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "LOGOUT")
	_ = srv.Close()
	if len(released) != 1 {
		t.Errorf("released %d times", len(released))
	}
}

func TestAMailboxThatIsDeletedEndsSessionsInIt(t *testing.T) {
	m := newMemory()
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	a, b := dial(t, addr), dial(t, addr)
	for _, c := range []*client{a, b} {
		c.line()
		c.do("a", "LOGIN alice secret")
		c.do("b", "SELECT Junk")
	}
	b.send("c IDLE\r\n")
	b.expect("+ ")
	if err := m.DeleteMailbox(t.Context(), "Junk"); err != nil {
		t.Fatal(err)
	}
	b.expect("* BYE")
	b.ended()
	a.send("c NOOP\r\n")
	a.expect("* BYE")
}

func TestUnsolicitedFlagsFollowExpunges(t *testing.T) {
	m := newMemory()
	raw := []byte("Subject: x\r\n\r\n")
	if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: raw}, {Raw: raw}, {Raw: raw}}); err != nil {
		t.Fatal(err)
	}
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	a, b := dial(t, addr), dial(t, addr)
	for _, c := range []*client{a, b} {
		c.line()
		c.do("a", "LOGIN alice secret")
		c.do("b", "SELECT INBOX")
	}
	b.do("c", "STORE 1 +FLAGS.SILENT (\\Deleted)")
	b.do("d", "EXPUNGE")
	b.do("e", "STORE 2 +FLAGS.SILENT (\\Answered)")
	a.send("c NOOP\r\n")
	for _, want := range []string{"* 1 EXPUNGE", "* 2 RECENT", "* 2 FETCH (FLAGS (\\Answered \\Recent))", "c OK NOOP completed"} {
		if got := a.line(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
