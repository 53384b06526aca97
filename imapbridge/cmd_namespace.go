package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// NAMESPACE says that all mailboxes are the account's own.
func init() {
	announce(Extension{Cap: imap.CapNamespace, Spec: "RFC 2342"})
	register(Command[None]{
		Name:   "NAMESPACE",
		Spec:   "RFC 2342, section 5",
		Caps:   []imap.Cap{imap.CapNamespace},
		States: Authenticated | Selected,
		Run: func(_ context.Context, s *Session, _ None) error {
			return s.Untagged("NAMESPACE", `(("" "/")) NIL NIL`)
		},
	})
}
