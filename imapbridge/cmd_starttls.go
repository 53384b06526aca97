package imapbridge

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
)

// errPipelinedTLS says that a client, or somebody between, sent plain commands that would
// have been read as if they came through TLS.
var errPipelinedTLS = errors.New("imapbridge: plain octets behind STARTTLS")

// STARTTLS puts TLS over the connection.
func init() {
	offered := func(s *Session) bool { return s.srv.o.TLS != nil && !s.tls && s.state == NotAuthenticated }
	announce(Extension{Cap: imap.CapStartTLS, Spec: "RFC 3501, section 6.2.1", Early: true, Offer: offered})
	register(Command[None]{
		Name:   "STARTTLS",
		Spec:   "RFC 3501, section 6.2.1",
		Caps:   []imap.Cap{imap.CapStartTLS},
		States: NotAuthenticated,
		Run: func(_ context.Context, s *Session, _ None) error {
			switch {
			case s.tls:
				return bad("TLS is on already")
			case !offered(s):
				return bad("STARTTLS is not offered")
			}
			s.Answer("", "begin TLS now")
			s.after = func(ctx context.Context) error {
				if s.r.Buffered() > 0 {
					return errPipelinedTLS
				}
				return s.startTLS(ctx)
			}
			return nil
		},
	})
}
