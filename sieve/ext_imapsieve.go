package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

const imapsieveName = "imapsieve"

// imapsieve is for scripts that run when a message comes into a mailbox by IMAP or its flags
// change. It adds what happened to the environment.
//
// Spec:   RFC 6785
// Status: complete
func init() {
	register(Extension{
		Name: imapsieveName, Spec: "RFC 6785", Status: "complete; scripts of the stage imap only",
		Required: func(b *Binder, at Span) {
			if s := b.options.Stage; s != "" && s != runtime.StageIMAP {
				b.Errorf(at, "the extension %q is for scripts of the stage imap; this one is for %s", imapsieveName, s)
			}
		},
	})
}

// imapEnvironment returns an item of the event that the script runs for.
//
// Spec: RFC 6785, section 4
func (r *Run) imapEnvironment(name string) (string, bool) {
	e := r.view.IMAP
	if e == nil {
		return "", false
	}
	switch name {
	case "imap.user":
		return e.User, true
	case "imap.email":
		return e.Email, true
	case "imap.cause":
		return e.Cause, true
	case "imap.mailbox":
		return e.Mailbox, true
	case "imap.changedflags":
		return strings.Join(e.ChangedFlags, " "), true
	}
	return "", false
}
