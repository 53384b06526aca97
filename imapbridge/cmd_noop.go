package imapbridge

import "context"

// NOOP does nothing, but what changed is told before its answer.
func init() {
	register(Command[None]{
		Name:   "NOOP",
		Spec:   "RFC 3501, section 6.1.2",
		States: anyState,
		Run:    func(context.Context, *Session, None) error { return nil },
	})
}
