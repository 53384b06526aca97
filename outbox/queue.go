package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/sqlite"
)

// schema: times are Unix milliseconds. raw is NULL once nothing is left to send; the row
// then only remembers its key.
var schema = []string{`
CREATE TABLE message (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	key     TEXT UNIQUE,
	sender  TEXT NOT NULL,
	raw     BLOB,
	size    INTEGER NOT NULL,
	created INTEGER NOT NULL,
	bounce  INTEGER NOT NULL
);
CREATE INDEX message_done ON message (created) WHERE raw IS NULL;
CREATE TABLE recipient (
	message  INTEGER NOT NULL,
	n        INTEGER NOT NULL,
	address  TEXT NOT NULL,
	state    INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	due      INTEGER NOT NULL,
	answer   TEXT NOT NULL,
	PRIMARY KEY (message, n)
) WITHOUT ROWID;
CREATE INDEX recipient_due ON recipient (due) WHERE state = 0;
`, `
ALTER TABLE message ADD COLUMN params TEXT NOT NULL DEFAULT '';
`}

// The states of a recipient.
const (
	queued = iota
	sent
	failed
)

// Enqueue takes the message; it is on disk when Enqueue returns nil. A message whose key
// was taken before is not taken again, which is no error.
//
// It returns ErrNoRelay, ErrLoop (over MaxReceived Received lines), ErrAddress, or an
// error of the disk.
func (b *Outbox) Enqueue(ctx context.Context, m Message) error {
	if !b.HasRelay() {
		return fmt.Errorf("outbox: enqueue: %w", ErrNoRelay)
	}
	return b.put(ctx, m, false)
}

func (b *Outbox) put(ctx context.Context, m Message, bounce bool) error {
	if err := check(m); err != nil {
		return fmt.Errorf("outbox: enqueue: %w", err)
	}
	var taken bool
	err := b.db.Write(ctx, func(tx *sqlite.Tx) (err error) {
		taken, err = insert(tx, m, bounce, b.o.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: enqueue: %w", err)
	}
	if taken {
		b.enqueued.Add(1)
		b.poke()
	}
	return nil
}

func check(m Message) error {
	if len(m.To) == 0 || len(m.To) > MaxRecipients {
		return fmt.Errorf("%w: %d recipients, 1 to %d are taken", ErrAddress, len(m.To), MaxRecipients)
	}
	for _, to := range m.To {
		if err := checkAddress(to); err != nil {
			return err
		}
	}
	if m.From != "" {
		if err := checkAddress(m.From); err != nil {
			return err
		}
	}
	if n := len(mail.New(m.Raw).Header().Values("Received")); n > MaxReceived {
		return fmt.Errorf("%w: %d Received lines", ErrLoop, n)
	}
	return nil
}

// checkAddress lets through what can stand between < and > of an SMTP command without
// becoming something else. A name without a domain is the relay's to judge.
func checkAddress(a string) error {
	if _, err := mail.ParseAddress(a); err == nil && len(a) <= 320 && !strings.ContainsAny(a, "\r\n\x00") {
		return nil
	}
	if a == "" || len(a) > 320 || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>()[]\,;:"`, r) }) {
		return fmt.Errorf("%w: %.100q", ErrAddress, a)
	}
	return nil
}

func insert(tx *sqlite.Tx, m Message, bounce bool, now time.Time) (bool, error) {
	var key any
	if m.Key != "" {
		key = m.Key
	}
	raw := m.Raw
	if raw == nil {
		raw = []byte{} // NULL says that it was sent
	}
	params := ""
	if len(m.Params) > 0 {
		b, err := json.Marshal(m.Params)
		if err != nil {
			return false, err
		}
		params = string(b)
	}
	n, err := tx.Exec(`INSERT INTO message (key, sender, raw, size, created, bounce, params) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
		key, m.From, raw, len(raw), now.UnixMilli(), bounce, params)
	if err != nil || n == 0 {
		return false, err
	}
	id := tx.LastInsertID()
	for i, to := range m.To {
		_, err := tx.Exec(`INSERT INTO recipient (message, n, address, state, attempts, due, answer) VALUES (?, ?, ?, 0, 0, ?, '')`,
			id, i, to, now.UnixMilli())
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// item is a claimed message: the recipients that are due.
type item struct {
	id      int64
	from    string
	created time.Time
	bounce  bool
	params  string
	raw     []byte // loaded by the worker
	to      []target
}

type target struct {
	n        int
	address  string
	attempts int // this one included
	result   result
}

// claim takes up to limit due messages and commits that they are being tried: their next
// attempt is moved to where it would be if this one never ended. It also returns when
// the next message is due; zero: none.
func (b *Outbox) claim(ctx context.Context, limit int) (items []*item, next time.Time, err error) {
	now := b.o.Now()
	err = b.db.Write(ctx, func(tx *sqlite.Tx) error {
		items, next = nil, time.Time{}
		// What is due later than any wait reaches was written by a clock that was set back.
		_, err := tx.Exec(`UPDATE recipient SET due = ? WHERE state = 0 AND due > ?`, now.UnixMilli(), now.Add(2*slices.Max(b.o.Retry)).UnixMilli())
		if err != nil {
			return err
		}
		rows := tx.Query(`SELECT r.message, r.n, r.address, r.attempts, r.due, m.sender, m.created, m.bounce, m.params
			FROM recipient r JOIN message m ON m.id = r.message WHERE r.state = 0 ORDER BY r.due, r.message, r.n`)
		byID := map[int64]*item{}
		for rows.Next() {
			var it item
			var t target
			var due, created int64
			if err := rows.Scan(&it.id, &t.n, &t.address, &t.attempts, &due, &it.from, &created, &it.bounce, &it.params); err != nil {
				break
			}
			if due > now.UnixMilli() {
				next = time.UnixMilli(due)
				break
			}
			have := byID[it.id]
			if have == nil {
				if b.inFlight[it.id] {
					continue
				}
				if len(items) == limit {
					next = now
					break
				}
				it.created = time.UnixMilli(created)
				have = &it
				byID[it.id] = have
				items = append(items, have)
			}
			t.attempts++
			have.to = append(have.to, t)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		for _, it := range items {
			for _, t := range it.to {
				due := now.Add(b.wait(t.attempts)).UnixMilli()
				if _, err := tx.Exec(`UPDATE recipient SET attempts = ?, due = ? WHERE message = ? AND n = ?`, t.attempts, due, it.id, t.n); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, next, fmt.Errorf("outbox: claim: %w", err)
	}
	return items, next, nil
}

// wait returns how long to wait after that many attempts.
func (b *Outbox) wait(attempts int) time.Duration {
	return b.o.Jitter(b.o.Retry[min(max(attempts, 1), len(b.o.Retry))-1])
}

// load reads the octets of a claimed message; nil if it was removed meanwhile.
func (b *Outbox) load(ctx context.Context, id int64) (raw []byte, err error) {
	err = b.db.Read(ctx, func(c *sqlite.Conn) error {
		return c.QueryRow(`SELECT raw FROM message WHERE id = ?`, id).Scan(&raw)
	})
	if errors.Is(err, sqlite.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: load: %w", err)
	}
	return raw, nil
}

// finish writes down what became of an attempt. New failures and their bounce are one
// commit.
func (b *Outbox) finish(ctx context.Context, it *item) error {
	now := b.o.Now()
	var gone []target
	for i := range it.to {
		t := &it.to[i]
		if t.result.kind == temporary && now.Sub(it.created) >= b.o.Lifetime {
			t.result.kind = permanent
			t.result.expired = true
		}
		if t.result.kind == permanent {
			gone = append(gone, *t)
		}
	}
	var bounce *Message
	if len(gone) > 0 && it.from != "" && !it.bounce && readParams(it.params).wantsFailure() {
		bounce = &Message{From: "", To: []string{it.from}, Raw: b.report(it, gone, now)}
	}
	err := b.db.Write(ctx, func(tx *sqlite.Tx) error {
		for _, t := range it.to {
			state := map[kind]int{delivered: sent, permanent: failed, temporary: queued}[t.result.kind]
			due := now
			if state == queued {
				due = now.Add(b.wait(t.attempts))
			}
			// A recipient that was removed while we were at it stays removed.
			_, err := tx.Exec(`UPDATE recipient SET state = ?, due = ?, answer = ? WHERE message = ? AND n = ? AND state = 0`,
				state, due.UnixMilli(), t.result.text(), it.id, t.n)
			if err != nil {
				return err
			}
		}
		if bounce != nil {
			if _, err := insert(tx, *bounce, true, now); err != nil {
				return err
			}
		}
		return forget(tx, it.id)
	})
	if err != nil {
		return fmt.Errorf("outbox: finish: %w", err)
	}
	if bounce != nil {
		b.bounced.Add(1)
		b.poke()
	}
	return nil
}

// forget drops the octets of a message that nothing is left to do for.
func forget(tx *sqlite.Tx, id int64) error {
	_, err := tx.Exec(`UPDATE message SET raw = NULL WHERE id = ? AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = ? AND state = 0)`, id, id)
	return err
}

// sweep forgets a bounded number of keys that nobody can ask for any more.
func (b *Outbox) sweep(ctx context.Context) (more bool, err error) {
	const batch = 500
	keep := time.Duration(remember)
	if b.o.KeepKeys != nil {
		keep = max(keep, b.o.KeepKeys())
	}
	before := b.o.Now().Add(-keep).UnixMilli()
	err = b.db.Write(ctx, func(tx *sqlite.Tx) error {
		const old = `SELECT id FROM message WHERE raw IS NULL AND created < ? ORDER BY created LIMIT 500`
		if _, err := tx.Exec(`DELETE FROM recipient WHERE message IN (`+old+`)`, before); err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM message WHERE id IN (`+old+`)`, before)
		more = n == batch
		return err
	})
	if err != nil {
		return false, fmt.Errorf("outbox: sweep: %w", err)
	}
	return more, nil
}
