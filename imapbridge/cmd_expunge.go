package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// EXPUNGE takes the messages with \Deleted out of the mailbox; UID EXPUNGE only those of a
// set. Which they were is told as any change is, before the tagged answer.
func init() {
	register(Command[None]{
		Name:   "EXPUNGE",
		Spec:   "RFC 3501, section 6.4.3",
		States: Selected,
		Run:    func(ctx context.Context, s *Session, _ None) error { return s.expunge(ctx, nil) },
	})
	register(Command[wire.Set]{
		Name:   "UID EXPUNGE",
		Spec:   "RFC 4315, section 2.1",
		Caps:   []imap.Cap{imap.CapUIDPlus},
		States: Selected,
		Parse: func(p *wire.Parser) wire.Set {
			p.SP()
			return p.Set()
		},
		Run: func(ctx context.Context, s *Session, set wire.Set) error {
			spans, err := s.sel.indexes(set, true)
			if err != nil {
				return err
			}
			uids := s.sel.uids(spans)
			if len(uids) == 0 {
				return s.writable()
			}
			return s.expunge(ctx, uids)
		},
	})
}

// expunge takes the deleted messages among uids, nil for all, out of the mailbox.
func (s *Session) expunge(ctx context.Context, uids []imap.UID) error {
	if err := s.writable(); err != nil {
		return err
	}
	_, _, err := s.backend.Expunge(ctx, s.sel.mailbox.Number, uids)
	return err
}
