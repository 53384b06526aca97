package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// idPairs is how many fields a client may name.
const idPairs = 30

// ID tells who the server is. What the client says of itself is read and not used.
func init() {
	announce(Extension{Cap: imap.CapID, Spec: "RFC 2971", Early: true})
	register(Command[None]{
		Name:   "ID",
		Spec:   "RFC 2971, section 3.1",
		Caps:   []imap.Cap{imap.CapID},
		States: anyState,
		Parse: func(p *wire.Parser) (none None) {
			p.SP()
			if !p.Next('(') {
				if _, ok := p.NString(); ok {
					p.Fail("expected a list or NIL")
				}
				return none
			}
			fields := 0
			p.List(func() {
				if fields++; fields > idPairs {
					p.Fail("more than 30 fields")
				}
				_ = p.String()
				p.SP()
				p.NString()
			})
			return none
		},
		Run: func(_ context.Context, s *Session, _ None) error {
			return s.Untagged("ID", `("name" "Sluice")`)
		},
	})
}
