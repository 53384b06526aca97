package lmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

// errTooMuch says that a session made more errors, or a longer line, than anybody needs to.
var errTooMuch = errors.New("too many errors")

// verb is a command.
type verb struct {
	name string
	run  func(*session, context.Context, string) error
	// greeted says that LHLO has to come before it.
	greeted bool
}

var verbs = []verb{
	{"LHLO", (*session).lhlo, false},
	{"MAIL", (*session).mail, true},
	{"RCPT", (*session).rcpt, true},
	{"DATA", (*session).data, true},
	{"RSET", (*session).rset, false},
	{"NOOP", (*session).noop, false},
	{"VRFY", (*session).vrfy, false},
	{"QUIT", (*session).quit, false},
	{"STARTTLS", (*session).starttls, true},
	{"XFORWARD", (*session).xforward, true},
	{"HELO", (*session).notSMTP, false},
	{"EHLO", (*session).notSMTP, false},
}

// execute does one command. An error ends the session.
func (c *session) execute(ctx context.Context, line []byte) error {
	name, arg, _ := strings.Cut(string(line), " ")
	if bytes.ContainsAny(line, "\x00\r") || !utf8.Valid(line) {
		return c.bad(500, "5.5.2", "a command holds no such octets")
	}
	for i := range verbs {
		v := &verbs[i]
		if !strings.EqualFold(v.name, name) {
			continue
		}
		if v.greeted && c.client.Helo == "" {
			return c.bad(503, "5.5.1", "say LHLO first")
		}
		return v.run(c, ctx, strings.Trim(arg, " \t"))
	}
	return c.bad(500, "5.5.2", "unknown command")
}

// bad answers a command that was wrong. Too many of them end the session.
func (c *session) bad(code int, enhanced, text string) error {
	c.server.badCommands.Add(1)
	c.reply(code, enhanced, text)
	if c.errs++; c.errs >= maxErrors {
		return errTooMuch
	}
	return nil
}

func (c *session) notSMTP(context.Context, string) error {
	return c.bad(500, "5.5.1", "this is LMTP, say LHLO")
}

func (c *session) lhlo(ctx context.Context, arg string) error {
	if arg == "" || len(arg) > 255 || strings.ContainsAny(arg, " \t") {
		return c.bad(501, "5.5.4", "expected LHLO and a name")
	}
	helo := c.client.Helo
	c.client.Helo = arg
	c.begin()
	if out := c.stage(ctx, runtime.StageEhlo); !out.Accepted() {
		c.client.Helo = helo
		c.outcome(out)
		return nil
	}
	lines := []string{c.server.o.Intake.Hostname(), "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8",
		fmt.Sprintf("SIZE %d", c.server.o.MaxMessageBytes)}
	if c.server.o.TLS != nil && !c.secure {
		lines = append(lines, "STARTTLS")
	}
	if c.near {
		lines = append(lines, "XFORWARD NAME ADDR PROTO HELO IDENT SOURCE")
	}
	c.reply(250, "", strings.Join(lines, "\n"))
	return nil
}

func (c *session) mail(ctx context.Context, arg string) error {
	if c.tx.Stage != "" {
		return c.bad(503, "5.5.1", "there was a MAIL already")
	}
	path, err := parsePath(arg, "FROM:", true)
	if err != nil {
		return c.bad(501, "5.1.7", err.Error())
	}
	size, err := mailParams(path.Params)
	if err != nil {
		return c.bad(555, "5.5.4", err.Error())
	}
	if size > c.server.o.MaxMessageBytes {
		c.server.tooLarge.Add(1)
		c.reply(552, "5.3.4", c.tooLargeText())
		return nil
	}
	if out := c.server.o.Intake.Room(); !out.Accepted() {
		c.outcome(out)
		return nil
	}
	c.begin()
	c.tx.From = path
	if out := c.stage(ctx, runtime.StageMail); !out.Accepted() {
		c.begin()
		c.outcome(out)
		return nil
	}
	c.tx.Stage = runtime.StageMail
	c.reply(250, "2.1.0", "OK")
	return nil
}

func (c *session) rcpt(ctx context.Context, arg string) error {
	if c.tx.Stage == "" {
		return c.bad(503, "5.5.1", "say MAIL first")
	}
	path, err := parsePath(arg, "TO:", false)
	if err != nil {
		return c.bad(501, "5.1.3", err.Error())
	}
	original, err := rcptParams(path.Params)
	if err != nil {
		return c.bad(555, "5.5.4", err.Error())
	}
	if len(c.rcpts) >= c.server.o.MaxRecipients {
		c.reply(452, "4.5.3", "too many recipients")
		return nil
	}
	r, out := c.server.o.Intake.Recipient(ctx, c.tx, path, original)
	if out.Accepted() {
		c.rcpts = append(c.rcpts, r)
		c.tx.Rcpts = append(c.tx.Rcpts, path)
		c.reply(250, "2.1.5", "OK")
		return nil
	}
	c.outcome(out)
	return nil
}

func (c *session) rset(context.Context, string) error {
	c.forward = forwarded{}
	c.begin()
	c.reply(250, "2.0.0", "OK")
	return nil
}

func (c *session) noop(context.Context, string) error {
	c.reply(250, "2.0.0", "OK")
	return nil
}

func (c *session) vrfy(context.Context, string) error {
	c.reply(252, "2.5.0", "send some mail, that tells")
	return nil
}

func (c *session) quit(context.Context, string) error {
	c.reply(221, "2.0.0", "bye")
	return errQuit
}

func (c *session) starttls(ctx context.Context, arg string) error {
	switch {
	case c.server.o.TLS == nil || c.secure:
		return c.bad(503, "5.5.1", "STARTTLS is not offered")
	case arg != "":
		return c.bad(501, "5.5.4", "STARTTLS takes no argument")
	}
	conf := c.server.o.TLS()
	if conf == nil {
		c.reply(454, "4.7.0", "TLS is not available now")
		return nil
	}
	return c.startTLS(ctx, conf)
}
