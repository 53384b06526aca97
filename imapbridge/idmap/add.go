package idmap

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// Content is the octets of a blob as the tables know them.
type Content struct {
	BlobID        string
	Size          int64 // octets
	Envelope      []byte
	BodyStructure []byte
	Body          []byte
}

// NewEmail is an Email to be made.
type NewEmail struct {
	ID, ThreadID string
	Content      int64 // of FindContent or AddContent
	Received     time.Time
	Flags        Flags // Deleted is for its place; Recent is ignored
	Keywords     []string
}

// FindContent returns the row number and size of a blob; ok is false if the account
// has none of that id. A dead one is found too, until it is purged.
func FindContent(c *sqlite.Conn, blob string) (cid, size int64, ok bool, err error) {
	err = c.QueryRow(`SELECT cid, size FROM content WHERE blob = ?`, blob).Scan(&cid, &size)
	if errors.Is(err, sqlite.ErrNoRows) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("idmap: find content: %w", err)
	}
	return cid, size, true, nil
}

// AddContent makes the row of a blob that FindContent did not find.
func (c *Change) AddContent(n Content) (cid int64, err error) {
	_, err = c.tx.Exec(`INSERT INTO content (blob, size, dead, envelope, bodystructure, body) VALUES (?, ?, ?, ?, ?, ?)`,
		n.BlobID, n.Size, max(c.now.Unix(), 1), notNull(n.Envelope), notNull(n.BodyStructure), notNull(n.Body))
	if err != nil {
		return 0, fmt.Errorf("idmap: add content: %w", err)
	}
	return c.tx.LastInsertID(), nil
}

func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Add makes an Email and files it in a mailbox. It returns its UID there and its row
// number.
func (c *Change) Add(mb int64, e NewEmail) (imap.UID, int64, error) {
	b, err := c.box(mb)
	if err != nil {
		return 0, 0, err
	}
	var size int64
	if err := c.tx.QueryRow(`SELECT size FROM content WHERE cid = ?`, e.Content).Scan(&size); err != nil {
		return 0, 0, fmt.Errorf("idmap: add email: content %d: %w", e.Content, err)
	}
	system, keywords := SplitKeywords(e.Keywords)
	kwset, err := c.kwset(keywords)
	if err != nil {
		return 0, 0, err
	}
	flags := (e.Flags | system) &^ Recent
	_, zone := e.Received.Zone()
	eid, err := c.insertEmail(e.ID, e.ThreadID, e.Content, e.Received.Unix(), int64(zone), flags&^Deleted, kwset)
	if err != nil {
		return 0, 0, err
	}
	if _, err := c.tx.Exec(`UPDATE content SET dead = 0 WHERE cid = ? AND dead <> 0`, e.Content); err != nil {
		return 0, 0, fmt.Errorf("idmap: add email: %w", err)
	}
	uid, err := c.place(b, row{eid: eid, flags: flags, kwset: kwset, size: size})
	return uid, eid, err
}

func (c *Change) insertEmail(id, thread string, cid, received, zone int64, flags Flags, kwset string) (int64, error) {
	modseq, err := c.ModSeq()
	if err != nil {
		return 0, err
	}
	_, err = c.tx.Exec(`INSERT INTO email (id, thread, cid, received, zone, flags, kwset, modseq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		id, thread, cid, received, zone, int64(flags), []byte(kwset), modseq)
	if err != nil {
		return 0, fmt.Errorf("idmap: add email: %w", err)
	}
	c.event(false, id, Created)
	return c.tx.LastInsertID(), nil
}

// Place files an Email that is there in one more mailbox, or once more in one that it
// is in already, as a server does that has one Email for equal octets. It returns
// ErrNotFound also if there is no such Email.
func (c *Change) Place(mb, eid int64) (imap.UID, error) {
	b, err := c.box(mb)
	if err != nil {
		return 0, err
	}
	r := row{eid: eid}
	err = c.tx.QueryRow(`SELECT e.flags, e.kwset, c.size FROM email AS e JOIN content AS c ON c.cid = e.cid WHERE e.eid = ?`, eid).
		Scan(&r.flags, &r.kwset, &r.size)
	if errors.Is(err, sqlite.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("idmap: place email: %w", err)
	}
	uid, err := c.place(b, r)
	if err != nil {
		return 0, err
	}
	return uid, c.touchEmail(eid)
}

// Copy makes an Email of its own for each of these UIDs, on the same content, with the
// same flags, keywords and date, in the order of the UIDs. UIDs that are not there are
// left out. newID gives the ids of the new Emails.
func (c *Change) Copy(from int64, uids []imap.UID, to int64, newID func() string) (src, dst []imap.UID, err error) {
	if _, err := c.box(from); err != nil {
		return nil, nil, err
	}
	b, err := c.box(to)
	if err != nil {
		return nil, nil, err
	}
	rows, err := c.pick(from, uids)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		var thread string
		var cid, received, zone int64
		err := c.tx.QueryRow(`SELECT thread, cid, received, zone FROM email WHERE eid = ?`, r.eid).
			Scan(&thread, &cid, &received, &zone)
		if err != nil {
			return nil, nil, fmt.Errorf("idmap: copy: %w", err)
		}
		eid, err := c.insertEmail(newID(), thread, cid, received, zone, r.flags&^Deleted, r.kwset)
		if err != nil {
			return nil, nil, err
		}
		uid, err := c.place(b, row{eid: eid, flags: r.flags, kwset: r.kwset, size: r.size})
		if err != nil {
			return nil, nil, err
		}
		src, dst = append(src, r.uid), append(dst, uid)
	}
	return src, dst, nil
}

// Move takes these UIDs out of one mailbox and files the same Emails in another (or
// the same), in the order of the UIDs. UIDs that are not there are left out; nil is all.
func (c *Change) Move(from int64, uids []imap.UID, to int64) (src, dst []imap.UID, err error) {
	a, err := c.box(from)
	if err != nil {
		return nil, nil, err
	}
	b, err := c.box(to)
	if err != nil {
		return nil, nil, err
	}
	var rows []row
	if uids == nil {
		rows, err = c.rows(from, `SELECT `+rowColumns+` FROM uid WHERE mb = ? ORDER BY uid`, from)
	} else {
		rows, err = c.pick(from, uids)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		if err := c.unplace(a, r); err != nil {
			return nil, nil, err
		}
		uid, err := c.place(b, r)
		if err != nil {
			return nil, nil, err
		}
		if err := c.touchEmail(r.eid); err != nil {
			return nil, nil, err
		}
		src, dst = append(src, r.uid), append(dst, uid)
	}
	return src, slices.Clip(dst), nil
}
