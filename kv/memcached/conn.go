package memcached

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// server is one of the URLs.
type server struct {
	label    string // scheme and address, as the client library knows it; holds a slash
	network  string
	address  string
	tls      *tls.Config // nil: none
	user     string
	password string
	// largest is the item size that the server said it takes; 0: no connection was made yet.
	largest atomic.Int64
}

// Item sizes: what a server has that does not say, and what an item costs beside key and value (its header,
// cas number and line ends in memcached 1.6, with a margin).
const (
	usualLargest = 1 << 20
	itemOverhead = 128
)

// maxSettings is the most that a server may say about its settings.
const maxSettings = 64 << 10

// parseURL reads one URL. Its errors do not repeat it, since there may be a password in it.
func parseURL(text string, o Options) (*server, error) {
	bad := func(why string) (*server, error) {
		return nil, fmt.Errorf("%w: URL %s; want memcached://host:port or unix:///path", kv.ErrInvalid, why)
	}
	u, err := url.Parse(text)
	if err != nil {
		return bad("cannot be read")
	}
	sv := &server{user: u.User.Username()}
	sv.password, _ = u.User.Password()
	if o.Username != "" {
		sv.user = o.Username
	}
	if o.Password != "" {
		sv.password = o.Password
	}
	if strings.ContainsAny(sv.user+sv.password, " \r\n\x00") || (sv.user == "") != (sv.password == "") {
		return bad("needs a user name and a password, both without blanks, or none of them")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return bad("has options, of which there are none")
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return bad("names no absolute path")
		}
		sv.network, sv.address = "unix", u.Path
	case "memcached", "memcacheds":
		if u.Hostname() == "" || u.Path != "" && u.Path != "/" {
			return bad("names no host")
		}
		port := u.Port()
		if port == "" {
			port = "11211"
		}
		sv.network, sv.address = "tcp", net.JoinHostPort(u.Hostname(), port)
		if o.TLS != nil {
			sv.tls = o.TLS.Clone()
		} else if u.Scheme == "memcacheds" {
			sv.tls = &tls.Config{}
		}
		if sv.tls != nil && sv.tls.ServerName == "" {
			sv.tls.ServerName = u.Hostname()
		}
	default:
		return bad("has an unknown scheme")
	}
	sv.label = u.Scheme + "://" + sv.address
	return sv, nil
}

// dial connects for the client library, which bounds ctx, and greets the server.
func (s *Store) dial(ctx context.Context, _, label string) (net.Conn, error) {
	sv := s.servers[label]
	if s.closed.Load() {
		return nil, kv.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, sv.network, sv.address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	if sv.tls != nil {
		t := tls.Client(c, sv.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, &refusal{fmt.Sprintf("no TLS with the server: %v", err)}
		}
		c = t
	}
	if err := sv.greet(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &bounded{Conn: c}, nil
}

// maxAnswer is more than any answer has: a question's keys with the largest values.
const maxAnswer = (batchKeys + 1) * (kv.MaxValue + 4096)

// bounded is a connection on which no answer is endless: the client library would read on for ever.
type bounded struct {
	net.Conn
	read int // of this answer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.read = 0
	return b.Conn.Write(p)
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read > maxAnswer {
		return 0, &refusal{"the server's answer does not end"}
	}
	n, err := b.Conn.Read(p)
	b.read += n
	return n, err
}

// refusal is a server that is there and of no use. Its text is for the administrator.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// greet logs in and asks for the settings that the store depends on.
func (sv *server) greet(c net.Conn) error {
	r := bufio.NewReaderSize(c, 4096)
	if sv.password != "" {
		secret := sv.user + " " + sv.password
		if _, err := fmt.Fprintf(c, "set auth 0 0 %d\r\n%s\r\n", len(secret), secret); err != nil {
			return err
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if string(line) != "STORED\r\n" {
			return &refusal{"the server refuses the user name or the password"}
		}
	}
	if _, err := c.Write([]byte("stats settings\r\n")); err != nil {
		return err
	}
	largest, err := settings(r)
	if err != nil {
		return err
	}
	sv.largest.Store(largest)
	return nil
}

// settings reads the answer to "stats settings" and returns the largest item that the server takes. A
// proxy that does not know the question is taken for a server with usual settings.
func settings(r *bufio.Reader) (largest int64, err error) {
	largest = usualLargest
	for octets := 0; ; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = &refusal{"the server does not speak the memcached protocol"}
			}
			return 0, err
		}
		octets += len(line)
		text, _ := strings.CutSuffix(string(line), "\r\n")
		name, value, _ := strings.Cut(strings.TrimPrefix(text, "STAT "), " ")
		switch {
		case text == "END" || text == "ERROR":
			if r.Buffered() > 0 {
				return 0, &refusal{"the server says more than it was asked"}
			}
			return largest, nil
		case strings.HasPrefix(text, "CLIENT_ERROR unauthenticated"):
			return 0, &refusal{"the server wants a user name and a password"}
		case !strings.HasPrefix(text, "STAT ") || octets > maxSettings:
			return 0, &refusal{"the server does not speak the memcached protocol"}
		case name == "cas_enabled" && value == "no":
			return 0, &refusal{"the server was started with -C, so it cannot compare and swap"}
		case name == "item_size_max":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
				largest = n
			}
		}
	}
}

// server returns the server that keeps key.
func (s *Store) server(key string) (*server, error) {
	addr, err := s.list.PickServer(key)
	if err != nil {
		return nil, s.fail("pick server", err)
	}
	return s.servers[addr.String()], nil
}

// room returns kv.ErrTooLarge if the server of key does not take an item with n octets of value.
func (s *Store) room(ctx context.Context, key string, n int) error {
	size := int64(len(key) + n + itemOverhead)
	if size <= 1<<10 { // no server takes less
		return nil
	}
	sv, err := s.server(key)
	if err != nil {
		return err
	}
	if sv.largest.Load() == 0 {
		if _, err := call(ctx, s, "connect", func() (struct{}, error) {
			c, err := s.dial(context.Background(), "", sv.label)
			if err == nil {
				err = c.Close()
			}
			return struct{}{}, err
		}); err != nil {
			return err
		}
	}
	if largest := sv.largest.Load(); size > largest {
		return fmt.Errorf("kv/memcached: %w: the server takes items of %d octets, this one has %d; start memcached with a larger -I, at best -I 2m", kv.ErrTooLarge, largest, size)
	}
	return nil
}

// result is what a call of the client library returned.
type result[T any] struct {
	v   T
	err error
}

// call runs fn, which talks to a server, in its turn and within the timeout and the context. The client
// library knows no context: a call that is given up goes on by itself until its socket's timeout, and keeps
// its turn until then, so there are never more of them than turns.
func call[T any](ctx context.Context, s *Store, act string, fn func() (T, error)) (T, error) {
	var none T
	if err := s.begin(ctx); err != nil {
		return none, err
	}
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return none, fmt.Errorf("kv/memcached: %s: %w", act, ctx.Err())
	case <-timer.C:
		return none, fmt.Errorf("kv/memcached: %s: %w: too many calls are under way", act, kv.ErrUnavailable)
	}
	done := make(chan result[T], 1)
	go func() {
		v, err := fn()
		if err != nil && broken(err) || s.closed.Load() {
			_ = s.client.Close() // connections that nobody uses may be as dead as this one
		}
		done <- result[T]{v, err}
		<-s.slots
	}()
	select {
	case r := <-done:
		return r.v, s.fail(act, r.err)
	case <-ctx.Done():
		return none, fmt.Errorf("kv/memcached: %s: %w", act, ctx.Err())
	case <-timer.C:
		return none, s.fail(act, errSlow)
	}
}
