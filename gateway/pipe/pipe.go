// Package pipe is the way in for an MTA that runs a command for each delivery, such as
// Postfix's pipe(8): `sluice deliver`.
//
//	MTA ──stdin, -f -r──> Main ──LMTP over a unix socket──> the running server
//	    <──exit code──      │ no server
//	                        └──> Options.Local, or 75
//
// It promises:
//
//   - The exit code is 0, or one that MTAs know from sysexits.h: 65, 67 and 77 refuse
//     the mail for good, and only because the server said so. Every failure of our own,
//     also a wrong argument, a panic and a server that does not answer, is 75: the MTA
//     keeps the mail and tries again. MTAs bounce mail on any other code.
//   - What is refused is said on stdout, beginning with an enhanced status code.
//   - When it ends with 75 after some recipients were served, it ends the session so that the
//     server knows: those recipients are not served twice by the MTA's next attempt.
//
// Line ends become CRLF, since pipes carry local ones; a mbox "From " line in front is
// left out. Nothing else is changed.
package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-mail/sluice/gateway"
)

// The exit codes of sysexits.h that are used.
const (
	ExitOK       = 0
	ExitDataErr  = 65 // refused for good
	ExitNoUser   = 67 // there is no such recipient
	ExitNoPerm   = 77 // refused for good by a rule
	ExitTempFail = 75 // try again
)

// Mail is what the command was given.
type Mail struct {
	From     string
	Rcpts    []string
	Original string // original recipient; "" if unknown
	QueueID  string
	Client   string // address of the MTA's client
	Raw      []byte // with CRLF line ends
}

// Options says how Main works. A zero field is its default.
type Options struct {
	Args   []string // without the command's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Socket string // of the running server; --socket in Args goes before it
	// MaxMessageBytes bounds the message; 50 MiB.
	MaxMessageBytes int64
	// Timeout bounds everything; 15 min. Postfix's command_time_limit is 1000 s.
	Timeout time.Duration
	// Local delivers without a server. It is called if nobody listens on the socket, and
	// returns one outcome per recipient; nil: such mail is told to come again.
	Local func(ctx context.Context, m Mail) ([]gateway.Outcome, error)
}

// errNoServer says that nobody listens on the socket.
var errNoServer = errors.New("no server is running")

// Main delivers one message and returns the exit code.
func Main(ctx context.Context, o Options) (code int) {
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = 50 << 20
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Minute
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	type result struct {
		outcomes []gateway.Outcome
		err      error
	}
	done := make(chan result, 1)
	go func() { // so that a stdin or a server that never ends cannot hold us
		var r result
		defer func() {
			if x := recover(); x != nil {
				r = result{err: fmt.Errorf("internal error: %v", x)}
			}
			done <- r
		}()
		r.outcomes, r.err = o.run(ctx)
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	if r.err != nil {
		fmt.Fprintf(o.Stderr, "sluice deliver: %v\n", r.err)
		fmt.Fprintf(o.Stdout, "4.3.0 %s\n", line(r.err.Error()))
		return ExitTempFail
	}
	code, text := verdict(r.outcomes)
	if text != "" {
		fmt.Fprintln(o.Stdout, text)
	}
	return code
}

func (o *Options) run(ctx context.Context) ([]gateway.Outcome, error) {
	m, socket, err := ParseArgs(o.Args)
	if err != nil {
		return nil, err
	}
	if socket == "" {
		socket = o.Socket
	}
	if o.Stdin == nil {
		return nil, errors.New("no message on stdin")
	}
	raw, err := io.ReadAll(io.LimitReader(o.Stdin, o.MaxMessageBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	if int64(len(raw)) > o.MaxMessageBytes {
		all := make([]gateway.Outcome, len(m.Rcpts))
		for i := range all {
			all[i] = gateway.Outcome{Code: 552, Enhanced: "5.3.4", Text: fmt.Sprintf("the message is larger than %d octets", o.MaxMessageBytes)}
		}
		return all, nil
	}
	m.Raw = message(raw)
	outcomes, err := send(ctx, socket, m)
	if errors.Is(err, errNoServer) && o.Local != nil {
		outcomes, err = o.Local(ctx, m)
	}
	if err == nil && len(outcomes) != len(m.Rcpts) {
		err = fmt.Errorf("%d answers for %d recipients", len(outcomes), len(m.Rcpts))
	}
	return outcomes, err
}

// message returns the message as it goes over the wire: without a mbox line in front, and
// with CRLF for each LF that has no CR before it.
func message(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte("From ")) || bytes.HasPrefix(raw, []byte(">From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	bare := bytes.Count(raw, []byte("\n")) - bytes.Count(raw, []byte("\r\n"))
	out := make([]byte, 0, len(raw)+bare+2)
	for i, c := range raw {
		if c == '\n' && (i == 0 || raw[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return out
}

// verdict is the exit code for the outcomes of all recipients, and what stdout says. One
// that may come again makes all come again; those that were served are known then.
func verdict(outcomes []gateway.Outcome) (int, string) {
	var refused *gateway.Outcome
	for i := range outcomes {
		switch o := &outcomes[i]; {
		case o.Accepted():
		case o.Code/100 == 5:
			if refused == nil {
				refused = o
			}
		default: // 4xx, or nothing that makes sense
			status := o.Enhanced
			if !strings.HasPrefix(status, "4.") {
				status = "4.3.0"
			}
			return ExitTempFail, status + " " + line(o.Text)
		}
	}
	if refused == nil {
		return ExitOK, ""
	}
	status := refused.Enhanced
	if !strings.HasPrefix(status, "5.") {
		status = "5.0.0"
	}
	text := status + " " + line(refused.Text)
	switch {
	case status == "5.1.1":
		return ExitNoUser, text
	case strings.HasPrefix(status, "5.7."):
		return ExitNoPerm, text
	}
	return ExitDataErr, text
}

// line makes a text one short line.
func line(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "..."
	}
	return s
}

// noServer says whether a connection failed since nobody listens.
func noServer(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed)
}
