package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// fileinto stores the message in a mailbox.
//
// Spec:   RFC 5228, section 4.1
// Status: complete
func init() {
	register(Extension{
		Name: "fileinto", Spec: "RFC 5228, section 4.1", Status: "complete", Limits: "names up to 1,024 octets of UTF-8",

		// fileinto <mailbox: string>
		Commands: []Command{{
			Name: "fileinto", Args: []Arg{{Name: "mailbox", Kind: StringArgument}}, Bind: bindFileInto,
		}},
	})
}

func bindFileInto(b *Binder, c *Call) Do {
	mailbox := c.Text("mailbox")
	c.lawful()
	b.checkMailbox(mailbox)
	return c.action(func(r *Run) (runtime.Action, error) {
		return runtime.Action{Kind: runtime.FileInto, Mailbox: mailbox.Value(r)}, nil
	})
}

// checkMailbox reports a constant name that no mail store could take. Others are checked
// when they are used.
func (b *Binder) checkMailbox(t Text) {
	if s, ok := t.Constant(); ok {
		if err := runtime.CheckMailbox(s); err != nil {
			b.Errorf(t.Span, "%s", err)
		}
	}
}
