package imapbridge

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// saslLineMax bounds one line of a SASL exchange.
const saslLineMax = 12 << 10

// authenticate is the argument of AUTHENTICATE.
type authenticate struct {
	mechanism string
	initial   *string // base64, or "=" for empty
}

// AUTHENTICATE opens an account by SASL.
//
// Spec: RFC 3501, section 6.2.2; RFC 4959 (initial response); RFC 4616 (PLAIN)
func init() {
	register(Command[authenticate]{
		Name:   "AUTHENTICATE",
		Spec:   "RFC 3501, section 6.2.2",
		Caps:   []imap.Cap{imap.AuthCap("PLAIN"), imap.CapSASLIR},
		States: NotAuthenticated,
		Parse: func(p *wire.Parser) (a authenticate) {
			p.SP()
			a.mechanism = p.Word()
			if p.Accept(' ') && p.More() {
				initial := p.AString()
				a.initial = &initial
			}
			return a
		},
		Run: func(ctx context.Context, s *Session, a authenticate) error {
			if a.mechanism != "PLAIN" {
				return no(imap.ResponseCodeCannot, "this mechanism is not offered")
			}
			if !s.plainLoginAllowed() {
				return no(imap.ResponseCodePrivacyRequired, "a password is taken through TLS only")
			}
			response, err := s.saslResponse(a.initial)
			if err != nil {
				return err
			}
			parts := strings.Split(response, "\x00")
			if len(parts) != 3 {
				return bad("PLAIN takes three fields parted by NUL")
			}
			if parts[0] != "" && parts[0] != parts[1] {
				return no(imap.ResponseCodeAuthorizationFailed, "nobody may act for somebody else")
			}
			return s.login(ctx, credentials{name: parts[1], password: parts[2]})
		},
	})
}

// saslResponse returns the client's first response, asking for it if it did not come
// with the command.
func (s *Session) saslResponse(initial *string) (string, error) {
	line := ""
	if initial != nil {
		line = *initial
		if line == "=" {
			return "", nil
		}
	} else {
		s.w.Text("+ \r\n")
		if err := s.w.Flush(); err != nil {
			return "", err
		}
		var err error
		s.moveDeadline()
		line, err = s.r.Line(saslLineMax)
		if long := (*wire.RefusedError)(nil); errors.As(err, &long) {
			return "", bad(long.Text)
		}
		if err != nil {
			s.lost(err)
			return "", bad("no response")
		}
	}
	if line == "*" {
		return "", bad("AUTHENTICATE given up")
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return "", bad("response is not base64")
	}
	return string(response), nil
}
