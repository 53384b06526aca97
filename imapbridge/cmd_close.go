package imapbridge

import "context"

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
			return err
		},
	})
}
