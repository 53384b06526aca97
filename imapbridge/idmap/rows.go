package idmap

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// row is a message's place in a mailbox.
type row struct {
	mb     int64
	uid    imap.UID
	eid    int64
	modseq uint64
	flags  Flags
	kwset  string
	size   int64
}

const rowColumns = `uid, eid, modseq, flags, kwset, size`

// rows reads all rows of a query for rowColumns.
func (c *Change) rows(mb int64, query string, args ...any) ([]row, error) {
	var out []row
	q := c.tx.Query(query, args...)
	for q.Next() {
		r := row{mb: mb}
		q.Scan(&r.uid, &r.eid, &r.modseq, &r.flags, &r.kwset, &r.size)
		out = append(out, r)
	}
	if err := q.Close(); err != nil {
		return nil, fmt.Errorf("idmap: read messages: %w", err)
	}
	return out, nil
}

// pick returns the rows of these UIDs, ascending; UIDs that are not there are left out.
func (c *Change) pick(mb int64, uids []imap.UID) ([]row, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(uids)))
	out := make([]row, 0, len(sorted))
	for _, u := range sorted {
		r := row{mb: mb}
		err := c.tx.QueryRow(`SELECT `+rowColumns+` FROM uid WHERE mb = ? AND uid = ?`, mb, uint32(u)).
			Scan(&r.uid, &r.eid, &r.modseq, &r.flags, &r.kwset, &r.size)
		if errors.Is(err, sqlite.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("idmap: read message: %w", err)
		}
		out = append(out, r)
	}
	return out, nil
}

// place gives an Email a new UID in a mailbox. r carries what the row shows; its uid
// and modseq are set here.
func (c *Change) place(b *box, r row) (imap.UID, error) {
	if b.uidnext > math.MaxUint32-1 {
		return 0, ErrFull
	}
	modseq, err := c.stamp(b)
	if err != nil {
		return 0, err
	}
	r.uid = imap.UID(b.uidnext)
	b.uidnext++
	_, err = c.tx.Exec(`INSERT INTO uid (mb, uid, eid, modseq, flags, kwset, size, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		b.mb, uint32(r.uid), r.eid, modseq, int64(r.flags), []byte(r.kwset), r.size, c.now.Unix())
	if err != nil {
		return 0, fmt.Errorf("idmap: place message: %w", err)
	}
	b.count(r, 1)
	return r.uid, nil
}

// unplace removes a row; the UID vanishes.
func (c *Change) unplace(b *box, r row) error {
	if _, err := c.stamp(b); err != nil {
		return err
	}
	if _, err := c.tx.Exec(`DELETE FROM uid WHERE mb = ? AND uid = ?`, b.mb, uint32(r.uid)); err != nil {
		return fmt.Errorf("idmap: remove message: %w", err)
	}
	b.count(r, -1)
	b.gone = append(b.gone, r.uid)
	return nil
}

// leave takes an Email out of a mailbox and destroys it where that was its last.
func (c *Change) leave(b *box, r row) error {
	if err := c.unplace(b, r); err != nil {
		return err
	}
	var more bool
	if err := c.tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM uid WHERE eid = ?)`, r.eid).Scan(&more); err != nil {
		return fmt.Errorf("idmap: remove message: %w", err)
	}
	if more {
		return c.touchEmail(r.eid)
	}
	return c.destroy(r.eid)
}

// touchEmail notes that an Email's mailboxes changed.
func (c *Change) touchEmail(eid int64) error {
	modseq, err := c.ModSeq()
	if err != nil {
		return err
	}
	var id string
	if err := c.tx.QueryRow(`UPDATE email SET modseq = ? WHERE eid = ? RETURNING id`, modseq, eid).Scan(&id); err != nil {
		return fmt.Errorf("idmap: stamp email: %w", err)
	}
	c.event(false, id, Updated)
	return nil
}

// destroy removes an Email that is in no mailbox, and marks its content dead if no
// other Email has it.
func (c *Change) destroy(eid int64) error {
	var id string
	var cid int64
	if err := c.tx.QueryRow(`SELECT id, cid FROM email WHERE eid = ?`, eid).Scan(&id, &cid); err != nil {
		return fmt.Errorf("idmap: destroy email: %w", err)
	}
	if _, err := c.tx.Exec(`DELETE FROM email WHERE eid = ?`, eid); err != nil {
		return fmt.Errorf("idmap: destroy email: %w", err)
	}
	_, err := c.tx.Exec(`UPDATE content SET dead = ? WHERE cid = ? AND NOT EXISTS (SELECT 1 FROM email WHERE cid = ?)`,
		max(c.now.Unix(), 1), cid, cid)
	if err != nil {
		return fmt.Errorf("idmap: destroy email: %w", err)
	}
	c.event(false, id, Destroyed)
	return nil
}
