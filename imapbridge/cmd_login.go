package imapbridge

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// credentials is a name and its password.
type credentials struct{ name, password string }

// LOGIN opens an account by name and password.
func init() {
	register(Command[credentials]{
		Name:   "LOGIN",
		Spec:   "RFC 3501, section 6.2.3",
		States: NotAuthenticated,
		Parse: func(p *wire.Parser) (c credentials) {
			p.SP()
			c.name = p.AString()
			p.SP()
			c.password = p.AString()
			return c
		},
		Run: func(ctx context.Context, s *Session, c credentials) error { return s.login(ctx, c) },
	})
}

// login opens the account and answers with what is offered now.
func (s *Session) login(ctx context.Context, c credentials) error {
	if !s.plainLoginAllowed() {
		return no(imap.ResponseCodePrivacyRequired, "a password is taken through TLS only")
	}
	b, release, err := s.srv.o.Authenticate(ctx, c.name, c.password, s.ip)
	if err != nil {
		s.srv.count.failedLogins.Add(1)
		if errors.Is(err, ErrAuthenticationFailed) {
			return no(imap.ResponseCodeAuthenticationFailed, "wrong name or password")
		}
		return err
	}
	s.srv.count.logins.Add(1)
	s.backend, s.release, s.account, s.state = b, release, c.name, Authenticated
	s.Answer(imap.ResponseCode("CAPABILITY "+strings.Join(s.capabilities(), " ")), "logged in")
	return nil
}
