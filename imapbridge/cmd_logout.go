package imapbridge

import "context"

// LOGOUT ends the session.
func init() {
	register(Command[None]{
		Name:   "LOGOUT",
		Spec:   "RFC 3501, section 6.1.3",
		States: anyState,
		Run: func(_ context.Context, s *Session, _ None) error {
			s.deselect()
			s.bye("", "logging out")
			s.Answer("", "LOGOUT completed")
			return nil
		},
	})
}
