package imapbridge

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// ENABLE turns on extensions that change what the server sends unasked.
func init() {
	announce(Extension{Cap: imap.CapEnable, Spec: "RFC 5161", Early: true})
	register(Command[[]string]{
		Name:   "ENABLE",
		Spec:   "RFC 5161, section 3.1",
		Caps:   []imap.Cap{imap.CapEnable},
		States: Authenticated | Selected,
		Parse:  (*wire.Parser).Atoms,
		Run: func(_ context.Context, s *Session, names []string) error {
			reply := []string{"ENABLED"}
			for _, name := range names {
				c := imap.Cap(strings.ToUpper(name))
				if !s.Offers(c) || !extensions[c].Enable || s.enabled[c] {
					continue // unknown names are skipped, not refused
				}
				reply = append(reply, string(c))
				s.enabled[c] = true
				for _, also := range extensions[c].Implies {
					s.enabled[also] = true
				}
			}
			return s.Untagged(reply...)
		},
	})
}
