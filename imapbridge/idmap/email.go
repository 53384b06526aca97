package idmap

import (
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// Emails reads what FETCH needs of these Emails, in their order; one that is gone has
// Row 0.
func Emails(c *sqlite.Conn, rows []int64) ([]Email, error) {
	out := make([]Email, len(rows))
	for i, eid := range rows {
		var e Email
		var received, zone int64
		err := c.QueryRow(`SELECT e.id, e.thread, c.blob, c.size, e.received, e.zone, c.envelope, c.bodystructure, c.body
			FROM email AS e JOIN content AS c ON c.cid = e.cid WHERE e.eid = ?`, eid).
			Scan(&e.ID, &e.ThreadID, &e.BlobID, &e.Size, &received, &zone, &e.Envelope, &e.BodyStructure, &e.Body)
		if errors.Is(err, sqlite.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("idmap: read email %d: %w", eid, err)
		}
		e.Row, e.Received = eid, inZone(received, zone)
		out[i] = e
	}
	return out, nil
}

// inZone makes a time from its stored form.
func inZone(seconds, zone int64) time.Time {
	t := time.Unix(seconds, 0)
	if zone == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", int(zone)))
}

// Card is an Email as JMAP shows it.
type Card struct {
	Row                  int64
	ID, ThreadID, BlobID string
	Mailboxes            []string // ids, ascending, without repeats
	Keywords             []string // JMAP's form
	Size                 int64
	Received             time.Time
}

// FindEmail reads one Email by its id; ok is false if there is none.
func FindEmail(c *sqlite.Conn, id string) (card Card, ok bool, err error) {
	var received, zone int64
	var flags Flags
	var kwset []byte
	err = c.QueryRow(`SELECT e.eid, e.id, e.thread, c.blob, c.size, e.received, e.zone, e.flags, e.kwset
		FROM email AS e JOIN content AS c ON c.cid = e.cid WHERE e.id = ?`, id).
		Scan(&card.Row, &card.ID, &card.ThreadID, &card.BlobID, &card.Size, &received, &zone, &flags, &kwset)
	if errors.Is(err, sqlite.ErrNoRows) {
		return Card{}, false, nil
	}
	if err != nil {
		return Card{}, false, fmt.Errorf("idmap: find email: %w", err)
	}
	var w words
	names, err := w.list(c, kwset)
	if err != nil {
		return Card{}, false, err
	}
	card.Keywords, card.Received = JoinKeywords(flags, names), inZone(received, zone)
	rows := c.Query(`SELECT DISTINCT m.id FROM uid AS u INDEXED BY uid_email JOIN mailbox AS m ON m.mb = u.mb
		WHERE u.eid = ? ORDER BY m.id`, card.Row)
	for rows.Next() {
		var mb string
		rows.Scan(&mb)
		card.Mailboxes = append(card.Mailboxes, mb)
	}
	if err := rows.Close(); err != nil {
		return Card{}, false, fmt.Errorf("idmap: find email: %w", err)
	}
	return card, true, nil
}

// PlacesOf returns the numbers of the mailboxes an Email is in.
func PlacesOf(c *sqlite.Conn, eid int64) ([]int64, error) {
	var out []int64
	rows := c.Query(`SELECT DISTINCT mb FROM uid INDEXED BY uid_email WHERE eid = ? ORDER BY mb`, eid)
	for rows.Next() {
		var mb int64
		rows.Scan(&mb)
		out = append(out, mb)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("idmap: places of an email: %w", err)
	}
	return out, nil
}
