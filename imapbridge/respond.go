package imapbridge

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// no returns the error that is answered NO.
func no(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// bad returns the error that is answered BAD.
func bad(text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Text: text}
}

// Answer sets code and text of the tagged OK of the command that runs.
func (s *Session) Answer(code imap.ResponseCode, text string) { s.code, s.text = code, text }

// Untagged writes an untagged response of these words.
func (s *Session) Untagged(words ...string) error {
	s.w.Text("*")
	for _, w := range words {
		s.w.Text(" ").Text(w)
	}
	s.w.CRLF()
	return nil
}

// tagged writes a status response; tag may be "*".
func (s *Session) tagged(tag string, typ imap.StatusResponseType, code imap.ResponseCode, text string) {
	s.w.Text(tag).Text(" ").Text(string(typ)).Text(" ")
	if code != "" {
		s.w.Text("[").Text(string(code)).Text("] ")
	}
	s.w.Text(oneLine(text)).CRLF()
}

// oneLine keeps a text from breaking the line that it stands in.
func oneLine(text string) string {
	if text == "" {
		return "done"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// bye says goodbye and ends the session.
func (s *Session) bye(code imap.ResponseCode, text string) {
	s.ended = true
	s.tagged("*", imap.StatusResponseTypeBye, code, text)
}

// continueWith sends a continuation request.
func (s *Session) continueWith(text string) error {
	s.w.Text("+ ").Text(text).CRLF()
	return s.w.Flush()
}

// dispatch runs one command and answers it.
func (s *Session) dispatch(ctx context.Context, c *wire.Command) {
	s.tag, s.code, s.text = c.Tag, "", ""
	switch {
	case c.Tag == "":
		s.answerBad("*", "expected a tag at octet 0")
		return
	case c.Name == "":
		s.answerBad(c.Tag, "expected a command behind the tag")
		return
	}
	name, p := c.Name, wire.NewParser(c)
	if name == "UID" {
		p.SP()
		name += " " + p.Word()
	}
	cmd := commands[name]
	switch {
	case p.Err() != nil:
		s.answerBad(c.Tag, p.Err().Error())
		return
	case cmd == nil:
		s.answerBad(c.Tag, "unknown command")
		return
	case cmd.states&s.state == 0:
		s.answerBad(c.Tag, name+" is not possible now: "+cmd.states.String())
		return
	}
	run := cmd.prepare(p)
	p.End()
	if err := p.Err(); err != nil {
		s.answerBad(c.Tag, name+": "+err.Error())
		return
	}
	err := run(ctx, s)
	if s.ended && err == nil && s.text == "" {
		return // BYE was the answer
	}
	switch {
	case s.w.Err() != nil:
		s.ended = true // nobody is there to be answered
		return
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		s.bye(imap.ResponseCodeUnavailable, "server is shutting down")
		return
	}
	if s.sel != nil {
		s.settle(ctx, !cmd.keepsNumbers)
	}
	s.answer(ctx, c.Tag, name, err)
}

// settle tells the client what changed, before the tagged answer.
func (s *Session) settle(ctx context.Context, expunges bool) {
	switch err := s.sync(ctx, syncHow{expunges: expunges}); {
	case err == nil:
	case errors.Is(err, mailstore.ErrNotFound):
		s.bye("", "the mailbox was deleted")
	default:
		s.logger().ErrorContext(ctx, "imap: mailbox cannot be read", "mailbox", s.sel.mailbox.Path, "err", err)
	}
}

// answer writes the tagged answer.
func (s *Session) answer(ctx context.Context, tag, name string, err error) {
	if err == nil {
		s.bad = 0
		if s.text == "" {
			s.text = name + " completed"
		}
		s.tagged(tag, imap.StatusResponseTypeOK, s.code, s.text)
		return
	}
	e := s.asReply(ctx, name, err)
	if e.Type == imap.StatusResponseTypeBad {
		s.answerBad(tag, e.Text)
		return
	}
	s.tagged(tag, e.Type, e.Code, e.Text)
}

// answerBad answers BAD and counts it.
func (s *Session) answerBad(tag, text string) {
	s.bad++
	s.srv.count.bad.Add(1)
	s.tagged(tag, imap.StatusResponseTypeBad, "", text)
}

// asReply turns an error into what the client is told; what is not for the client is
// logged.
func (s *Session) asReply(ctx context.Context, name string, err error) *imap.Error {
	if e := (*imap.Error)(nil); errors.As(err, &e) {
		return e
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &imap.Error{Type: imap.StatusResponseTypeNo, Code: k.code, Text: k.text}
		}
	}
	s.srv.count.serverErrors.Add(1)
	s.logger().ErrorContext(ctx, "imap: "+name+" failed", "err", err)
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeServerBug, Text: "server error"}
}

// known are the mail store's errors as clients are told them.
//
// Spec: RFC 5530, section 3.
var known = []struct {
	err  error
	code imap.ResponseCode
	text string
}{
	{mailstore.ErrNotFound, imap.ResponseCodeNonExistent, "there is no such mailbox"},
	{mailstore.ErrExists, imap.ResponseCodeAlreadyExists, "there is such a mailbox already"},
	{mailstore.ErrInvalidName, imap.ResponseCodeCannot, "a mailbox cannot have that name"},
	{mailstore.ErrForbidden, imap.ResponseCodeNoPerm, "that is not allowed"},
	{mailstore.ErrHasChild, imap.ResponseCodeHasChildren, "the mailbox has mailboxes below it"},
	{mailstore.ErrOverQuota, imap.ResponseCodeOverQuota, "over quota"},
	{mailstore.ErrLimit, imap.ResponseCodeLimit, "over a limit of the account"},
	{mailstore.ErrInvalidKeyword, imap.ResponseCodeCannot, "a message cannot have that keyword"},
	{mailstore.ErrNoSpace, imap.ResponseCodeUnavailable, "no room on the server now"},
}
