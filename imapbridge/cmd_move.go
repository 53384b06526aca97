package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// MOVE is COPY and EXPUNGE in one. COPYUID comes untagged, before the expunges.
func init() {
	announce(Extension{Cap: imap.CapMove, Spec: "RFC 6851"})
	registerBoth(func(uid bool) Command[transfer] {
		return Command[transfer]{
			Name:   "MOVE",
			Spec:   "RFC 6851, section 3.1",
			Caps:   []imap.Cap{imap.CapMove},
			States: Selected,
			Parse:  func(p *wire.Parser) transfer { return parseTransfer(p, uid) },
			Run: func(ctx context.Context, s *Session, t transfer) error {
				if err := s.writable(); err != nil {
					return err
				}
				code, err := s.transfer(ctx, t, s.backend.Move)
				if err != nil {
					return err
				}
				if code != "" {
					s.tagged("*", imap.StatusResponseTypeOK, code, "moved")
				}
				return nil
			},
		}
	})
}
