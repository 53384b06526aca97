package imapbridge

import "context"

// CHECK is NOOP here: every write is on disk before it is answered.
func init() {
	register(Command[None]{
		Name:   "CHECK",
		Spec:   "RFC 3501, section 6.4.1",
		States: Selected,
		Run:    func(context.Context, *Session, None) error { return nil },
	})
}
