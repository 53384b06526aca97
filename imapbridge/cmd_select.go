package imapbridge

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// SelectRequest is what SELECT and EXAMINE ask for. Parameters are applied after the
// mailbox is open and its state was told, and may tell more.
type SelectRequest struct {
	Path     string
	ReadOnly bool

	params []given[*SelectRequest]
}

var selectParams = params[*SelectRequest]{}

// SELECT opens a mailbox.
func init() { registerSelect("SELECT", "RFC 3501, section 6.3.1", false) }

// registerSelect registers SELECT or EXAMINE.
func registerSelect(name, spec string, readOnly bool) {
	register(Command[*SelectRequest]{
		Name:   name,
		Spec:   spec,
		States: Authenticated | Selected,
		Parse: func(p *wire.Parser) *SelectRequest {
			r := &SelectRequest{Path: oneMailbox(p), ReadOnly: readOnly}
			if p.Accept(' ') && p.More() {
				r.params = selectParams.parse(p)
			}
			return r
		},
		Run: func(ctx context.Context, s *Session, r *SelectRequest) error { return s.open(ctx, r) },
	})
}

// closed says that the mailbox that was open is so no more.
//
// Spec: RFC 7162, section 3.2.11.
func (s *Session) closed() {
	s.deselect()
	s.tagged("*", imap.StatusResponseTypeOK, "CLOSED", "the mailbox is closed")
}

// open selects a mailbox. Whatever happens, one that was open before is closed.
func (s *Session) open(ctx context.Context, r *SelectRequest) error {
	if s.sel != nil {
		s.closed()
	}
	m, err := s.mailbox(ctx, r.Path)
	if err != nil {
		return err
	}
	s.sel = &selected{mailbox: m, readOnly: r.ReadOnly, keywords: map[string]bool{}}
	if err := s.load(ctx); err != nil {
		s.deselect()
		return err
	}
	s.state = Selected
	sel := s.sel
	sel.noteKeywords(sel.entries)
	s.tellFlags()
	s.w.Text("* ").Uint(uint64(len(sel.entries))).Text(" EXISTS\r\n")
	s.w.Text("* ").Uint(uint64(sel.countRecent())).Text(" RECENT\r\n")
	for i := range sel.entries {
		if sel.entries[i].Flags&idmap.Seen == 0 {
			s.w.Text("* OK [UNSEEN ").Uint(uint64(i + 1)).Text("] first unseen\r\n")
			break
		}
	}
	s.w.Text("* OK [UIDVALIDITY ").Uint(uint64(sel.view.UIDValidity)).Text("] UIDs are valid\r\n")
	s.w.Text("* OK [UIDNEXT ").Uint(uint64(sel.view.UIDNext)).Text("] next UID\r\n")
	if err := apply(ctx, s, r.params, r); err != nil {
		s.deselect()
		return err
	}
	if r.ReadOnly {
		s.Answer("READ-ONLY", "EXAMINE completed")
	} else {
		s.Answer("READ-WRITE", "SELECT completed")
	}
	return nil
}

// load reads the mailbox as it is now, taking its recent messages first, so that all of
// them are in the view.
func (s *Session) load(ctx context.Context) error {
	if err := s.takeRecent(ctx); err != nil {
		return err
	}
	view, err := s.backend.View(ctx, s.sel.mailbox.Number)
	if err != nil {
		return err
	}
	s.sel.view, s.sel.entries = view, view.Entries
	return nil
}
