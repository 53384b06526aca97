package idmap

import (
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// Store changes flags and keywords of these UIDs; those that are not there are left
// out. System flags and keywords are the Email's: all its places get the MODSEQ.
// \Deleted belongs to the one place. What changes nothing takes no MODSEQ.
//
// A conditional change leaves messages alone whose MODSEQ is above UnchangedSince, and
// returns them in modified, ascending.
//
// Spec: RFC 9051, section 6.4.6; RFC 7162, section 3.1.3.
func (c *Change) Store(mb int64, uids []imap.UID, f FlagChange) (modified []imap.UID, err error) {
	b, err := c.box(mb)
	if err != nil {
		return nil, err
	}
	rows, err := c.pick(mb, uids)
	if err != nil {
		return nil, err
	}
	system, names := SplitKeywords(f.Keywords)
	f.Flags = (f.Flags | system) &^ Recent
	ids, err := c.keywordIDs(names, f.Op == FlagsRemove)
	if err != nil {
		return nil, err
	}
	seen := make(map[int64]bool, len(rows))
	for _, r := range rows {
		// rows were read before the first change, so a second place of an Email in this
		// mailbox is not refused for what this Store did to the first.
		if f.Conditional && r.modseq > f.UnchangedSince {
			modified = append(modified, r.uid)
			continue
		}
		// It may be a second place, changed by this Store already.
		if seen[r.eid] {
			again, err := c.pick(mb, []imap.UID{r.uid})
			if err != nil {
				return nil, err
			}
			r = again[0]
		}
		seen[r.eid] = true
		if err := c.setFlags(b, r, f, ids); err != nil {
			return nil, err
		}
	}
	return modified, nil
}

// keywordIDs returns the numbers of keywords, ascending. Those to be removed need not
// be known and are not made.
func (c *Change) keywordIDs(names []string, remove bool) ([]uint64, error) {
	var ids []uint64
	for _, name := range names {
		var id uint64
		var err error
		if remove {
			id, err = findKeyword(c.tx.Conn, name)
		} else {
			id, err = c.keyword(name)
		}
		if err != nil {
			return nil, err
		}
		if id != 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (c *Change) setFlags(b *box, r row, f FlagChange, ids []uint64) error {
	flags := r.flags
	have := unpack([]byte(r.kwset))
	switch f.Op {
	case FlagsReplace:
		flags, have = f.Flags, ids
	case FlagsAdd:
		flags, have = flags|f.Flags, append(have, ids...)
	case FlagsRemove:
		flags = flags &^ f.Flags
		have = slices.DeleteFunc(have, func(id uint64) bool { return slices.Contains(ids, id) })
	}
	kwset, err := pack(slices.Clone(have))
	if err != nil {
		return err
	}
	if flags == r.flags && kwset == r.kwset {
		return nil
	}
	if flags&^Deleted == r.flags&^Deleted && kwset == r.kwset {
		return c.restamp(b, r, flags, kwset)
	}
	return c.setEmailFlags(b, r, flags, kwset)
}

// restamp writes new flags to one row and keeps its mailbox's counters right.
func (c *Change) restamp(b *box, r row, flags Flags, kwset string) error {
	modseq, err := c.stamp(b)
	if err != nil {
		return err
	}
	_, err = c.tx.Exec(`UPDATE uid SET flags = ?, kwset = ?, modseq = ? WHERE mb = ? AND uid = ?`,
		int64(flags), []byte(kwset), modseq, b.mb, uint32(r.uid))
	if err != nil {
		return fmt.Errorf("idmap: store flags: %w", err)
	}
	b.count(r, -1)
	r.flags = flags
	b.count(r, 1)
	return nil
}

// setEmailFlags writes new flags to an Email and all its places.
func (c *Change) setEmailFlags(b *box, r row, flags Flags, kwset string) error {
	if err := c.restamp(b, r, flags, kwset); err != nil {
		return err
	}
	var id string
	err := c.tx.QueryRow(`UPDATE email SET flags = ?, kwset = ?, modseq = ? WHERE eid = ? RETURNING id`,
		int64(flags&^Deleted), []byte(kwset), c.modseq, r.eid).Scan(&id)
	if err != nil {
		return fmt.Errorf("idmap: store flags: %w", err)
	}
	c.event(false, id, Updated)
	var others []row
	q := c.tx.Query(`SELECT mb, `+rowColumns+` FROM uid INDEXED BY uid_email WHERE eid = ?`, r.eid)
	for q.Next() {
		var o row
		q.Scan(&o.mb, &o.uid, &o.eid, &o.modseq, &o.flags, &o.kwset, &o.size)
		if o.mb != b.mb || o.uid != r.uid {
			others = append(others, o)
		}
	}
	if err := q.Close(); err != nil {
		return fmt.Errorf("idmap: store flags: %w", err)
	}
	for _, o := range others {
		ob, err := c.box(o.mb)
		if err != nil {
			return err
		}
		if err := c.restamp(ob, o, flags&^Deleted|o.flags&Deleted, kwset); err != nil {
			return err
		}
	}
	return nil
}
