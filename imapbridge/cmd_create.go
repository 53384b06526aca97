package imapbridge

import (
	"context"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// oneMailbox reads the name of a mailbox as the only argument.
func oneMailbox(p *wire.Parser) string {
	p.SP()
	return p.Mailbox()
}

// CREATE makes a mailbox and those above it. A separator at the end, which some clients
// send to say that there will be mailboxes below, is taken off.
func init() {
	register(Command[string]{
		Name:   "CREATE",
		Spec:   "RFC 3501, section 6.3.3",
		States: Authenticated | Selected,
		Parse:  oneMailbox,
		Run: func(ctx context.Context, s *Session, path string) error {
			_, err := s.backend.CreateMailbox(ctx, strings.TrimSuffix(path, mailstore.Separator), "")
			return err
		},
	})
}
