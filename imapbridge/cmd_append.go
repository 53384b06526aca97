package imapbridge

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// appendRequest is the argument of APPEND.
type appendRequest struct {
	path string
	msgs []idmap.Append
}

// APPEND files messages in a mailbox: one, or several that come or stay together.
//
// Spec: RFC 3501, section 6.3.11; RFC 3502 (MULTIAPPEND); RFC 4315 (APPENDUID)
func init() {
	announce(Extension{Cap: imap.CapMultiAppend, Spec: "RFC 3502"})
	register(Command[appendRequest]{
		Name:   "APPEND",
		Spec:   "RFC 3501, section 6.3.11",
		Caps:   []imap.Cap{imap.CapUIDPlus, imap.CapMultiAppend},
		States: Authenticated | Selected,
		Parse: func(p *wire.Parser) appendRequest {
			r := appendRequest{path: oneMailbox(p)}
			for {
				r.msgs = append(r.msgs, parseAppended(p))
				if !p.More() {
					return r
				}
			}
		},
		Run: runAppend,
	})
}

// parseAppended reads one message with the flags and the date before it.
func parseAppended(p *wire.Parser) (a idmap.Append) {
	p.SP()
	if p.Next('(') {
		a.Flags, a.Keywords = splitFlags(p.FlagList())
		p.SP()
	}
	if p.Next('"') {
		a.Received = p.DateTime()
		p.SP()
	}
	a.Raw, _ = p.Literal()
	if p.Err() == nil && len(a.Raw) == 0 {
		p.Fail("a message cannot be empty")
	}
	return a
}

// runAppend files the messages.
func runAppend(ctx context.Context, s *Session, r appendRequest) error {
	m, err := s.target(ctx, r.path)
	if err != nil {
		return err
	}
	uids, _, err := s.backend.Append(ctx, m.Number, r.msgs)
	if err != nil {
		return tryCreate(err)
	}
	st, err := s.backend.Status(ctx, m.Number)
	if err != nil {
		return err
	}
	s.Answer(imap.ResponseCode(fmt.Sprintf("APPENDUID %d %s", st.UIDValidity, setOf(uids))), "APPEND completed")
	return nil
}
