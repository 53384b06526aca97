package lmtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// house is what a server delivers to: accounts NAME@example.org whose mail is kept in
// memory.
type house struct {
	mu     sync.Mutex
	mail   map[string][]string // account: messages with their Return-Path line
	keys   map[string]bool
	filter func(t *runtime.Task) error // runs at every stage
	room   error
}

func (h *house) Resolve(_ context.Context, address string) (gateway.Account, error) {
	local, ok := strings.CutSuffix(address, "@example.org")
	if local == "broken" {
		return gateway.Account{}, errors.New("directory is gone")
	}
	if !ok {
		return gateway.Account{}, gateway.ErrUnknownRecipient
	}
	return gateway.Account{ID: local, Name: local}, nil
}

func (h *house) Account(_ context.Context, id string) (mailstore.Account, func(), error) {
	return &inbox{h: h, id: id}, func() {}, nil
}

func (h *house) got(account string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.mail[account]...)
}

type inbox struct {
	mailstore.Account
	h  *house
	id string
}

func (b *inbox) Import(_ context.Context, im mailstore.Import) ([]mailstore.Email, mailstore.State, error) {
	b.h.mu.Lock()
	defer b.h.mu.Unlock()
	if !b.h.keys[im.Key] {
		b.h.keys[im.Key] = true
		b.h.mail[b.id] = append(b.h.mail[b.id], string(im.Raw))
	}
	return nil, "", nil
}

// language has one script: the house's filter.
type language struct{ h *house }

func (language) Name() string   { return "go" }
func (language) Suffix() string { return ".go" }
func (l language) Compile(name string, _ []byte, _ runtime.CompileOptions) (runtime.Program, error) {
	return filter{l.h, name}, nil
}

type filter struct {
	h    *house
	name string
}

func (f filter) Language() string      { return "go" }
func (f filter) Name() string          { return f.name }
func (f filter) Sites() []runtime.Site { return nil }
func (f filter) Run(t *runtime.Task) (runtime.Value, error) {
	if f.h.filter == nil {
		return nil, nil
	}
	return nil, f.h.filter(t)
}

// serve starts a server over a house and returns its address. network is tcp or unix.
func serve(t *testing.T, network string, h *house, change func(*Options)) (*Server, string) {
	t.Helper()
	if h.mail == nil {
		h.mail, h.keys = map[string][]string{}, map[string]bool{}
	}
	j, err := runtime.OpenJournal(t.TempDir(), runtime.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := runtime.NewEngine(language{h})
	l := scripts.New(scripts.Options{Engine: e})
	var sources []scripts.Source
	for _, stage := range []string{"connect", "ehlo", "mail", "rcpt", "data", "deliver"} {
		sources = append(sources, scripts.Source{Path: stage + ".go", Code: []byte(stage), Stage: stage})
	}
	if err := l.Load(sources); err != nil {
		t.Fatal(err)
	}
	in, err := gateway.New(gateway.Options{
		Hostname: "mail.example.org", Library: l, Engine: e, Accounts: h, Store: h, Journal: j,
		Hosts:  func(runtime.Trust) runtime.Host { return &runtime.Live{} },
		Stores: func(string) (kv.Store, error) { return nil, errors.New("no store") },
		Room:   func() error { return h.room },
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Intake: in}
	if change != nil {
		change(&o)
	}
	s := New(o)
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "lmtp.sock")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, ln.Addr().String()
}

// peer is an MTA's end, bare, so that a test owns every octet.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, network, addr string) *peer {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return &peer{t, c, bufio.NewReader(c)}
}

// hello connects, and says LHLO.
func hello(t testing.TB, network, addr string) *peer {
	t.Helper()
	p := dial(t, network, addr)
	p.want("220 mail.example.org LMTP ready")
	p.say("LHLO client.example")
	p.want("250")
	return p
}

// say sends a line.
func (p *peer) say(format string, args ...any) {
	p.t.Helper()
	p.raw(fmt.Sprintf(format, args...) + "\r\n")
}

func (p *peer) raw(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatalf("writing: %v", err)
	}
}

// answer reads one answer with all its lines.
func (p *peer) answer() string {
	p.t.Helper()
	var lines []string
	for {
		l, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("reading an answer: %v (got %q, %q)", err, lines, l)
		}
		if !strings.HasSuffix(l, "\r\n") || len(l) > 512 {
			p.t.Errorf("a line of an answer is %d octets, %q", len(l), l)
		}
		l = strings.TrimSuffix(l, "\r\n")
		lines = append(lines, l)
		if len(l) < 4 || l[3] == ' ' {
			return strings.Join(lines, "\n")
		}
	}
}

// want reads an answer that begins like that.
func (p *peer) want(prefix string) string {
	p.t.Helper()
	got := p.answer()
	if !strings.HasPrefix(got, prefix) {
		p.t.Fatalf("answer %q, want %q", got, prefix)
	}
	return got
}

// closed waits for the server to close the connection.
func (p *peer) closed() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.r); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") || len(rest) > 0 {
		p.t.Errorf("instead of the end: %q, %v", rest, err)
	}
}

// envelope sends MAIL and RCPTs, which are to be taken.
func (p *peer) envelope(from string, rcpts ...string) {
	p.t.Helper()
	p.say("MAIL FROM:<%s>", from)
	p.want("250 2.1.0")
	for _, r := range rcpts {
		p.say("RCPT TO:<%s>", r)
		p.want("250 2.1.5")
	}
	p.say("DATA")
	p.want("354")
}

// stuff is a message as DATA carries it.
func stuff(raw string) string {
	return strings.ReplaceAll("\r\n"+raw, "\r\n.", "\r\n..")[2:] + ".\r\n"
}
