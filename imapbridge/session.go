package imapbridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// Bounds of a session.
const (
	maxBad        = 20              // commands in a row that were answered BAD
	loginPatience = 5               // times the LoginTimeout from the connection to the login
	writeTimeout  = 2 * time.Minute // for a client to take one buffer
	tlsTimeout    = 30 * time.Second
	lineMax       = 1 << 20   // a command's text: UID sets get long
	lineMaxEarly  = 16 << 10  // the same before login
	literalMax    = 64 << 10  // a literal of any command but APPEND
	literalEarly  = 4 << 10   // a literal before login
	literalsMax   = 256 << 10 // all literals of a command but APPEND
	literalsCount = 1000
)

// Session is one connection. Commands run in its one goroutine; only interrupt and kill
// may be called from others.
type Session struct {
	srv  *Server
	raw  net.Conn // as accepted; deadlines are set here
	conn net.Conn // raw, or TLS over it
	ip   netip.Addr
	tls  bool
	r    *wire.Reader
	w    *wire.Writer

	state   State
	backend Backend
	release func()
	account string
	enabled map[imap.Cap]bool
	sel     *selected

	began time.Time
	taken int64 // octets of literals that the server counts for us

	tag   string            // of the command that runs
	code  imap.ResponseCode // of the tagged answer that is being made
	text  string
	after func(ctx context.Context) error // runs behind the tagged answer
	ended bool
	bad   int

	mu          sync.Mutex
	interrupted bool
	cancel      context.CancelFunc // ends what a command does; nil before serve
}

// newSession returns a session that has not begun.
func newSession(srv *Server, conn net.Conn, ip netip.Addr) *Session {
	s := &Session{srv: srv, raw: conn, ip: ip, state: NotAuthenticated, enabled: map[imap.Cap]bool{}, began: time.Now()}
	s.use(conn)
	return s
}

// use makes conn what the session reads and writes.
func (s *Session) use(conn net.Conn) {
	s.conn = conn
	s.r = wire.NewReader(conn)
	s.r.Limits = s.limits
	s.r.Continue = func() error { return s.continueWith("go on") }
	s.r.Progress = s.moveDeadline
	s.r.Take = s.take
	s.w = wire.NewWriter(timedWriter{s})
}

// timedWriter gives each write its time and counts octets.
type timedWriter struct{ s *Session }

// Write sends b.
func (t timedWriter) Write(b []byte) (int, error) {
	if err := t.s.raw.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := t.s.conn.Write(b)
	t.s.srv.count.octetsWritten.Add(int64(n))
	return n, err
}

// limits returns the bounds of a command.
func (s *Session) limits(name string) wire.Limits {
	switch {
	case s.state == NotAuthenticated:
		return wire.Limits{Line: lineMaxEarly, Literal: literalEarly, Literals: 2 * literalEarly, Count: 4}
	case name == "APPEND":
		return wire.Limits{Line: lineMax, Literal: s.srv.o.MaxLiteral, Literals: s.srv.o.MaxLiteral, Count: literalsCount}
	}
	return wire.Limits{Line: lineMax, Literal: literalMax, Literals: literalsMax, Count: literalsCount}
}

// moveDeadline gives the client its time again.
func (s *Session) moveDeadline() {
	until := time.Now().Add(s.srv.o.IdleTimeout)
	if s.state == NotAuthenticated {
		until = time.Now().Add(s.srv.o.LoginTimeout)
		// Nobody keeps a place that others need by talking without logging in.
		if last := s.began.Add(loginPatience * s.srv.o.LoginTimeout); last.Before(until) {
			until = last
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.interrupted {
		_ = s.raw.SetReadDeadline(until)
	}
}

// take counts n octets of a literal, unless all sessions together hold too many.
func (s *Session) take(n int64) bool {
	if s.srv.buffered.Add(n) > s.srv.o.MaxBuffered {
		s.srv.buffered.Add(-n)
		return false
	}
	s.taken += n
	return true
}

// giveBack says that the literals of a command are not held any more.
func (s *Session) giveBack() {
	s.srv.buffered.Add(-s.taken)
	s.taken = 0
}

// interrupt makes the session say BYE as soon as it waits for its client.
func (s *Session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = true
	_ = s.raw.SetReadDeadline(time.Unix(1, 0))
}

// isInterrupted reports whether interrupt was called.
func (s *Session) isInterrupted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interrupted
}

// kill closes the connection and breaks off the command that runs.
func (s *Session) kill() {
	s.interrupt()
	_ = s.raw.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
}

// plainLoginAllowed reports whether a password may come over the connection as it is.
func (s *Session) plainLoginAllowed() bool {
	return s.tls || s.srv.o.AllowPlainLogin || s.ip.IsLoopback()
}

// logger returns the logger with what is known of the session.
func (s *Session) logger() *slog.Logger {
	if s.account == "" {
		return s.srv.o.Logger
	}
	return s.srv.o.Logger.With("account", s.account)
}

// serve runs the session to its end.
func (s *Session) serve(ctx context.Context, implicitTLS bool) {
	start := s.srv.o.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	defer s.finish(ctx, start)
	defer context.AfterFunc(ctx, s.interrupt)()
	if implicitTLS {
		if err := s.startTLS(ctx); err != nil {
			s.logger().DebugContext(ctx, "imap: TLS handshake failed", "err", err)
			return
		}
	}
	s.w.Text("* OK [CAPABILITY")
	for _, c := range s.capabilities() {
		s.w.Text(" ").Text(c)
	}
	s.w.Text("] ").Text(s.srv.o.Hostname).Text(" is ready").CRLF()
	for !s.ended && s.w.Flush() == nil {
		s.next(ctx)
	}
	_ = s.w.Flush()
}

// finish ends the session, after a panic too.
func (s *Session) finish(ctx context.Context, start time.Time) {
	if r := recover(); r != nil {
		s.srv.count.panics.Add(1)
		s.logger().ErrorContext(ctx, "imap: session panicked", "err", fmt.Sprintf("%v\n%s", r, debug.Stack()))
		s.bye(imap.ResponseCodeServerBug, "server error")
		_ = s.w.Flush()
	}
	s.deselect()
	if s.release != nil {
		s.release()
	}
	_ = s.conn.Close()
	if s.account != "" {
		s.logger().InfoContext(ctx, "imap: session ended", "took", s.srv.o.Now().Sub(start))
	}
}

// startTLS puts TLS over the connection.
func (s *Session) startTLS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	conn := tls.Server(s.raw, s.srv.o.TLS())
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	s.tls = true
	s.use(conn)
	return nil
}

// next reads a command and runs it.
func (s *Session) next(ctx context.Context) {
	defer s.giveBack()
	s.moveDeadline()
	c, err := s.r.Command()
	if refused := (*wire.RefusedError)(nil); errors.As(err, &refused) {
		s.refuse(refused)
		return
	}
	if err != nil {
		s.lost(err)
		return
	}
	s.srv.count.commands.Add(1)
	s.dispatch(ctx, c)
	if s.bad >= maxBad {
		s.bye("", "too many bad commands")
	}
	if s.after != nil && !s.ended {
		after := s.after
		s.after = nil
		if err := s.w.Flush(); err == nil {
			err = after(ctx)
			if err != nil {
				s.logger().DebugContext(ctx, "imap: session lost", "err", err)
				s.ended = true
			}
		}
	}
}

// refuse answers a command that was over a limit.
func (s *Session) refuse(e *wire.RefusedError) {
	tag := e.Tag
	if tag == "" {
		tag = "*"
	}
	if e.Busy {
		s.tagged(tag, imap.StatusResponseTypeNo, imap.ResponseCodeUnavailable, e.Text)
		return
	}
	if e.TooBig {
		s.tagged(tag, imap.StatusResponseTypeNo, imap.ResponseCodeTooBig, e.Text)
	} else {
		s.tagged(tag, imap.StatusResponseTypeBad, imap.ResponseCodeLimit, e.Text)
	}
	s.srv.count.bad.Add(1)
	if s.bad++; s.bad >= maxBad {
		s.bye("", "too many bad commands")
	}
}

// lost ends the session because its client is silent, gone, or told to go.
func (s *Session) lost(err error) {
	s.ended = true
	switch {
	case s.isInterrupted():
		s.bye(imap.ResponseCodeUnavailable, "server is shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("", "idle for too long")
	case errors.Is(err, wire.ErrFlood):
		s.bye(imap.ResponseCodeTooBig, "command is too large")
	case errors.Is(err, io.EOF):
	}
}

// deselect leaves the mailbox, if there is one.
func (s *Session) deselect() {
	if s.sel == nil {
		return
	}
	s.sel = nil
	s.state = Authenticated
}
