package idmap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// maxViews is how many mailboxes of an account keep their View when nobody asks for it.
const maxViews = 16

// Views keeps the newest View of each mailbox of an account and makes the next one
// from it: only rows and ranges above its HighestModSeq are read. Many goroutines may
// use it; those that ask for one mailbox at a time wait for one read.
type Views struct {
	db *sqlite.DB

	mu    sync.Mutex
	boxes map[int64]*viewBox
	clock uint64

	wordsMu sync.Mutex
	words   words
}

// viewBox is a mailbox's newest View and whether it still is.
type viewBox struct {
	load sync.Mutex // held while a View is made

	// Guarded by Views.mu.
	changes uint64 // commits that touched the mailbox
	used    uint64
	users   int

	// Guarded by load.
	view    *View
	entries []Entry // view.Entries with the room behind it, which only the next View may fill
	recent  imap.UID
	at      uint64 // changes when view was read
}

// NewViews returns the views of the account that db holds.
func NewViews(db *sqlite.DB) *Views {
	return &Views{db: db, boxes: make(map[int64]*viewBox)}
}

// Changed notes that a commit touched these mailboxes. It is called after the commit
// and before the writer is told, so that whoever was told sees the commit.
func (v *Views) Changed(mailboxes []int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, mb := range mailboxes {
		if b := v.boxes[mb]; b != nil {
			b.changes++
		}
	}
}

// Get returns the mailbox as it is now, or ErrNotFound.
func (v *Views) Get(ctx context.Context, mb int64) (*View, error) {
	b := v.hold(mb)
	defer v.drop(b)
	b.load.Lock()
	defer b.load.Unlock()
	v.mu.Lock()
	changes := b.changes
	v.mu.Unlock()
	if b.view != nil && b.at == changes {
		return b.view, nil
	}
	err := v.db.Read(ctx, func(c *sqlite.Conn) error { return v.next(c, mb, b) })
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			b.view, b.entries = nil, nil
		}
		return nil, err
	}
	b.at = changes
	return b.view, nil
}

func (v *Views) hold(mb int64) *viewBox {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.boxes[mb]
	if b == nil {
		b = &viewBox{}
		v.boxes[mb] = b
	}
	v.clock++
	b.used = v.clock
	b.users++
	return b
}

// drop lets go of a mailbox, and of the one that was not asked for the longest time if
// there are too many.
func (v *Views) drop(b *viewBox) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b.users--
	if len(v.boxes) <= maxViews {
		return
	}
	var oldest int64
	for mb, o := range v.boxes {
		if o.users == 0 && (oldest == 0 || o.used < v.boxes[oldest].used) {
			oldest = mb
		}
	}
	delete(v.boxes, oldest)
}

// next makes b's view the one of the snapshot that c reads.
func (v *Views) next(c *sqlite.Conn, mb int64, b *viewBox) error {
	n := &View{Mailbox: mb}
	var recent imap.UID
	var messages int
	err := c.QueryRow(`SELECT uidvalidity, uidnext, highestmodseq, vanished_floor, recent_from, messages
		FROM mailbox WHERE mb = ?`, mb).
		Scan(&n.UIDValidity, &n.UIDNext, &n.HighestModSeq, &n.VanishedFloor, &recent, &messages)
	if errors.Is(err, sqlite.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("idmap: view: %w", err)
	}
	old := b.view
	entries, oldRecent := b.entries, b.recent
	if old == nil || old.HighestModSeq < n.VanishedFloor {
		// What vanished since is not known any more: read everything.
		entries, oldRecent, err = nil, recent, nil
		entries, err = v.read(c, mb, recent, make([]Entry, 0, messages+messages/8),
			`SELECT `+rowColumns+` FROM uid WHERE mb = ? ORDER BY uid`, mb)
		if err != nil {
			return err
		}
	} else if n.HighestModSeq > old.HighestModSeq {
		entries, err = v.advance(c, mb, recent, old, entries)
		if err != nil {
			return err
		}
	}
	if recent > oldRecent {
		entries = clearRecent(entries, oldRecent, recent)
	}
	n.Entries = entries[:len(entries):len(entries)]
	b.view, b.entries, b.recent = n, entries, recent
	return nil
}

// advance returns entries with what happened after old.
func (v *Views) advance(c *sqlite.Conn, mb int64, recent imap.UID, old *View, entries []Entry) ([]Entry, error) {
	gone, err := vanishedSince(c, mb, old.HighestModSeq)
	if err != nil {
		return nil, err
	}
	changed, err := v.read(c, mb, recent, nil,
		`SELECT `+rowColumns+` FROM uid INDEXED BY uid_modseq WHERE mb = ? AND modseq > ?`, mb, old.HighestModSeq)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(changed, func(a, b Entry) int { return cmp.Compare(a.UID, b.UID) })
	first, _ := slices.BinarySearchFunc(changed, old.UIDNext, compareUID)
	fresh, changed := changed[first:], changed[:first]
	gone = slices.DeleteFunc(gone, func(r Range) bool { return r.First >= old.UIDNext })
	if len(changed) > 0 || len(gone) > 0 {
		entries = append(make([]Entry, 0, len(entries)+len(fresh)+len(entries)/8), entries...)
		for _, e := range changed {
			i, ok := slices.BinarySearchFunc(entries, e.UID, compareUID)
			if !ok {
				return nil, fmt.Errorf("idmap: view: uid %d of mailbox %d appeared below UIDNEXT", e.UID, mb)
			}
			entries[i] = e
		}
		entries = without(entries, gone)
	}
	return append(entries, fresh...), nil
}

func compareUID(e Entry, uid imap.UID) int { return cmp.Compare(e.UID, uid) }

// without removes the ranges from entries, in place.
func without(entries []Entry, gone []Range) []Entry {
	if len(gone) == 0 {
		return entries
	}
	slices.SortFunc(gone, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	start, _ := slices.BinarySearchFunc(entries, gone[0].First, compareUID)
	kept := entries[:start]
	for start < len(entries) {
		end := len(entries)
		if len(gone) > 0 {
			n, _ := slices.BinarySearchFunc(entries[start:], gone[0].First, compareUID)
			end = start + n
		}
		kept = append(kept, entries[start:end]...)
		if len(gone) == 0 {
			break
		}
		n, _ := slices.BinarySearchFunc(entries[end:], gone[0].Last+1, compareUID)
		start = end + n
		gone = gone[1:]
	}
	return kept
}

// clearRecent returns a copy of entries without \Recent on [from, to).
func clearRecent(entries []Entry, from, to imap.UID) []Entry {
	i, _ := slices.BinarySearchFunc(entries, from, compareUID)
	j, _ := slices.BinarySearchFunc(entries, to, compareUID)
	if !slices.ContainsFunc(entries[i:j], func(e Entry) bool { return e.Flags&Recent != 0 }) {
		return entries
	}
	entries = append(make([]Entry, 0, len(entries)+len(entries)/8), entries...)
	for k := i; k < j; k++ {
		entries[k].Flags &^= Recent
	}
	return entries
}

// read appends the entries of a query for rowColumns.
func (v *Views) read(c *sqlite.Conn, mb int64, recent imap.UID, entries []Entry, query string, args ...any) ([]Entry, error) {
	var kwset []byte
	var uid, eid, modseq, flags, size int64
	rows := c.Query(query, args...)
	for rows.Next() {
		if err := rows.Scan(&uid, &eid, &modseq, &flags, &kwset, &size); err != nil {
			break
		}
		e := Entry{UID: imap.UID(uid), Email: eid, ModSeq: uint64(modseq), Size: size, Flags: Flags(flags)}
		if e.UID >= recent {
			e.Flags |= Recent
		}
		if len(kwset) > 0 {
			v.wordsMu.Lock()
			list, err := v.words.list(c, kwset)
			v.wordsMu.Unlock()
			if err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			e.Keywords = list
		}
		entries = append(entries, e)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("idmap: view of mailbox %d: %w", mb, err)
	}
	return entries, nil
}
