package imapbridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrAuthenticationFailed is what an Authenticator returns for a wrong name or password.
var ErrAuthenticationFailed = errors.New("imapbridge: authentication failed")

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("imapbridge: server closed")

// Options says how a Server behaves. Authenticate is needed; the zero value of
// everything else works.
type Options struct {
	Authenticate Authenticator
	// TLS returns the present configuration for STARTTLS and for listeners with implicit
	// TLS; nil: there is none.
	TLS func() *tls.Config
	// AllowPlainLogin lets anybody log in without TLS. Clients on the loopback interface
	// always may.
	AllowPlainLogin bool
	// Hostname stands in the greeting. Default "localhost".
	Hostname string
	// MaxLiteral is the size in octets of what one APPEND may bring. Default 64 MiB.
	MaxLiteral int64
	// MaxBuffered is how many octets of literals all sessions together may hold. Default 512
	// MiB, at least MaxLiteral.
	MaxBuffered int64
	// IdleTimeout is how long a session that is logged in may be silent, and an IDLE may
	// last. Default, and least by RFC 3501, 30 minutes.
	IdleTimeout time.Duration
	// LoginTimeout is how long a client may be silent before it is logged in. Default 2
	// minutes. However much it says, it has five times as long.
	LoginTimeout time.Duration
	// MaxConnections and MaxPerIP bound what is open at once. Defaults 10000 and 1000.
	MaxConnections, MaxPerIP int
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger gets one line a session, and errors. Default: none.
	Logger *slog.Logger
}

// withDefaults returns o with the defaults filled in.
func (o Options) withDefaults() Options {
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if o.MaxLiteral <= 0 {
		o.MaxLiteral = 64 << 20
	}
	if o.MaxBuffered <= 0 {
		o.MaxBuffered = 512 << 20
	}
	o.MaxBuffered = max(o.MaxBuffered, o.MaxLiteral)
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 30 * time.Minute
	}
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = 2 * time.Minute
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 10_000
	}
	if o.MaxPerIP <= 0 {
		o.MaxPerIP = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Stats counts what a Server did since it was made.
type Stats struct {
	Sessions      int64 // open now
	Connections   int64 // accepted
	Refused       int64 // over a limit of connections
	Logins        int64
	FailedLogins  int64
	Commands      int64
	BadCommands   int64 // answered BAD
	ServerErrors  int64 // answered NO [SERVERBUG]
	Panics        int64
	OctetsWritten int64
}

// counters is Stats as it grows.
type counters struct {
	connections, refused, logins, failedLogins         atomic.Int64
	commands, bad, serverErrors, panics, octetsWritten atomic.Int64
}

// Server serves IMAP to any number of listeners. Many goroutines may use it.
type Server struct {
	o           Options
	count       counters
	buffered    atomic.Int64 // octets of literals that sessions hold
	differences differences

	mu        sync.Mutex
	closing   bool
	sessions  map[*Session]struct{}
	perIP     map[netip.Addr]int
	listeners map[net.Listener]struct{}
	running   sync.WaitGroup
}

// New returns a Server that has no listener yet.
func New(o Options) *Server {
	return &Server{
		o:         o.withDefaults(),
		sessions:  map[*Session]struct{}{},
		perIP:     map[netip.Addr]int{},
		listeners: map[net.Listener]struct{}{},
	}
}

// Serve accepts connections from l until it fails, ctx ends or the server is closed; it
// closes l. implicitTLS says that connections begin with TLS. Sessions live on after
// Serve returned because l failed; ctx ends them.
func (s *Server) Serve(ctx context.Context, l net.Listener, implicitTLS bool) error {
	defer l.Close()
	if implicitTLS && s.o.TLS == nil {
		return errors.New("imapbridge: serve: a listener with implicit TLS needs a TLS configuration")
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	var delay time.Duration
	for {
		conn, err := l.Accept()
		if err != nil {
			switch {
			case s.isClosing():
				return ErrServerClosed
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, net.ErrClosed):
				return fmt.Errorf("imapbridge: serve: %w", err)
			}
			// Out of file descriptors, most likely: wait for sessions to end.
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.o.Logger.ErrorContext(ctx, "imap: accept failed", "err", err)
			select {
			case <-time.After(delay):
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		delay = 0
		s.accept(ctx, conn, implicitTLS)
	}
}

// accept starts a session for conn, or turns it away.
func (s *Server) accept(ctx context.Context, conn net.Conn, implicitTLS bool) {
	s.count.connections.Add(1)
	ip := clientIP(conn)
	sess := newSession(s, conn, ip)
	s.mu.Lock()
	full := len(s.sessions) >= s.o.MaxConnections || s.perIP[ip] >= s.o.MaxPerIP
	if full || s.closing {
		s.mu.Unlock()
		s.count.refused.Add(1)
		if !implicitTLS {
			// A fresh connection's send buffer takes one line without waiting.
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write([]byte("* BYE [UNAVAILABLE] too many connections\r\n"))
		}
		_ = conn.Close()
		return
	}
	s.sessions[sess] = struct{}{}
	s.perIP[ip]++
	s.running.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.running.Done()
		defer s.forget(sess)
		sess.serve(ctx, implicitTLS)
	}()
}

// forget takes a session that has ended off the books.
func (s *Server) forget(sess *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, sess)
	if s.perIP[sess.ip]--; s.perIP[sess.ip] <= 0 {
		delete(s.perIP, sess.ip)
	}
}

// isClosing reports whether Shutdown or Close was called.
func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Shutdown stops listening, lets each session finish the command it is at, says BYE to
// it, and waits until all have ended. When ctx ends first, it closes what is left and
// returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop(func(sess *Session) { sess.interrupt() })
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.stop(func(sess *Session) { sess.kill() })
		<-done
		return fmt.Errorf("imapbridge: shutdown: %w", ctx.Err())
	}
}

// Close stops listening, closes all connections at once and waits for their sessions.
func (s *Server) Close() error {
	s.stop(func(sess *Session) { sess.kill() })
	s.running.Wait()
	return nil
}

// stop closes the listeners and calls end for each session.
func (s *Server) stop(end func(*Session)) {
	s.mu.Lock()
	s.closing = true
	open := make([]*Session, 0, len(s.sessions))
	for sess := range s.sessions {
		open = append(open, sess)
	}
	for l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	for _, sess := range open {
		end(sess)
	}
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := int64(len(s.sessions))
	s.mu.Unlock()
	return Stats{
		Sessions:      open,
		Connections:   s.count.connections.Load(),
		Refused:       s.count.refused.Load(),
		Logins:        s.count.logins.Load(),
		FailedLogins:  s.count.failedLogins.Load(),
		Commands:      s.count.commands.Load(),
		BadCommands:   s.count.bad.Load(),
		ServerErrors:  s.count.serverErrors.Load(),
		Panics:        s.count.panics.Load(),
		OctetsWritten: s.count.octetsWritten.Load(),
	}
}

// clientIP returns the client's address, or the zero Addr if conn has none.
func clientIP(conn net.Conn) netip.Addr {
	if ap, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		return ap.Addr().Unmap()
	}
	return netip.Addr{}
}
