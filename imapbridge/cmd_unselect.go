package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// UNSELECT leaves the mailbox and expunges nothing.
func init() {
	announce(Extension{Cap: imap.CapUnselect, Spec: "RFC 3691"})
	register(Command[None]{
		Name:   "UNSELECT",
		Spec:   "RFC 3691, section 2",
		Caps:   []imap.Cap{imap.CapUnselect},
		States: Selected,
		Run: func(_ context.Context, s *Session, _ None) error {
			s.deselect()
			return nil
		},
	})
}
