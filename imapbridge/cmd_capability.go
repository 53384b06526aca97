package imapbridge

import "context"

// CAPABILITY says what the server can do.
func init() {
	register(Command[None]{
		Name:   "CAPABILITY",
		Spec:   "RFC 3501, section 6.1.1",
		States: anyState,
		Run: func(_ context.Context, s *Session, _ None) error {
			return s.Untagged(append([]string{"CAPABILITY"}, s.capabilities()...)...)
		},
	})
}
