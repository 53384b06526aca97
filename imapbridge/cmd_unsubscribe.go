package imapbridge

import "context"

// UNSUBSCRIBE takes a name off the list of subscriptions.
func init() {
	register(Command[string]{
		Name:   "UNSUBSCRIBE",
		Spec:   "RFC 3501, section 6.3.7",
		States: Authenticated | Selected,
		Parse:  oneMailbox,
		Run: func(ctx context.Context, s *Session, path string) error {
			return s.backend.SetSubscribed(ctx, path, false)
		},
	})
}
