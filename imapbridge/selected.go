package imapbridge

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/text/unicode/norm"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// selected is the mailbox that a session has open, as its client knows it.
type selected struct {
	mailbox  idmap.Mailbox
	readOnly bool

	// view is the newest that was looked at; entries are what the client knows. They are
	// view.Entries, except while expunges are held back: then they are a copy of
	// view.Entries with the expunged messages still in their places.
	view    *idmap.View
	entries []idmap.Entry
	holding bool

	recent   wire.Set // UIDs that are \Recent in this session
	keywords map[string]bool
}

// mailbox returns the mailbox with this path. Paths are kept in normal form C; some
// clients decompose letters.
func (s *Session) mailbox(ctx context.Context, path string) (idmap.Mailbox, error) {
	all, err := s.backend.Mailboxes(ctx)
	if err != nil {
		return idmap.Mailbox{}, err
	}
	path = norm.NFC.String(path)
	for _, m := range all {
		if m.Path == path {
			return m, nil
		}
	}
	return idmap.Mailbox{}, mailstore.ErrNotFound
}

// target is mailbox for a command that would file something there.
func (s *Session) target(ctx context.Context, path string) (idmap.Mailbox, error) {
	m, err := s.mailbox(ctx, path)
	return m, tryCreate(err)
}

// tryCreate turns a missing mailbox into the answer that says so.
func tryCreate(err error) error {
	if errors.Is(err, mailstore.ErrNotFound) {
		return no(imap.ResponseCodeTryCreate, "there is no such mailbox")
	}
	return err
}

// writable fails if the mailbox is open for reading only.
func (s *Session) writable() error {
	if s.sel.readOnly {
		return no(imap.ResponseCodeNoPerm, "the mailbox is open for reading only")
	}
	return nil
}

// isRecent reports whether a message is \Recent in this session.
func (sel *selected) isRecent(e *idmap.Entry) bool {
	if sel.readOnly {
		return e.Flags&idmap.Recent != 0 // EXAMINE looks and takes nothing
	}
	return len(sel.recent) > 0 && sel.recent.Contains(uint32(e.UID))
}

// countRecent returns the number of messages that are \Recent in this session.
func (sel *selected) countRecent() int {
	n := 0
	if sel.readOnly {
		for i := range sel.entries {
			if sel.entries[i].Flags&idmap.Recent != 0 {
				n++
			}
		}
		return n
	}
	for _, r := range sel.recent {
		lo, _ := sel.find(imap.UID(r.First))
		hi, ok := sel.find(imap.UID(r.Last))
		if ok {
			hi++
		}
		n += hi - lo
	}
	return n
}

// find returns the index of the entry with this UID, or where it would stand.
func (sel *selected) find(uid imap.UID) (int, bool) { return findUID(sel.entries, uid) }

// findUID returns the index of the entry with this UID, or where it would stand.
func findUID(entries []idmap.Entry, uid imap.UID) (int, bool) {
	return slices.BinarySearchFunc(entries, uid, func(e idmap.Entry, uid imap.UID) int {
		switch {
		case e.UID < uid:
			return -1
		case e.UID > uid:
			return 1
		}
		return 0
	})
}

// takeRecent adds what no session was told as \Recent yet to this session's.
func (s *Session) takeRecent(ctx context.Context) error {
	if s.sel.readOnly {
		return nil
	}
	set, err := s.backend.TakeRecent(ctx, s.sel.mailbox.Number)
	if err != nil || len(set) == 0 {
		return err
	}
	all := slices.Clone(s.sel.recent)
	for _, r := range set {
		all = append(all, wire.Range{First: uint32(r.Start), Last: uint32(r.Stop)})
	}
	s.sel.recent = all.Resolve(0)
	return nil
}

// indexes returns the runs of entries, as half-open ranges of indexes, that a set
// names. A sequence number above the number of messages is an error; UIDs that are not
// there are left out.
func (sel *selected) indexes(set wire.Set, uid bool) ([]span, error) {
	n := len(sel.entries)
	var out []span
	if uid {
		var largest uint32
		if n > 0 {
			largest = uint32(sel.entries[n-1].UID)
		}
		from := 0
		for _, r := range set.Resolve(largest) {
			lo, _ := findUID(sel.entries[from:], imap.UID(r.First))
			hi, ok := findUID(sel.entries[from+lo:], imap.UID(r.Last))
			if ok {
				hi++
			}
			if hi > 0 {
				out = append(out, span{from + lo, from + lo + hi})
			}
			from += lo + hi
		}
		return out, nil
	}
	for _, r := range set.Resolve(uint32(n)) {
		if int64(r.Last) > int64(n) {
			return nil, bad("the mailbox has no message of that sequence number")
		}
		out = append(out, span{int(r.First) - 1, int(r.Last)})
	}
	return out, nil
}

// span is a half-open range of indexes into a session's entries.
type span struct{ lo, hi int }

// uids returns the UIDs of spans, ascending.
func (sel *selected) uids(spans []span) []imap.UID {
	n := 0
	for _, sp := range spans {
		n += sp.hi - sp.lo
	}
	out := make([]imap.UID, 0, n)
	for _, sp := range spans {
		for i := sp.lo; i < sp.hi; i++ {
			out = append(out, sel.entries[i].UID)
		}
	}
	return out
}

// noteDifference remembers the keywords that came with a difference and reports whether
// any is new. New messages stand at the end of the list.
func (sel *selected) noteDifference(now []idmap.Entry, d *difference) bool {
	fresh := sel.noteKeywords(now[len(now)-d.fresh:])
	for _, c := range d.changed {
		fresh = sel.noteKeywords(now[c.now:c.now+1]) || fresh
	}
	return fresh
}

// noteKeywords remembers the keywords of entries and reports whether any is new.
func (sel *selected) noteKeywords(entries []idmap.Entry) bool {
	fresh := false
	var last []string
	for i := range entries {
		k := entries[i].Keywords
		if len(k) == 0 || (len(k) == len(last) && &k[0] == &last[0]) {
			continue
		}
		last = k
		for _, word := range k {
			if !sel.keywords[word] {
				sel.keywords[word], fresh = true, true
			}
		}
	}
	return fresh
}
