package imapbridge

import (
	"context"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// rename is the argument of RENAME.
type rename struct{ from, to string }

// RENAME moves a mailbox with all below it. Renaming INBOX moves its messages.
func init() {
	register(Command[rename]{
		Name:   "RENAME",
		Spec:   "RFC 3501, section 6.3.5",
		States: Authenticated | Selected,
		Parse: func(p *wire.Parser) (r rename) {
			r.from = oneMailbox(p)
			r.to = oneMailbox(p)
			return r
		},
		Run: func(ctx context.Context, s *Session, r rename) error {
			return s.backend.RenameMailbox(ctx, r.from, strings.TrimSuffix(r.to, mailstore.Separator))
		},
	})
}
