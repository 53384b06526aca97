package testsuite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// outlet carries out actions in the mail store of a file and its list of outgoing mail. It is
// a runtime.Target.
type outlet struct {
	suite  *suite
	failed bool
}

// Do does one action. What cannot be stored is kept, as a delivery does it; the error is in
// the log.
func (o *outlet) Do(ctx context.Context, d *runtime.Delivery, rcpt, index int, a runtime.Action) error {
	s := o.suite
	key := runtime.ActionKey(d, rcpt, index)
	if s.result.applied[key] {
		return nil
	}
	s.result.applied[key] = true
	raw := a.Message(d.Raw)
	switch a.Kind {
	case runtime.Keep, runtime.FileInto, runtime.FileCopy:
		return o.file(&a, raw)
	case runtime.Redirect:
		return o.redirect(d, &a)
	case runtime.Pipe:
		return o.pipe(ctx, d, key, &a, raw)
	case runtime.Send:
		if len(a.Raw) > 0 {
			s.send(a.From, a.Recipients(), a.Raw)
		}
	}
	return nil
}

// file stores a message.
func (o *outlet) file(a *runtime.Action, raw []byte) error {
	s := o.suite
	name := a.Mailbox
	if a.Kind == runtime.Keep {
		name = inbox
	}
	if found := s.place(a); found != "" {
		name = found
	}
	m := message{raw: raw, flags: a.Flags}
	err := s.store.add(name, a.Create, m)
	if err == nil {
		return nil
	}
	o.failed = true
	s.errorf("failed to store into mailbox '%s': %v", name, err)
	if a.Kind == runtime.FileInto && (errors.Is(err, errNoMailbox) || errors.Is(err, errBadName)) {
		m.flags, m.raw = nil, s.tx.Message.Raw() // as it came: the edits fall with what failed
		return s.store.add(inbox, true, m)
	}
	return err
}

func (o *outlet) redirect(d *runtime.Delivery, a *runtime.Action) error {
	s := o.suite
	rcpt := d.Plans[0].Rcpt.Address
	if err := runtime.CheckRedirect(mail.New(d.Raw).Header(), a, rcpt); err != nil {
		return nil // a loop is no error, and goes nowhere
	}
	id := fmt.Sprintf("%s-%d@%s", d.Serial, len(s.sent), hostname)
	s.send(runtime.RedirectSender(a, d.From.Address), a.Recipients(), runtime.Redirected(d.Raw, a, rcpt, id))
	return nil
}

// send puts a message on the list of outgoing mail, once for each recipient.
func (s *suite) send(from string, to []string, raw []byte) {
	if from == runtime.NullSender {
		from = ""
	}
	for _, one := range to {
		s.sent = append(s.sent, sent{from: from, to: one, raw: raw})
	}
}

// refuse tells the sender that the message was refused, unless it is the null one.
func (s *suite) refuse(a *runtime.Action) {
	if a.Kind != runtime.TempFail && s.tx.From.Address != "" {
		s.send("", []string{s.tx.From.Address}, rejection(&s.tx, a.Reason))
	}
}
