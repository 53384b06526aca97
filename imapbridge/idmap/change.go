package idmap

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/sqlite"
)

// Change is one write transaction on an account. It takes at most one MODSEQ, when
// the first row needs it, and stamps every row that it touches with it. Counters are
// kept aside and written once by Finish, which must be called last.
//
// A Change belongs to the fn of the *sqlite.Tx that it was made for.
type Change struct {
	tx     *sqlite.Tx
	now    time.Time
	modseq uint64
	boxes  map[int64]*box
	order  []*box // boxes in the order of first use
	events map[eventKey]int
	result Result
}

// Result says what a Change did.
type Result struct {
	ModSeq    uint64  // 0: nothing was changed that a client can see
	Touched   []int64 // mailboxes whose View is a new one
	Emails    []Event
	Mailboxes []Event
}

// Event is what happened to an Email or mailbox in one Change.
type Event struct {
	ID string
	Op Op
}

// Op says how an object changed.
type Op uint8

// The ways an object changes. Within one Change a creation outweighs an update, and
// a destruction outweighs both.
const (
	Created Op = iota + 1
	Updated
	Destroyed
)

type eventKey struct {
	mailbox bool
	id      string
}

// NewChange begins a change at the moment now.
func NewChange(tx *sqlite.Tx, now time.Time) *Change {
	return &Change{tx: tx, now: now, boxes: make(map[int64]*box), events: make(map[eventKey]int)}
}

// ModSeq takes the account's next MODSEQ, or returns the one already taken.
func (c *Change) ModSeq() (uint64, error) {
	if c.modseq != 0 {
		return c.modseq, nil
	}
	if _, err := c.tx.Exec(`UPDATE account SET modseq = modseq + 1 WHERE id = 1`); err != nil {
		return 0, fmt.Errorf("idmap: take modseq: %w", err)
	}
	n, err := ModSeq(c.tx.Conn)
	c.modseq = n
	return n, err
}

// ModSeq returns the account's last MODSEQ.
func ModSeq(c *sqlite.Conn) (uint64, error) {
	var n uint64
	if err := c.QueryRow(`SELECT modseq FROM account WHERE id = 1`).Scan(&n); err != nil {
		return 0, fmt.Errorf("idmap: modseq: %w", err)
	}
	return n, nil
}

// SetStates stores the cursors of an upstream server, to be moved by the Change that
// applies what lies before them.
func (c *Change) SetStates(email, mailbox string) error {
	_, err := c.tx.Exec(`UPDATE account SET email_state = ?, mailbox_state = ? WHERE id = 1`, email, mailbox)
	return err
}

// States returns the cursors of an upstream server.
func States(c *sqlite.Conn) (email, mailbox string, err error) {
	err = c.QueryRow(`SELECT email_state, mailbox_state FROM account WHERE id = 1`).Scan(&email, &mailbox)
	return email, mailbox, err
}

// event notes what happened to an object.
func (c *Change) event(mailbox bool, id string, op Op) {
	list := &c.result.Emails
	if mailbox {
		list = &c.result.Mailboxes
	}
	k := eventKey{mailbox, id}
	if i, ok := c.events[k]; ok {
		if old := (*list)[i].Op; op == Destroyed || old == Updated {
			(*list)[i].Op = op
		}
		return
	}
	c.events[k] = len(*list)
	*list = append(*list, Event{id, op})
}

// MailboxUpdated notes a change of a mailbox that no row of this package shows, such
// as its subscription.
func (c *Change) MailboxUpdated(id string) error {
	c.event(true, id, Updated)
	_, err := c.ModSeq()
	return err
}

// Finish writes the mailbox rows and the vanished ranges. The Change is of no use
// after it.
func (c *Change) Finish() (Result, error) {
	for _, b := range c.order {
		if err := c.flush(b); err != nil {
			return Result{}, fmt.Errorf("idmap: write mailbox %d: %w", b.mb, err)
		}
	}
	c.result.ModSeq = c.modseq
	return c.result, nil
}

func (c *Change) flush(b *box) error {
	if !b.dirty && len(b.gone) == 0 {
		return nil
	}
	c.result.Touched = append(c.result.Touched, b.mb)
	if b.removed {
		return nil
	}
	for _, r := range runs(b.gone) {
		_, err := c.tx.Exec(`INSERT INTO vanished (mb, modseq, lo, hi, at) VALUES (?, ?, ?, ?, ?)`,
			b.mb, c.modseq, uint32(r.First), uint32(r.Last), c.now.Unix())
		if err != nil {
			return err
		}
	}
	_, err := c.tx.Exec(`UPDATE mailbox SET uidnext = ?, highestmodseq = ?, recent_from = ?,
		messages = ?, unseen = ?, deleted = ?, recent = ?, octets = ? WHERE mb = ?`,
		b.uidnext, b.highest, b.recentFrom, b.messages, b.unseen, b.deleted, b.recent, b.octets, b.mb)
	return err
}

// runs sorts uids and returns them as ranges without gaps.
func runs(uids []imap.UID) []Range {
	slices.Sort(uids)
	var out []Range
	for _, u := range uids {
		if n := len(out); n > 0 && u <= out[n-1].Last+1 {
			out[n-1].Last = u
			continue
		}
		out = append(out, Range{First: u, Last: u})
	}
	return out
}

// box is a mailbox row while a Change is at work on it.
type box struct {
	mb               int64
	id, path, role   string
	uidvalidity      uint32
	uidnext          int64
	highest, floor   uint64
	recentFrom       int64
	messages, unseen int64
	deleted, recent  int64
	octets           int64
	dirty, removed   bool
	gone             []imap.UID
}

const boxColumns = `mb, id, path, role, uidvalidity, uidnext, highestmodseq, vanished_floor, recent_from,
	messages, unseen, deleted, recent, octets`

// box returns the mailbox row, or ErrNotFound.
func (c *Change) box(mb int64) (*box, error) {
	if b := c.boxes[mb]; b != nil {
		if b.removed {
			return nil, ErrNotFound
		}
		return b, nil
	}
	var b box
	err := c.tx.QueryRow(`SELECT `+boxColumns+` FROM mailbox WHERE mb = ?`, mb).Scan(&b.mb, &b.id, &b.path, &b.role,
		&b.uidvalidity, &b.uidnext, &b.highest, &b.floor, &b.recentFrom,
		&b.messages, &b.unseen, &b.deleted, &b.recent, &b.octets)
	if errors.Is(err, sqlite.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("idmap: read mailbox %d: %w", mb, err)
	}
	c.boxes[mb] = &b
	c.order = append(c.order, &b)
	return &b, nil
}

// stamp marks the mailbox as changed by this Change.
func (c *Change) stamp(b *box) (uint64, error) {
	n, err := c.ModSeq()
	if err != nil {
		return 0, err
	}
	b.highest = n
	b.dirty = true
	c.event(true, b.id, Updated)
	return n, nil
}

// count adds (sign 1) or takes away (sign -1) a row in the mailbox's counters.
func (b *box) count(r row, sign int64) {
	b.messages += sign
	b.octets += sign * r.size
	if r.flags&Seen == 0 {
		b.unseen += sign
	}
	if r.flags&Deleted != 0 {
		b.deleted += sign
	}
	if int64(r.uid) >= b.recentFrom {
		b.recent += sign
	}
}

// Taken returns the MODSEQ that this Change took, 0 if it took none yet.
func (c *Change) Taken() uint64 { return c.modseq }
