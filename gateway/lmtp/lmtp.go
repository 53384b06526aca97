// Package lmtp is the way in for an MTA that delivers by LMTP, over TCP or a unix socket.
//
//	MTA ──LHLO MAIL RCPT DATA──> session ──Recipient, Stage, Deliver──> gateway.Intake
//	    <──one answer each─────          <──one Outcome per recipient──
//
// It promises:
//
//   - The message that scripts see and the store keeps is DATA after dot-unstuffing,
//     octet by octet: NUL, 8-bit, bare CR, bare LF and lines of any length. Only
//     CRLF.CRLF ends it.
//   - A session holds at most one command line or one message, and all sessions together
//     at most Options.MaxBuffered octets of messages. Lines, recipients, errors,
//     connections and waiting have limits of their own.
//   - An answer is confirmed when the peer's next command is executed, and abandoned
//     when the session ends before that.
//   - A panic ends the session it happens in, and nothing else.
//
// The command loop is our own. That of go-smtp, which this house uses as a client, has one
// line limit for commands and data alike, takes the CR from a line ".<CR>x", misses the
// line end (and with it a dot, or the end of the data) in CR CR LF, and does not tell
// when the next command arrives.
//
// Spec: RFC 2033; RFC 5321; RFC 2920 (PIPELINING); RFC 2034 (ENHANCEDSTATUSCODES); RFC 1870
// (SIZE); RFC 6152 (8BITMIME); RFC 6531 (SMTPUTF8); RFC 3207 (STARTTLS); Postfix XFORWARD.
package lmtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/gateway"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("lmtp: server closed")

// Options says how a server works. Intake is needed; a zero field is its default.
type Options struct {
	Intake *gateway.Intake
	// TLS returns the configuration for STARTTLS at this moment; nil: not offered.
	TLS             func() *tls.Config
	MaxMessageBytes int64         // octets of a message; 50 MiB
	MaxRecipients   int           // of a message; 1000
	MaxConnections  int           // at once; 200
	MaxBuffered     int64         // octets of messages that are being received, all sessions; 512 MiB
	CommandTimeout  time.Duration // from a command to the next; 5 min
	DataTimeout     time.Duration // from a piece of data to the next; 3 min
	WriteTimeout    time.Duration // until the peer takes an answer; 2 min
	Logger          *slog.Logger
}

// The limits that nobody needs to set.
const (
	maxLine   = 4096 // octets of a command line; RFC 5321, section 4.5.3.1.4 and extensions
	maxErrors = 20   // bad commands of a session
	maxParams = 20   // of MAIL or RCPT
)

// Stats counts what happened since the start.
type Stats struct {
	Connections int64 // accepted
	Open        int64 // now
	Turned      int64 // away, since there were too many
	Messages    int64 // whose data was read to the end
	TooLarge    int64 // of them over a limit
	BadCommands int64
}

// Server serves LMTP on any number of listeners. All methods may be called from many
// goroutines.
type Server struct {
	o   Options
	log *slog.Logger

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]bool
	sessions  map[*session]bool
	wg        sync.WaitGroup
	force     context.Context // ends when sessions are not waited for any longer
	stop      context.CancelFunc

	buffered                                             atomic.Int64
	connections, turned, messages, tooLarge, badCommands atomic.Int64
}

// New returns a server.
func New(o Options) *Server {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.CommandTimeout, 5*time.Minute)
	def(&o.DataTimeout, 3*time.Minute)
	def(&o.WriteTimeout, 2*time.Minute)
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = 50 << 20
	}
	if o.MaxRecipients <= 0 {
		o.MaxRecipients = 1000
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 200
	}
	if o.MaxBuffered <= 0 {
		o.MaxBuffered = max(512<<20, o.MaxMessageBytes)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, log: o.Logger, listeners: map[net.Listener]bool{}, sessions: map[*session]bool{}}
	s.force, s.stop = context.WithCancel(context.Background())
	return s
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := int64(len(s.sessions))
	s.mu.Unlock()
	return Stats{
		Connections: s.connections.Load(), Open: open, Turned: s.turned.Load(),
		Messages: s.messages.Load(), TooLarge: s.tooLarge.Load(), BadCommands: s.badCommands.Load(),
	}
}

// Serve accepts connections from l until ctx ends or Shutdown is called; then it
// returns ErrServerClosed. It closes l. When ctx ends sessions are broken off.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.Join(ErrServerClosed, l.Close())
	}
	s.listeners[l] = true
	s.mu.Unlock()
	stopped := context.AfterFunc(ctx, func() { l.Close() })
	defer stopped()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		l.Close() // again, where it was closed to stop us
	}()
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			s.mu.Unlock()
			if closed || ctx.Err() != nil {
				return ErrServerClosed
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("lmtp: accept: %w", err)
			}
			// Too many open files, most likely: it passes.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Error("lmtp: accept", slog.Any("err", err))
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		s.accept(ctx, conn)
	}
}

// accept starts a session, or turns the peer away.
func (s *Server) accept(ctx context.Context, conn net.Conn) {
	s.connections.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	undo := context.AfterFunc(s.force, cancel)
	c := newSession(s, conn)
	s.mu.Lock()
	full := len(s.sessions) >= s.o.MaxConnections
	if !full && !s.closed {
		s.sessions[c] = true
		s.wg.Add(1)
	}
	closed := s.closed
	s.mu.Unlock()
	if full || closed {
		s.turned.Add(1)
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(conn, "421 4.3.2 too many connections, try again later\r\n")
		conn.Close()
		undo()
		cancel()
		return
	}
	go func() {
		defer s.wg.Done()
		defer cancel()
		defer undo()
		// Whatever the session waits for ends with its context.
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		c.serve(ctx)
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
	}()
}

// Shutdown stops listening, ends the sessions that wait for a command, and waits for the
// others until ctx ends; then it breaks them off and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for c := range s.sessions {
		c.endWhenIdle()
	}
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("lmtp: shutdown: %w", ctx.Err()))
	}
	s.stop()
	<-gone
	return errors.Join(errs...)
}
