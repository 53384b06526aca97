package sieve

import (
	"unicode/utf8"

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
	if s, ok := mailbox.Constant(); ok {
		edits := c.edits
		return func(r *Run) error {
			return r.actEdited(runtime.Action{Kind: runtime.FileInto, Mailbox: s}, edits)
		}
	}
	return fileIntoText(mailbox, c.edits)
}

// fileIntoText is fileinto for a name that is known in the run only.
func fileIntoText(mailbox Text, edits []func(*Run, *runtime.Action)) Do {
	return func(r *Run) error {
		s := mailbox.Value(r)
		// Texts are UTF-8 whatever a message holds; octets that are not were cut by the script.
		if err := runtime.CheckMailbox(s); err != nil && utf8.ValidString(s) {
			return r.keepInstead("fileinto", err)
		}
		return r.actEdited(runtime.Action{Kind: runtime.FileInto, Mailbox: s}, edits)
	}
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
