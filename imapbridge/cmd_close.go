package imapbridge

import (
	"context"
	"errors"

	"github.com/sluice-mail/sluice/mailstore"
)

// CLOSE expunges without telling, unless the mailbox is open for reading only, and
// leaves it.
func init() {
	register(Command[None]{
		Name:   "CLOSE",
		Spec:   "RFC 3501, section 6.4.2",
		States: Selected,
		Run: func(ctx context.Context, s *Session, _ None) error {
			sel := s.sel
			s.deselect()
			if sel.readOnly {
				return nil
			}
			_, _, err := s.backend.Expunge(ctx, sel.mailbox.Number, nil)
			if errors.Is(err, mailstore.ErrNotFound) {
				return nil // deleted meanwhile: it is left all the same
			}
			return err
		},
	})
}
