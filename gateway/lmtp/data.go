package lmtp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/mail"
)

// data reads the message and gives the peer one answer per recipient.
func (c *session) data(ctx context.Context, arg string) error {
	switch {
	case c.tx.Stage == "":
		return c.bad(503, "5.5.1", "say MAIL first")
	case len(c.rcpts) == 0:
		return c.bad(503, "5.5.1", "no valid recipients")
	case arg != "":
		return c.bad(501, "5.5.4", "DATA takes no argument")
	}
	c.reply(354, "", "end data with <CR><LF>.<CR><LF>")
	if err := c.flush(); err != nil {
		return err
	}
	b := &body{server: c.server, limit: c.server.o.MaxMessageBytes}
	defer b.release()
	c.dataUntil = time.Now().Add(longestData * c.server.o.DataTimeout)
	err := b.read(c.r)
	c.dataUntil = time.Time{}
	if err != nil {
		return err
	}
	c.server.messages.Add(1)
	rcpts := c.rcpts
	switch {
	case b.refused != nil:
		c.server.tooLarge.Add(1)
		for range rcpts {
			c.outcome(*b.refused)
		}
	default:
		c.tx.Message = mail.New(b.raw)
		c.answer = c.server.o.Intake.Deliver(ctx, c.tx, rcpts)
		for _, o := range c.answer.Outcomes {
			if o.Accepted() {
				o.Text = "delivered"
			}
			c.outcome(o)
		}
	}
	c.forward = forwarded{}
	c.begin()
	return c.finish()
}

// finish sends the answers to a message, before the next command confirms them. A peer
// that was gone by then heard nothing, whatever it had sent ahead.
func (c *session) finish() error {
	early := hungUp(c.conn)
	if err := c.flush(); err != nil {
		return err
	}
	if early && c.answer != nil && gone(c.conn) {
		c.answer.Abandon()
		c.answer = nil
	}
	return nil
}

func (c *session) tooLargeText() string {
	return fmt.Sprintf("the message is larger than %d octets", c.server.o.MaxMessageBytes)
}

// body collects the octets of a message within the limits of the message and of the
// server. What is over a limit is read to its end and refused.
type body struct {
	server  *Server
	limit   int64
	raw     []byte
	counted int64 // octets that the server counts for us
	wire    int64 // octets on the wire
	refused *gateway.Outcome
}

// longestData is how many times the limit between two pieces the whole of the data may take.
const longestData = 20

// maxWaste is how many times the limit a peer may send of a message that is refused
// already, before the session is broken off.
const maxWaste = 4

// read reads up to the end of the data and undoes dot-stuffing. A line begins behind CRLF
// and nowhere else.
//
// Spec: RFC 5321, sections 4.5.2 and 2.3.8.
func (b *body) read(r *bufio.Reader) error {
	start, cr := true, false // at the start of a line; the last octet was CR
	for {
		piece, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if b.wire += int64(len(piece)); b.wire > (maxWaste+1)*b.limit+bufferSize {
			return errTooMuch
		}
		text := piece
		if start && text[0] == '.' {
			if string(text) == ".\r\n" {
				return nil
			}
			text = text[1:]
		}
		b.add(text)
		start = bytes.HasSuffix(piece, []byte("\r\n")) || cr && len(piece) == 1 && piece[0] == '\n'
		cr = piece[len(piece)-1] == '\r'
	}
}

// add appends, or refuses the message.
func (b *body) add(text []byte) {
	if b.refused != nil {
		return
	}
	size := int64(len(b.raw) + len(text))
	if size > b.limit {
		b.refuse(gateway.Outcome{Code: 552, Enhanced: "5.3.4", Text: fmt.Sprintf("the message is larger than %d octets", b.limit)})
		return
	}
	if size > int64(cap(b.raw)) {
		// The slice grows here and not in append, so that its true size is counted.
		want := min(max(2*int64(cap(b.raw)), size, 4096), b.limit)
		if b.server.buffered.Add(want-b.counted) > b.server.o.MaxBuffered {
			b.server.buffered.Add(b.counted - want)
			b.refuse(gateway.Outcome{Code: 452, Enhanced: "4.3.1", Text: "too much mail at once, try again later"})
			return
		}
		b.counted = want
		grown := make([]byte, len(b.raw), want)
		copy(grown, b.raw)
		b.raw = grown
	}
	b.raw = append(b.raw, text...)
}

func (b *body) refuse(o gateway.Outcome) {
	b.refused = &o
	b.raw = nil
	b.release()
}

// release gives the octets back to the server's count.
func (b *body) release() {
	b.server.buffered.Add(-b.counted)
	b.counted = 0
}
