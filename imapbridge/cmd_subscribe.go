package imapbridge

import "context"

// SUBSCRIBE puts a name on the list of subscriptions; there need not be such a mailbox.
func init() {
	register(Command[string]{
		Name:   "SUBSCRIBE",
		Spec:   "RFC 3501, section 6.3.6",
		States: Authenticated | Selected,
		Parse:  oneMailbox,
		Run: func(ctx context.Context, s *Session, path string) error {
			return s.backend.SetSubscribed(ctx, path, true)
		},
	})
}
