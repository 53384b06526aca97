package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// Entry is a message that waits in the queue.
type Entry struct {
	ID         int64       `json:"id"`
	Key        string      `json:"key,omitempty"`
	From       string      `json:"from"`
	Size       int64       `json:"size"` // octets
	Created    time.Time   `json:"created"`
	Expires    time.Time   `json:"expires"`
	Bounce     bool        `json:"bounce,omitempty"`
	Recipients []Recipient `json:"recipients"`
}

// Recipient is one recipient of an Entry.
type Recipient struct {
	Address  string    `json:"address"`
	State    string    `json:"state"` // queued, sent or failed
	Attempts int       `json:"attempts"`
	Due      time.Time `json:"due,omitzero"`
	Answer   string    `json:"answer,omitempty"` // the relay's last, or why there was none
}

// List returns the messages that wait, oldest first, from the one after the given id
// (0: the first), at most limit (0: all). Messages that were sent are not in it.
func (b *Outbox) List(ctx context.Context, after int64, limit int) ([]Entry, error) {
	if limit <= 0 {
		limit = 1 << 40
	}
	var all []Entry
	err := b.db.Read(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT id, ifnull(key, ''), sender, size, created, bounce FROM message
			WHERE id > ? AND raw IS NOT NULL ORDER BY id LIMIT ?`, after, limit)
		for rows.Next() {
			var e Entry
			var created int64
			if err := rows.Scan(&e.ID, &e.Key, &e.From, &e.Size, &created, &e.Bounce); err != nil {
				break
			}
			e.Created = time.UnixMilli(created)
			e.Expires = e.Created.Add(b.o.Lifetime)
			all = append(all, e)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		for i := range all {
			var err error
			if all[i].Recipients, err = recipients(c, all[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: list: %w", err)
	}
	return all, nil
}

func recipients(c *sqlite.Conn, id int64) ([]Recipient, error) {
	var all []Recipient
	rows := c.Query(`SELECT address, state, attempts, due, answer FROM recipient WHERE message = ? ORDER BY n`, id)
	for rows.Next() {
		var r Recipient
		var state int
		var due int64
		if err := rows.Scan(&r.Address, &state, &r.Attempts, &due, &r.Answer); err != nil {
			break
		}
		r.State = [...]string{"queued", "sent", "failed"}[state]
		if state == queued {
			r.Due = time.UnixMilli(due)
		}
		all = append(all, r)
	}
	return all, rows.Close()
}

// Queued returns how many recipients wait.
func (b *Outbox) Queued(ctx context.Context) (n int64, err error) {
	err = b.db.Read(ctx, func(c *sqlite.Conn) error {
		return c.QueryRow(`SELECT count(*) FROM recipient WHERE state = 0`).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: count: %w", err)
	}
	return n, nil
}

// Retry makes a message due now; id 0 is every message. It returns ErrNotFound if the
// message does not wait.
func (b *Outbox) Retry(ctx context.Context, id int64) error {
	err := b.db.Write(ctx, func(tx *sqlite.Tx) error {
		n, err := tx.Exec(`UPDATE recipient SET due = ? WHERE state = 0 AND (? = 0 OR message = ?)`, b.o.Now().UnixMilli(), id, id)
		if err == nil && n == 0 && id != 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: retry: %w", err)
	}
	b.poke()
	return nil
}

// Remove takes a message out of the queue without sending it and without a bounce. It
// returns ErrNotFound if the message does not wait.
func (b *Outbox) Remove(ctx context.Context, id int64) error {
	err := b.db.Write(ctx, func(tx *sqlite.Tx) error {
		n, err := tx.Exec(`UPDATE recipient SET state = 2, answer = 'removed by hand' WHERE state = 0 AND message = ?`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return forget(tx, id)
	})
	if err != nil {
		return fmt.Errorf("outbox: remove: %w", err)
	}
	return nil
}
