package imapbridge

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// StoreRequest is what STORE asks for. Modifiers may change it before it runs.
type StoreRequest struct {
	UID    bool
	Set    wire.Set
	Silent bool
	Change idmap.FlagChange

	params []given[*StoreRequest]
}

// storeModifiers are the modifiers of STORE.
var storeModifiers = params[*StoreRequest]{}

// STORE changes flags.
func init() {
	registerBoth(func(uid bool) Command[*StoreRequest] {
		return Command[*StoreRequest]{
			Name:         "STORE",
			Spec:         "RFC 3501, section 6.4.6",
			States:       Selected,
			KeepsNumbers: true,
			Parse: func(p *wire.Parser) *StoreRequest {
				r := &StoreRequest{UID: uid}
				p.SP()
				r.Set = p.Set()
				p.SP()
				if p.Next('(') {
					r.params = storeModifiers.parse(p)
					p.SP()
				}
				r.parseChange(p)
				return r
			},
			Run: func(ctx context.Context, s *Session, r *StoreRequest) error { return s.store(ctx, r) },
		}
	})
}

// parseChange reads FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and the flags.
func (r *StoreRequest) parseChange(p *wire.Parser) {
	switch {
	case p.Accept('+'):
		r.Change.Op = idmap.FlagsAdd
	case p.Accept('-'):
		r.Change.Op = idmap.FlagsRemove
	}
	switch name := p.ItemName(); name {
	case "FLAGS":
	case "FLAGS.SILENT":
		r.Silent = true
	default:
		p.Fail("expected FLAGS or FLAGS.SILENT")
	}
	p.SP()
	r.Change.Flags, r.Change.Keywords = splitFlags(p.Flags())
}

// store changes flags and tells the new ones.
func (s *Session) store(ctx context.Context, r *StoreRequest) error {
	if err := s.writable(); err != nil {
		return err
	}
	sel := s.sel
	spans, err := sel.indexes(r.Set, r.UID)
	if err != nil {
		return err
	}
	if err := apply(ctx, s, r.params, r); err != nil {
		return err
	}
	uids := sel.uids(spans)
	if len(uids) == 0 {
		return nil
	}
	modified, _, err := s.backend.Store(ctx, sel.mailbox.Number, uids, r.Change)
	if err != nil {
		return err
	}
	refused := setOf(modified)
	asked := func(uid imap.UID) bool {
		_, ok := slices.BinarySearch(uids, uid)
		return ok && !refused.Contains(uint32(uid))
	}
	err = s.sync(ctx, syncHow{quiet: func(old, now *idmap.Entry) bool {
		if !asked(now.UID) {
			return false
		}
		if !r.Silent {
			return true // told below, with those that did not change
		}
		flags, keywords := applyFlags(old, &r.Change)
		return now.Flags&^idmap.Recent == flags&^idmap.Recent && sameKeywords(now.Keywords, keywords)
	}})
	if err != nil {
		return err
	}
	gone := s.tellStored(r, spans, asked)
	if len(modified) > 0 {
		if !r.UID {
			refused = sel.numbers(modified)
		}
		s.Answer(imap.ResponseCode("MODIFIED "+refused.String()), "some of the messages were changed meanwhile")
	}
	if gone && !r.UID {
		return errExpungeIssued
	}
	return nil
}

// tellStored tells the flags of the messages that STORE named, and reports whether some
// of them are gone.
func (s *Session) tellStored(r *StoreRequest, spans []span, asked func(imap.UID) bool) (gone bool) {
	sel := s.sel
	for _, sp := range spans {
		for i := sp.lo; i < sp.hi; i++ {
			e := &sel.entries[i]
			if sel.holding {
				if _, ok := findUID(sel.view.Entries, e.UID); !ok {
					gone = true
					continue
				}
			}
			if !asked(e.UID) {
				continue
			}
			condStore := s.Enabled(imap.CapCondStore)
			if r.Silent && !condStore {
				continue
			}
			s.w.Text("* ").Uint(uint64(i + 1)).Text(" FETCH (")
			if r.UID || s.Enabled(imap.CapQResync) {
				s.w.Text("UID ").Uint(uint64(e.UID)).Text(" ")
			}
			if !r.Silent {
				s.w.Text("FLAGS ").Append(func(dst []byte) []byte { return appendFlags(dst, e, sel.isRecent(e)) })
				if condStore {
					s.w.Text(" ")
				}
			}
			if condStore {
				s.w.Text("MODSEQ (").Uint(e.ModSeq).Text(")")
			}
			s.w.Text(")\r\n")
		}
	}
	return gone
}

// setOf returns the set of ascending UIDs.
func setOf(uids []imap.UID) wire.Set {
	var set wire.Set
	for _, uid := range uids {
		set.Add(uint32(uid))
	}
	return set
}

// numbers returns the set of the sequence numbers of ascending UIDs.
func (sel *selected) numbers(uids []imap.UID) wire.Set {
	var set wire.Set
	for _, uid := range uids {
		if i, ok := sel.find(uid); ok {
			set.Add(uint32(i + 1))
		}
	}
	return set
}
