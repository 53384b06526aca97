package imapbridge

import "context"

// DELETE removes a mailbox with its messages. If the session has it open, it is closed.
func init() {
	register(Command[string]{
		Name:   "DELETE",
		Spec:   "RFC 3501, section 6.3.4",
		States: Authenticated | Selected,
		Parse:  oneMailbox,
		Run: func(ctx context.Context, s *Session, path string) error {
			m, err := s.mailbox(ctx, path)
			if err != nil {
				return err
			}
			if err := s.backend.DeleteMailbox(ctx, path); err != nil {
				return err
			}
			if s.sel != nil && s.sel.mailbox.Number == m.Number {
				s.closed()
			}
			return nil
		},
	})
}
