package imapbridge

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// transfer is the argument of COPY and MOVE.
type transfer struct {
	uid  bool
	set  wire.Set
	path string
}

// parseTransfer reads a set and a mailbox.
func parseTransfer(p *wire.Parser, uid bool) transfer {
	t := transfer{uid: uid}
	p.SP()
	t.set = p.Set()
	t.path = oneMailbox(p)
	return t
}

// COPY files messages in another mailbox, or once more in this one.
func init() {
	registerBoth(func(uid bool) Command[transfer] {
		return Command[transfer]{
			Name:   "COPY",
			Spec:   "RFC 3501, section 6.4.7",
			Caps:   []imap.Cap{imap.CapUIDPlus},
			States: Selected,
			Parse:  func(p *wire.Parser) transfer { return parseTransfer(p, uid) },
			Run: func(ctx context.Context, s *Session, t transfer) error {
				code, err := s.transfer(ctx, t, s.backend.Copy)
				if err != nil {
					return err
				}
				s.Answer(code, "COPY completed")
				return nil
			},
		}
	})
}

// transfer runs how, which is Copy or Move, and returns the COPYUID code, or "" if
// nothing was there to take.
//
// Spec: RFC 4315, section 3.
func (s *Session) transfer(ctx context.Context, t transfer,
	how func(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error),
) (imap.ResponseCode, error) {
	spans, err := s.sel.indexes(t.set, t.uid)
	if err != nil {
		return "", err
	}
	to, err := s.target(ctx, t.path)
	if err != nil {
		return "", err
	}
	uids := s.sel.uids(spans)
	if len(uids) == 0 {
		return "", nil
	}
	src, dst, _, err := how(ctx, s.sel.mailbox.Number, uids, to.Number)
	if err != nil {
		return "", tryCreate(err)
	}
	if len(src) == 0 {
		if t.uid {
			return "", nil
		}
		return "", errExpungeIssued
	}
	st, err := s.backend.Status(ctx, to.Number)
	if err != nil {
		return "", err
	}
	return imap.ResponseCode(fmt.Sprintf("COPYUID %d %s %s", st.UIDValidity, setOf(src), setOf(dst))), nil
}
