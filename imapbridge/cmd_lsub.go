package imapbridge

import "context"

// LSUB names subscriptions, whether or not there is such a mailbox.
func init() {
	register(Command[list]{
		Name:   "LSUB",
		Spec:   "RFC 3501, section 6.3.9",
		States: Authenticated | Selected,
		Parse:  parseList,
		Run: func(ctx context.Context, s *Session, l list) error {
			if l.pattern == "" {
				s.tellMailbox("LSUB", []string{`\Noselect`}, "")
				return nil
			}
			paths, err := s.backend.Subscriptions(ctx)
			if err != nil {
				return err
			}
			for _, m := range matchPaths(paths, l.full()) {
				var attrs []string
				if m.implied {
					attrs = append(attrs, `\Noselect`)
				}
				s.tellMailbox("LSUB", attrs, m.path)
			}
			return nil
		},
	})
}
