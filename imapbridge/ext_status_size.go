package imapbridge

import (
	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// STATUS=SIZE tells how many octets a mailbox's messages have.
func init() {
	announce(Extension{Cap: imap.CapStatusSize, Spec: "RFC 8438"})
	registerStatusItem(StatusItem{
		Name: "SIZE", Spec: "RFC 8438", Caps: []imap.Cap{imap.CapStatusSize},
		Value: func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.Octets) },
	})
}
