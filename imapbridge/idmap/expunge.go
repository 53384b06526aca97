package idmap

import (
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// Expunge takes the messages with \Deleted out of the mailbox, only those among uids
// unless uids is nil, and returns them ascending. An Email is destroyed where that was
// its last place.
func (c *Change) Expunge(mb int64, uids []imap.UID) ([]imap.UID, error) {
	b, err := c.box(mb)
	if err != nil {
		return nil, err
	}
	if b.deleted == 0 {
		return nil, nil
	}
	var rows []row
	if uids == nil {
		rows, err = c.rows(mb, `SELECT `+rowColumns+` FROM uid INDEXED BY uid_deleted
			WHERE mb = ? AND (flags & 16) <> 0 ORDER BY uid`, mb)
	} else {
		rows, err = c.pick(mb, uids)
	}
	if err != nil {
		return nil, err
	}
	var gone []imap.UID
	for _, r := range rows {
		if r.flags&Deleted == 0 {
			continue
		}
		if err := c.leave(b, r); err != nil {
			return nil, err
		}
		gone = append(gone, r.uid)
	}
	return gone, nil
}

// Remove takes these UIDs out of the mailbox, \Deleted or not, as a change that comes
// from elsewhere than IMAP does. It returns those that were there, ascending.
func (c *Change) Remove(mb int64, uids []imap.UID) ([]imap.UID, error) {
	b, err := c.box(mb)
	if err != nil {
		return nil, err
	}
	rows, err := c.pick(mb, uids)
	if err != nil {
		return nil, err
	}
	var gone []imap.UID
	for _, r := range rows {
		if err := c.leave(b, r); err != nil {
			return nil, err
		}
		gone = append(gone, r.uid)
	}
	return gone, nil
}

// Vanished returns the ranges of UIDs that vanished after modseq, in the order of
// MODSEQ, then UID. ok is false if removals after modseq were already forgotten: the
// caller then compares what the client knows with what lives.
//
// Spec: RFC 7162, section 3.2.5.
func Vanished(c *sqlite.Conn, mb int64, modseq uint64) (ranges []Range, ok bool, err error) {
	var floor uint64
	err = c.QueryRow(`SELECT vanished_floor FROM mailbox WHERE mb = ?`, mb).Scan(&floor)
	if errors.Is(err, sqlite.ErrNoRows) {
		return nil, false, ErrNotFound
	}
	if err != nil {
		return nil, false, fmt.Errorf("idmap: vanished: %w", err)
	}
	if modseq < floor {
		return nil, false, nil
	}
	ranges, err = vanishedSince(c, mb, modseq)
	return ranges, true, err
}

func vanishedSince(c *sqlite.Conn, mb int64, modseq uint64) ([]Range, error) {
	var ranges []Range
	rows := c.Query(`SELECT lo, hi, modseq FROM vanished WHERE mb = ? AND modseq > ? ORDER BY modseq, lo`,
		mb, min(modseq, maxInt64))
	for rows.Next() {
		var r Range
		rows.Scan(&r.First, &r.Last, &r.ModSeq)
		ranges = append(ranges, r)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("idmap: vanished: %w", err)
	}
	return ranges, nil
}

const maxInt64 = 1<<63 - 1

// PurgeVanished forgets removals from before a time, at most limit ranges. The floor
// of each mailbox is moved first, over all that is to be forgotten, so that a client is
// never told too little; more says that ranges below a floor are left. touched are the
// mailboxes whose floor moved.
func PurgeVanished(tx *sqlite.Tx, before time.Time, limit int) (removed int, touched []int64, more bool, err error) {
	type floor struct {
		mb     int64
		modseq uint64
	}
	var floors []floor
	rows := tx.Query(`SELECT v.mb, max(v.modseq) FROM vanished AS v JOIN mailbox AS m ON m.mb = v.mb
		WHERE v.at < ? AND v.modseq > m.vanished_floor GROUP BY v.mb`, before.Unix())
	for rows.Next() {
		var f floor
		rows.Scan(&f.mb, &f.modseq)
		floors = append(floors, f)
	}
	if err := rows.Close(); err != nil {
		return 0, nil, false, fmt.Errorf("idmap: purge vanished: %w", err)
	}
	for _, f := range floors {
		if _, err := tx.Exec(`UPDATE mailbox SET vanished_floor = ? WHERE mb = ?`, f.modseq, f.mb); err != nil {
			return 0, nil, false, fmt.Errorf("idmap: purge vanished: %w", err)
		}
		touched = append(touched, f.mb)
	}
	n, err := tx.Exec(`DELETE FROM vanished WHERE (mb, modseq, lo) IN (
		SELECT v.mb, v.modseq, v.lo FROM mailbox AS m JOIN vanished AS v ON v.mb = m.mb AND v.modseq <= m.vanished_floor
		LIMIT ?)`, limit)
	if err != nil {
		return 0, nil, false, fmt.Errorf("idmap: purge vanished: %w", err)
	}
	return int(n), touched, int(n) >= limit, nil
}

// CountVanished returns how many ranges PurgeVanished would remove in all.
func CountVanished(c *sqlite.Conn, before time.Time) (n int64, err error) {
	err = c.QueryRow(`SELECT count(*) FROM vanished AS v JOIN mailbox AS m ON m.mb = v.mb WHERE v.modseq <= max(m.vanished_floor,
		coalesce((SELECT max(w.modseq) FROM vanished AS w WHERE w.mb = v.mb AND w.at < ?), 0))`, before.Unix()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("idmap: count vanished: %w", err)
	}
	return n, nil
}
