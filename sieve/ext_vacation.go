package sieve

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

const groupPeriod = "period"

// vacation answers the sender, once in a while, that the recipient is away. What must not be
// answered is not: the plan then has an action that says why, and sends nothing. Who was
// answered is remembered by account, sender and handle.
//
// Spec:   RFC 5230; RFC 3834
// Status: complete
func init() {
	text := []Arg{{Name: "text", Kind: StringArgument}}
	register(Extension{
		Name: "vacation", Spec: "RFC 5230", Status: "complete",
		Limits: "one in a script; `:days` 1 to 60; subjects of 256 characters (all can be set)",

		// vacation [":days" number] [":subject" string] [":from" string]
		//          [":addresses" string-list] [":mime"] [":handle" string] <reason: string>
		Commands: []Command{{
			Name: "vacation", Args: []Arg{{Name: "reason", Kind: StringArgument}},
			Tags: []Tag{
				{Name: "days", Group: groupPeriod, Args: []Arg{{Name: "days", Kind: NumberArgument}}},
				{Name: "subject", Args: text}, {Name: "from", Args: text}, {Name: "handle", Args: text},
				{Name: "addresses", Args: []Arg{{Name: "addresses", Kind: ListArgument}}},
				{Name: "mime"},
			},
			Bind: bindVacation,
		}},
	})
}

// vacation is one use of the command.
type vacation struct {
	period    time.Duration // below 0: the script does not say
	reason    Text
	subject   *Text
	from      *Text
	handle    *Text
	addresses []Text
	mime      bool
	file      fileCopy
}

func bindVacation(b *Binder, c *Call) Do {
	v := &vacation{period: -1, reason: c.Text("reason"), mime: c.Tag("mime") != nil}
	const most = 100 * 365
	if u := c.Tag("days"); u != nil {
		v.period = time.Duration(min(u.Number(), most)) * 24 * time.Hour
	}
	if u := c.Tag("seconds"); u != nil {
		v.period = time.Duration(min(u.Number(), most*24*3600)) * time.Second
	}
	text := func(name string) *Text {
		if u := c.Tag(name); u != nil {
			t := u.Text()
			return &t
		}
		return nil
	}
	v.subject, v.from, v.handle = text("subject"), text("from"), text("handle")
	if v.from != nil {
		b.checkAddress(*v.from, "vacation: :from")
	}
	if u := c.Tag("addresses"); u != nil {
		v.addresses = u.Texts()
		for _, t := range v.addresses {
			b.checkAddress(t, "vacation: :addresses")
		}
	}
	c.lawful()
	v.file = b.fileCopy(c)
	return v.run
}

// checkAddress reports a constant that is no address.
func (b *Binder) checkAddress(t Text, what string) {
	if s, ok := t.Constant(); ok {
		if _, ok := mail.ReadMailbox(s); !ok {
			b.Errorf(t.Span, "%s: %q is no mail address", what, clip(s))
		}
	}
}

// run answers, or says why not.
func (v *vacation) run(r *Run) error {
	o := r.mailOptions()
	to, own, why := v.silent(r, o)
	if why != "" {
		return r.Act(runtime.Action{Kind: runtime.Send, As: runtime.AsVacation, Reason: why})
	}
	period := v.lasts(o)
	key := v.key(r, to)
	if r.err != nil {
		return r.err
	}
	if period > 0 {
		known, err := r.task.Invoke("remembered", "vacation", key)
		if err != nil {
			return err
		}
		if known == true {
			return r.Act(runtime.Action{Kind: runtime.Send, As: runtime.AsVacation, Reason: "the sender has got it before"})
		}
	}
	raw, err := v.compose(r, o, to, own)
	if err != nil {
		return err
	}
	a := runtime.Action{Kind: runtime.Send, As: runtime.AsVacation, Address: to.String(), From: runtime.NullSender, Raw: raw}
	if o.VacationFromRecipient {
		a.From = r.view.Rcpt.Address
	}
	if err := r.Act(a); err != nil {
		return err
	}
	if period > 0 {
		if _, err := r.task.Invoke("remember", "vacation", key, int64(max(period/time.Second, 1))); err != nil {
			return err
		}
	}
	return v.file.act(r, runtime.AsVacation, raw)
}

// lasts returns how long the sender gets no other answer; 0: each message gets one.
func (v *vacation) lasts(o *MailOptions) time.Duration {
	d := v.period
	if d < 0 {
		d = o.VacationPeriod
	}
	if d < o.VacationMin {
		d = o.VacationMin
	}
	if o.VacationMax > 0 {
		d = min(d, o.VacationMax)
	}
	return d
}

// key is what is remembered of an answer. Without a handle it changes with what the script says,
// so that a changed text is sent to everybody again.
//
// Spec: RFC 5230, section 4.3
func (v *vacation) key(r *Run, to mail.Address) string {
	handle := ""
	if v.handle != nil {
		handle = "handle\x00" + v.handle.Value(r)
	} else {
		h := sha256.New()
		for _, t := range []*Text{&v.reason, v.subject, v.from} {
			s := ""
			if t != nil {
				s = t.Value(r)
			}
			h.Write([]byte(s + "\x00"))
		}
		if v.mime {
			h.Write([]byte("mime"))
		}
		handle = hex.EncodeToString(h.Sum(nil))
	}
	return strings.ToLower(to.String()) + "\x00" + handle
}

// silent returns whom to answer, and the address of the recipient that the message was sent to;
// or why there is no answer.
//
// Spec: RFC 5230, sections 4.5 and 4.6; RFC 3834, section 2
func (v *vacation) silent(r *Run, o *MailOptions) (to mail.Address, own, why string) {
	from := r.view.From.Address
	if from == "" {
		return to, "", "the sender is null"
	}
	to, err := mail.ParseAddress(from)
	if err != nil {
		return to, "", "the sender is no address"
	}
	rcpt := r.view.Rcpt.Address
	mine := []string{rcpt, o.UserEmail}
	if d := r.view.Rcpt.Detail; d != "" {
		if a, err := mail.ParseAddress(rcpt); err == nil {
			for _, s := range r.Options().Separators {
				if local, ok := strings.CutSuffix(a.Local, s+d); ok && local != "" {
					mine = append(mine, mail.Address{Local: local, Domain: a.Domain}.String())
				}
			}
		}
	}
	for i := range v.addresses {
		if a, ok := mail.ReadMailbox(v.addresses[i].Value(r)); ok {
			mine = append(mine, a.String())
		}
	}
	if one := matching1(mine, from); one != "" || strings.EqualFold(from, r.originalRecipient()) {
		return to, "", "the sender is the recipient"
	}
	if runtime.Machine(to.Local) {
		return to, "", "the sender is a machine"
	}
	h := r.header()
	if why := runtime.Automatic(h); why != "" {
		return to, "", why
	}
	if o.VacationOriginalRecipient {
		mine = append(mine, r.originalRecipient())
	}
	for _, name := range []string{"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"} {
		for _, value := range h.Values(name) {
			r.work(len(value))
			for _, a := range mail.ParseAddresses(value).Addresses {
				if one := matching1(mine, a.String()); one != "" {
					return to, one, ""
				}
			}
		}
	}
	switch {
	case !o.VacationAnyRecipient:
		return to, "", "none of the recipient's addresses is in its header"
	case r.userEmail() == "":
		return to, "", "the recipient is not known"
	}
	return to, r.userEmail(), ""
}

// matching1 returns the one of some addresses that is equal to another but for case, or "".
func matching1(list []string, address string) string {
	for _, one := range list {
		if one != "" && strings.EqualFold(one, address) {
			return one
		}
	}
	return ""
}

// compose writes the answer.
//
// Spec: RFC 5230, section 5; RFC 3834, section 3
func (v *vacation) compose(r *Run, o *MailOptions, to mail.Address, own string) ([]byte, error) {
	c := r.compose()
	from := plainAddress(own)
	if v.from != nil {
		if a, ok := mail.ReadMailbox(v.from.Value(r)); ok {
			from = a
		}
	}
	c.Addresses("From", from)
	if to = v.addressee(r, o, to); to.Name == "" {
		c.Raw("To", "<"+to.String()+">")
	} else {
		c.Addresses("To", to)
	}
	c.Text("Subject", mail.Shorten(v.subjectOf(r, o), o.VacationSubjectLength))
	c.References(r.header())
	c.Raw("Auto-Submitted", "auto-replied (vacation)")
	c.Raw("Precedence", "bulk")
	reason := v.reason.Value(r)
	if v.mime {
		c.Entity(reason)
	} else {
		c.Body(reason)
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.composed(c)
}

// subjectOf returns the subject of the answer.
//
// Spec: RFC 5230, section 5.3
func (v *vacation) subjectOf(r *Run, o *MailOptions) string {
	if v.subject != nil {
		return v.subject.Value(r)
	}
	s := r.subject()
	if s == "" {
		return o.VacationSubject
	}
	return strings.NewReplacer("%$", s, "%{subject}", s).Replace(o.VacationSubjectTemplate)
}

// addressee returns the envelope sender with the name that the header has for it.
func (v *vacation) addressee(r *Run, o *MailOptions, to mail.Address) mail.Address {
	for _, name := range []string{"Sender", "Resent-From", "From"} {
		for _, value := range r.header().Values(name) {
			for _, a := range mail.ParseAddresses(value).Addresses {
				if o.VacationToHeader || strings.EqualFold(a.String(), to.String()) {
					return a
				}
			}
		}
	}
	return to
}
