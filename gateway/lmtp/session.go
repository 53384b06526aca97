package lmtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/runtime"
)

// bufferSize is how much is read from the peer at once.
const bufferSize = 32 << 10

// maxReplyText bounds the text in one line of an answer.
const maxReplyText = 480

var (
	errQuit    = errors.New("session is over")
	errClosing = errors.New("server is closing")
)

// session is one connection. It belongs to its goroutine, but for endWhenIdle.
type session struct {
	server *Server
	conn   net.Conn
	r      *bufio.Reader
	w      *bufio.Writer

	mu      sync.Mutex
	idle    bool // waits for a command
	closing bool

	dataUntil time.Time // while data is read, its latest end
	client    runtime.Client
	near      bool // the peer is on this machine
	secure    bool
	errs      int

	forward forwarded // of the next message
	tx      *runtime.Transaction
	rcpts   []runtime.Recipient
	answer  *gateway.Answer // that the peer has not confirmed
}

func newSession(s *Server, conn net.Conn) *session {
	c := &session{server: s, conn: conn, w: bufio.NewWriter(conn), near: true}
	c.r = bufio.NewReaderSize(source{c}, bufferSize)
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		ip, _ := netip.AddrFromSlice(a.IP)
		c.client.IP = ip.Unmap()
		c.near = c.client.IP.IsLoopback()
	}
	return c
}

// source reads from the connection. The time limit of a command is that of the whole
// command; that of data begins anew with each piece.
type source struct{ c *session }

func (s source) Read(p []byte) (int, error) {
	if until := s.c.dataUntil; !until.IsZero() {
		piece := time.Now().Add(s.c.server.o.DataTimeout)
		if piece.After(until) {
			piece = until
		}
		if err := s.c.conn.SetReadDeadline(piece); err != nil {
			return 0, err
		}
	}
	return s.c.conn.Read(p)
}

// endWhenIdle ends the session at its next wait for a command, or now if it waits.
func (c *session) endWhenIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.idle {
		c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// wait begins or ends a wait for a command.
func (c *session) wait(begin bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = begin
	if begin && c.closing {
		return errClosing
	}
	return c.conn.SetReadDeadline(time.Now().Add(c.server.o.CommandTimeout))
}

func (c *session) serve(ctx context.Context) {
	defer func() {
		if x := recover(); x != nil {
			c.server.log.Error("lmtp: internal error", slog.Any("err", fmt.Errorf("%v\n%s", x, debug.Stack())))
			c.w.Reset(c.conn) // what was half said stays unsaid
			c.reply(421, "4.3.0", "server error, try again later")
			c.flush()
		}
		if c.answer != nil {
			c.answer.Abandon()
		}
		c.conn.Close()
	}()
	if !c.greet(ctx) {
		return
	}
	for {
		line, err := c.command()
		switch {
		case err == nil:
			c.confirm()
			err = c.execute(ctx, line)
		case errors.Is(err, errLongLine):
			c.confirm()
			err = c.bad(500, "5.5.6", fmt.Sprintf("a command line has at most %d octets", maxLine))
		}
		if err == nil {
			continue
		}
		c.farewell(err)
		return
	}
}

// greet says hello, or what the scripts of stage connect say.
func (c *session) greet(ctx context.Context) bool {
	c.begin()
	out := c.stage(ctx, runtime.StageConnect)
	if out.Accepted() {
		c.reply(220, "", c.server.o.Intake.Hostname()+" LMTP ready")
		return c.flush() == nil
	}
	code := 554
	if out.Temporary() {
		code = 421
	}
	c.reply(code, out.Enhanced, out.Text)
	c.flush()
	return false
}

// farewell says why the session ends, where the peer may still listen.
func (c *session) farewell(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errClosing):
		c.reply(421, "4.3.2", "shutting down")
	case errors.Is(err, errTooMuch):
		c.reply(421, "4.7.0", "too many errors")
	case errors.As(err, &timeout) && timeout.Timeout():
		c.mu.Lock()
		closing := c.closing
		c.mu.Unlock()
		if closing {
			c.reply(421, "4.3.2", "shutting down")
		} else {
			c.reply(421, "4.4.2", "timeout")
		}
	}
	c.flush()
}

// confirm tells the intake that the peer went on after an answer.
func (c *session) confirm() {
	if c.answer != nil {
		c.answer.Confirm()
		c.answer = nil
	}
}

// begin forgets the mail at hand and begins a new transaction.
func (c *session) begin() {
	in := c.server.o.Intake
	c.rcpts = nil
	c.tx = &runtime.Transaction{ID: in.NewID(), Listener: "lmtp", Client: c.client, Time: time.Now(), Hostname: in.Hostname()}
	c.tx.Client.TLS = c.secure
	c.forward.apply(c.tx)
}

// stage runs the scripts of a stage for the mail at hand.
func (c *session) stage(ctx context.Context, stage runtime.Stage) gateway.Outcome {
	tx := *c.tx
	tx.Stage = stage
	return c.server.o.Intake.Stage(ctx, &tx)
}

// command reads a command line, without its end. What was said before is sent first,
// unless the peer has sent more commands already.
func (c *session) command() ([]byte, error) {
	buffered, err := c.r.Peek(c.r.Buffered())
	if err == nil && bytes.IndexByte(buffered, '\n') < 0 {
		if err := c.flush(); err != nil {
			return nil, err
		}
	}
	if err := c.wait(true); err != nil {
		return nil, err
	}
	line, err := readLine(c.r, maxLine)
	if werr := c.wait(false); err == nil {
		err = werr
	}
	return line, err
}

// errLongLine says that a command line was over its limit and has been skipped.
var errLongLine = errors.New("line too long")

// maxSkip bounds the octets of a line that are read only to find its end.
const maxSkip = 1 << 20

// readLine reads up to the next LF, which it drops together with a CR before it. A line
// over the limit is skipped (errLongLine); one without any end is errTooMuch.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for n := 0; ; {
		piece, err := r.ReadSlice('\n')
		if n += len(piece); n <= limit+2 {
			line = append(line, piece...)
		}
		switch {
		case err == nil && n > limit+2:
			return nil, errLongLine
		case err == nil:
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case n > maxSkip:
			return nil, errTooMuch
		}
	}
}

// reply writes an answer into the buffer. Its text may have several lines; long ones are
// parted.
//
// Spec: RFC 5321, sections 4.2 and 4.5.3.1.5.
func (c *session) reply(code int, enhanced, text string) {
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		for len(l) > maxReplyText {
			at := strings.LastIndexByte(l[:maxReplyText], ' ')
			if at < maxReplyText/2 {
				at = maxReplyText
			}
			lines = append(lines, l[:at])
			l = strings.TrimLeft(l[at:], " ")
		}
		lines = append(lines, l)
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		if enhanced != "" {
			l = enhanced + " " + l
		}
		fmt.Fprintf(c.w, "%d%s%s\r\n", code, sep, l)
	}
}

func (c *session) outcome(o gateway.Outcome) { c.reply(o.Code, o.Enhanced, o.Text) }

// flush sends what was said.
func (c *session) flush() error {
	if c.w.Buffered() == 0 {
		return nil
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.server.o.WriteTimeout)); err != nil {
		return err
	}
	return c.w.Flush()
}

// startTLS goes on under TLS. What the peer sent in the clear after STARTTLS would be
// taken for something it said under TLS, so that ends the session.
//
// Spec: RFC 3207, section 4.2.
func (c *session) startTLS(ctx context.Context, conf *tls.Config) error {
	if c.r.Buffered() > 0 {
		c.reply(503, "5.5.1", "nothing may follow STARTTLS before the handshake")
		return errQuit
	}
	c.reply(220, "2.0.0", "go ahead")
	if err := c.flush(); err != nil {
		return err
	}
	deadline := time.Now().Add(c.server.o.CommandTimeout)
	if err := c.conn.SetDeadline(deadline); err != nil {
		return err
	}
	t := tls.Server(c.conn, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		c.server.log.Warn("lmtp: handshake", slog.Any("err", err))
		c.w.Reset(io.Discard)
		return errQuit
	}
	c.mu.Lock()
	c.conn = t
	c.mu.Unlock()
	c.r.Reset(source{c})
	c.w.Reset(t)
	c.secure = true
	c.client.Helo = ""
	c.forward = forwarded{}
	c.begin()
	return nil
}
