package imapbridge

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// syncHow says what sync may tell.
type syncHow struct {
	// expunges: messages may lose their numbers now.
	expunges bool
	// quiet reports whether the client need not be told of a message's new flags, because
	// it is told otherwise or asked not to be. May be nil.
	quiet func(old, now *idmap.Entry) bool
}

// sync brings the session to the mailbox as it is now and tells the client the
// difference.
//
// Spec: RFC 3501, sections 5.2, 7.3 and 7.4.1.
func (s *Session) sync(ctx context.Context, how syncHow) error {
	sel := s.sel
	view, err := s.backend.View(ctx, sel.mailbox.Number)
	if err != nil {
		return err
	}
	if view == sel.view && !(sel.holding && how.expunges) {
		return nil
	}
	if view.HighestModSeq == sel.view.HighestModSeq && view.UIDNext == sel.view.UIDNext && !sel.holding {
		sel.view, sel.entries = view, view.Entries // the same, made anew
		return nil
	}
	if view.UIDNext > sel.view.UIDNext {
		if err := s.takeRecent(ctx); err != nil {
			return err
		}
	}
	var d *difference
	if sel.holding {
		d = compare(sel.entries, view.Entries)
	} else {
		d = s.srv.differences.between(sel.view, view)
	}
	recent := 0
	if len(d.gone) > 0 || d.fresh > 0 {
		recent = sel.countRecent()
	}
	sel.view = view
	switch {
	case len(d.gone) == 0:
		sel.entries, sel.holding = view.Entries, false
	case how.expunges:
		s.tellGone(sel.entries, d.gone)
		sel.entries, sel.holding = view.Entries, false
	default:
		sel.entries, sel.holding = merge(sel.entries, view.Entries, d), true
	}
	if sel.noteDifference(view.Entries, d) {
		s.tellFlags()
	}
	if d.fresh > 0 {
		s.w.Text("* ").Uint(uint64(len(sel.entries))).Text(" EXISTS\r\n")
	}
	if d.fresh > 0 || len(d.gone) > 0 {
		if now := sel.countRecent(); now != recent {
			s.w.Text("* ").Uint(uint64(now)).Text(" RECENT\r\n")
		}
	}
	for _, c := range d.changed {
		now := &view.Entries[c.now]
		if how.quiet == nil || !how.quiet(&c.old, now) {
			s.tellChanged(now)
		}
	}
	return nil
}

// merge returns now with the entries of old that are gone kept in their places.
func merge(old, now []idmap.Entry, d *difference) []idmap.Entry {
	out := make([]idmap.Entry, 0, len(now)+len(d.gone))
	j := 0
	for _, g := range d.gone {
		for j < len(now) && now[j].UID < old[g].UID {
			out = append(out, now[j])
			j++
		}
		out = append(out, old[g])
	}
	return append(out, now[j:]...)
}

// tellGone tells that messages were expunged, the last one first, so that no number of
// one shifts another's.
func (s *Session) tellGone(entries []idmap.Entry, gone []int) {
	if s.Enabled(imap.CapQResync) {
		var set wire.Set
		for _, i := range gone {
			set.Add(uint32(entries[i].UID))
		}
		s.w.Text("* VANISHED ").Set(set).CRLF()
		return
	}
	for _, i := range slices.Backward(gone) {
		s.w.Text("* ").Uint(uint64(i + 1)).Text(" EXPUNGE\r\n")
	}
}

// tellChanged tells a message's flags.
func (s *Session) tellChanged(e *idmap.Entry) {
	i, ok := s.sel.find(e.UID)
	if !ok {
		return
	}
	s.w.Text("* ").Uint(uint64(i + 1)).Text(" FETCH (")
	if s.Enabled(imap.CapQResync) {
		s.w.Text("UID ").Uint(uint64(e.UID)).Text(" ")
	}
	s.w.Text("FLAGS ").Append(func(dst []byte) []byte {
		return appendFlags(dst, e, s.sel.isRecent(e))
	})
	if s.Enabled(imap.CapCondStore) {
		s.w.Text(" MODSEQ (").Uint(e.ModSeq).Text(")")
	}
	s.w.Text(")\r\n")
}

// tellFlags tells which flags are in use and which may be set.
//
// Spec: RFC 3501, section 7.2.6.
func (s *Session) tellFlags() {
	const system = `\Answered \Flagged \Deleted \Seen \Draft`
	keywords := sortedNames(s.sel.keywords)
	s.w.Text("* FLAGS (" + system)
	for _, k := range keywords {
		s.w.Text(" ").Text(k)
	}
	s.w.Text(")\r\n")
	if s.sel.readOnly {
		s.w.Text("* OK [PERMANENTFLAGS ()] no flag can be changed\r\n")
		return
	}
	s.w.Text("* OK [PERMANENTFLAGS (" + system)
	for _, k := range keywords {
		s.w.Text(" ").Text(k)
	}
	s.w.Text(` \*)] flags that are kept` + "\r\n")
}
