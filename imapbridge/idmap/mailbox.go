package idmap

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// Listing is a mailbox with its counters.
type Listing struct {
	Mailbox
	Status
}

// List returns all mailboxes with their counters: INBOX first, then by path with
// children behind their parent.
func List(c *sqlite.Conn) ([]Listing, error) {
	var out []Listing
	rows := c.Query(`SELECT mb, id, m.path, role, s.path IS NOT NULL, messages, unseen, deleted, recent, octets,
		uidvalidity, uidnext, highestmodseq
		FROM mailbox AS m LEFT JOIN subscription AS s ON s.path = m.path`)
	for rows.Next() {
		var l Listing
		rows.Scan(&l.Number, &l.Mailbox.ID, &l.Path, &l.Role, &l.Subscribed, &l.Messages, &l.Unseen, &l.Deleted, &l.Recent,
			&l.Octets, &l.UIDValidity, &l.UIDNext, &l.HighestModSeq)
		out = append(out, l)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("idmap: list mailboxes: %w", err)
	}
	slices.SortFunc(out, func(a, b Listing) int { return comparePaths(a.Path, b.Path) })
	return out, nil
}

// comparePaths orders paths level by level, INBOX before all others.
func comparePaths(a, b string) int {
	la, lb := strings.Split(a, "/"), strings.Split(b, "/")
	if ia, ib := la[0] == "INBOX", lb[0] == "INBOX"; ia != ib {
		if ia {
			return -1
		}
		return 1
	}
	return cmp.Or(slices.Compare(la, lb), strings.Compare(a, b))
}

// Find returns the mailbox with exactly this path, or ErrNotFound.
func Find(c *sqlite.Conn, path string) (Mailbox, error) {
	return find(c, `SELECT mb, id, path, role, EXISTS (SELECT 1 FROM subscription AS s WHERE s.path = m.path)
		FROM mailbox AS m WHERE m.path = ?`, path)
}

// FindID returns the mailbox with this id, or ErrNotFound.
func FindID(c *sqlite.Conn, id string) (Mailbox, error) {
	return find(c, `SELECT mb, id, path, role, EXISTS (SELECT 1 FROM subscription AS s WHERE s.path = m.path)
		FROM mailbox AS m WHERE m.id = ?`, id)
}

func find(c *sqlite.Conn, query, arg string) (Mailbox, error) {
	var m Mailbox
	err := c.QueryRow(query, arg).Scan(&m.Number, &m.ID, &m.Path, &m.Role, &m.Subscribed)
	if errors.Is(err, sqlite.ErrNoRows) {
		return Mailbox{}, ErrNotFound
	}
	if err != nil {
		return Mailbox{}, fmt.Errorf("idmap: find mailbox: %w", err)
	}
	return m, nil
}

// ReadStatus reads a mailbox's counters from its row.
func ReadStatus(c *sqlite.Conn, mb int64) (Status, error) {
	var s Status
	err := c.QueryRow(`SELECT messages, unseen, deleted, recent, octets, uidvalidity, uidnext, highestmodseq
		FROM mailbox WHERE mb = ?`, mb).Scan(&s.Messages, &s.Unseen, &s.Deleted, &s.Recent, &s.Octets,
		&s.UIDValidity, &s.UIDNext, &s.HighestModSeq)
	if errors.Is(err, sqlite.ErrNoRows) {
		return Status{}, ErrNotFound
	}
	if err != nil {
		return Status{}, fmt.Errorf("idmap: status: %w", err)
	}
	return s, nil
}

// CreateMailbox makes an empty mailbox. Its UIDVALIDITY is above every one that this
// account has given, and not below the time, so that a file that was lost and made
// anew gives higher ones too. It returns ErrExists if the path or the role is taken.
func (c *Change) CreateMailbox(id, path, role string) (Mailbox, error) {
	if _, err := Find(c.tx.Conn, path); err == nil {
		return Mailbox{}, ErrExists
	} else if !errors.Is(err, ErrNotFound) {
		return Mailbox{}, err
	}
	if role != "" {
		var n int
		if err := c.tx.QueryRow(`SELECT count(*) FROM mailbox WHERE role = ?`, role).Scan(&n); err != nil {
			return Mailbox{}, fmt.Errorf("idmap: create mailbox: %w", err)
		}
		if n > 0 {
			return Mailbox{}, fmt.Errorf("%w: role %s is taken", ErrExists, role)
		}
	}
	modseq, err := c.ModSeq()
	if err != nil {
		return Mailbox{}, err
	}
	var last int64
	if err := c.tx.QueryRow(`SELECT uidvalidity FROM account WHERE id = 1`).Scan(&last); err != nil {
		return Mailbox{}, fmt.Errorf("idmap: create mailbox: %w", err)
	}
	next := max(last+1, min(c.now.Unix(), math.MaxUint32))
	if next > math.MaxUint32 {
		return Mailbox{}, errors.New("idmap: create mailbox: no UIDVALIDITY left")
	}
	if _, err := c.tx.Exec(`UPDATE account SET uidvalidity = ? WHERE id = 1`, next); err != nil {
		return Mailbox{}, fmt.Errorf("idmap: create mailbox: %w", err)
	}
	_, err = c.tx.Exec(`INSERT INTO mailbox (id, path, role, uidvalidity, uidnext, createdmodseq, highestmodseq)
		VALUES (?, ?, ?, ?, 1, ?, ?)`, id, path, role, next, modseq, modseq)
	if err != nil {
		return Mailbox{}, fmt.Errorf("idmap: create mailbox: %w", err)
	}
	m := Mailbox{Number: c.tx.LastInsertID(), ID: id, Path: path, Role: role}
	c.event(true, id, Created)
	return m, nil
}

// SetPath gives a mailbox, and only it, another path. UIDs and UIDVALIDITY stay.
func (c *Change) SetPath(mb int64, path string) error {
	b, err := c.box(mb)
	if err != nil {
		return err
	}
	if _, err := c.ModSeq(); err != nil {
		return err
	}
	if _, err := c.tx.Exec(`UPDATE mailbox SET path = ? WHERE mb = ?`, path, mb); err != nil {
		return fmt.Errorf("idmap: rename mailbox: %w", err)
	}
	b.path = path
	c.event(true, b.id, Updated)
	return nil
}

// RemoveMailbox takes all messages out of a mailbox and removes it, with what is known
// of its vanished UIDs: its UIDVALIDITY is never given again.
func (c *Change) RemoveMailbox(mb int64) error {
	b, err := c.box(mb)
	if err != nil {
		return err
	}
	if _, err := c.ModSeq(); err != nil {
		return err
	}
	rows, err := c.rows(mb, `SELECT `+rowColumns+` FROM uid WHERE mb = ? ORDER BY uid`, mb)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.leave(b, r); err != nil {
			return err
		}
	}
	for _, q := range []string{`DELETE FROM vanished WHERE mb = ?`, `DELETE FROM mailbox WHERE mb = ?`} {
		if _, err := c.tx.Exec(q, mb); err != nil {
			return fmt.Errorf("idmap: remove mailbox: %w", err)
		}
	}
	b.removed, b.dirty, b.gone = true, true, nil
	c.event(true, b.id, Destroyed)
	return nil
}

// SetSubscribed subscribes a path or ends its subscription, and says whether that
// changed anything. A path needs no mailbox.
func SetSubscribed(tx *sqlite.Tx, path string, subscribed bool) (changed bool, err error) {
	q := `DELETE FROM subscription WHERE path = ?`
	if subscribed {
		q = `INSERT OR IGNORE INTO subscription (path) VALUES (?)`
	}
	n, err := tx.Exec(q, path)
	if err != nil {
		return false, fmt.Errorf("idmap: subscribe: %w", err)
	}
	return n > 0, nil
}

// Subscriptions returns the subscribed paths in the order of List.
func Subscriptions(c *sqlite.Conn) ([]string, error) {
	var out []string
	rows := c.Query(`SELECT path FROM subscription`)
	for rows.Next() {
		var p string
		rows.Scan(&p)
		out = append(out, p)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("idmap: subscriptions: %w", err)
	}
	slices.SortFunc(out, comparePaths)
	return out, nil
}

// TakeRecent returns the UIDs that were not told as \Recent yet and marks them told. It
// takes no MODSEQ: \Recent is no flag that clients synchronise (RFC 7162, section 3.1).
func (c *Change) TakeRecent(mb int64) (imap.UIDSet, error) {
	b, err := c.box(mb)
	if err != nil {
		return nil, err
	}
	rows, err := c.rows(mb, `SELECT `+rowColumns+` FROM uid WHERE mb = ? AND uid >= ? ORDER BY uid`, mb, b.recentFrom)
	if err != nil {
		return nil, err
	}
	var set imap.UIDSet
	for _, r := range rows {
		set.AddNum(r.uid)
	}
	b.recentFrom, b.recent, b.dirty = b.uidnext, 0, true
	return set, nil
}
