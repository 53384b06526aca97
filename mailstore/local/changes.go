package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// The types of the change log.
const (
	typeEmail   = 1
	typeMailbox = 2
)

// A state is the account's MODSEQ. Where one commit changed more than a client wants
// to hear at a time, "MODSEQ.N" is the state behind the first N entries of that commit.
type position struct {
	modseq uint64
	n      int64 // all of the commit if 0
}

func state(modseq uint64) mailstore.State {
	return mailstore.State(strconv.FormatUint(modseq, 10))
}

func (p position) state() mailstore.State {
	if p.n == 0 {
		return state(p.modseq)
	}
	return mailstore.State(fmt.Sprintf("%d.%d", p.modseq, p.n))
}

// parseState returns false for what no state of ours looks like.
func parseState(s mailstore.State) (position, bool) {
	head, tail, split := strings.Cut(string(s), ".")
	var p position
	var err error
	if p.modseq, err = strconv.ParseUint(head, 10, 63); err != nil {
		return position{}, false
	}
	if split {
		if p.n, err = strconv.ParseInt(tail, 10, 63); err != nil || p.n <= 0 {
			return position{}, false
		}
	}
	return p, p.state() == s
}

// logChanges writes what a commit did to the change log.
func logChanges(tx *sqlite.Tx, r idmap.Result) error {
	n := 0
	write := func(kind int, events []idmap.Event) error {
		for _, e := range events {
			n++
			_, err := tx.Exec(`INSERT INTO changelog (modseq, n, type, op, id) VALUES (?, ?, ?, ?, ?)`,
				r.ModSeq, n, kind, int64(e.Op), e.ID)
			if err != nil {
				return fmt.Errorf("write change log: %w", err)
			}
		}
		return nil
	}
	if r.ModSeq == 0 {
		return nil // nothing that a state tells of
	}
	if err := write(typeMailbox, r.Mailboxes); err != nil {
		return err
	}
	return write(typeEmail, r.Emails)
}

// EmailChanges returns what happened to Emails since a state, at most limit ids (0: no
// bound). It returns ErrCannotCalculateChanges for a state that is folded, not of this
// account's past, or of its future.
func (a *Account) EmailChanges(ctx context.Context, since mailstore.State, limit int) (mailstore.Changes, error) {
	return a.changes(ctx, typeEmail, since, limit)
}

// MailboxChanges is EmailChanges for mailboxes; counters count as changes.
func (a *Account) MailboxChanges(ctx context.Context, since mailstore.State, limit int) (mailstore.Changes, error) {
	return a.changes(ctx, typeMailbox, since, limit)
}

func (a *Account) changes(ctx context.Context, kind int, since mailstore.State, limit int) (mailstore.Changes, error) {
	ch := mailstore.Changes{Old: since}
	err := a.read(ctx, func(c *sqlite.Conn) error {
		from, ok := parseState(since)
		var now, floor uint64
		err := c.QueryRow(`SELECT a.modseq, l.log_floor FROM account AS a, local AS l`).Scan(&now, &floor)
		if err != nil {
			return err
		}
		if !ok || from.modseq > now || from.modseq < floor || from.modseq == floor && from.n != 0 {
			return fmt.Errorf("%w: since %.40q", mailstore.ErrCannotCalculateChanges, since)
		}
		to, ops, err := collect(ctx, c, kind, from, limit)
		if err != nil {
			return err
		}
		if ch.More = to != (position{}); !ch.More {
			to = position{modseq: now}
		}
		ch.New = to.state()
		for _, o := range ops {
			switch o.Op {
			case idmap.Created:
				ch.Created = append(ch.Created, mailstore.ID(o.ID))
			case idmap.Updated:
				ch.Updated = append(ch.Updated, mailstore.ID(o.ID))
			case idmap.Destroyed:
				ch.Destroyed = append(ch.Destroyed, mailstore.ID(o.ID))
			}
		}
		return nil
	})
	if err != nil {
		return mailstore.Changes{}, a.wrap("changes", err)
	}
	return ch, nil
}

// collect reads the log from a position until limit ids are found. stop is where it
// stopped, the zero position if it read all. What was created and destroyed in between
// is left out.
func collect(ctx context.Context, c *sqlite.Conn, kind int, from position, limit int) (stop position, ops []idmap.Event, err error) {
	if from.n == 0 {
		from.n = 1<<63 - 1
	}
	at := make(map[string]int)
	rows := c.Query(`SELECT modseq, n, op, id FROM changelog WHERE (modseq, n) > (?, ?) AND type = ? ORDER BY modseq, n`,
		from.modseq, from.n, kind)
	var last position
	for rows.Next() {
		var p position
		var e idmap.Event
		rows.Scan(&p.modseq, &p.n, &e.Op, &e.ID)
		i, known := at[e.ID]
		if !known && limit > 0 && len(at) >= limit {
			stop = last
			break
		}
		last = p
		if !known {
			at[e.ID] = len(ops)
			ops = append(ops, e)
			continue
		}
		switch old := ops[i].Op; {
		case e.Op == idmap.Destroyed && old == idmap.Created:
			ops[i].Op = 0 // never was, for this client
		case e.Op == idmap.Destroyed:
			ops[i].Op = e.Op
		}
	}
	if err := rows.Close(); err != nil {
		return position{}, nil, err
	}
	ops = slices.DeleteFunc(ops, func(e idmap.Event) bool { return e.Op == 0 })
	return stop, ops, ctx.Err()
}

// FoldChangelog removes the oldest entries beyond Options.MaxChangelogEntries, in whole
// commits, and returns how many. States from before are ErrCannotCalculateChanges then;
// the tables themselves are what the entries fold into.
func (s *Store) FoldChangelog(ctx context.Context, account string) (removed int, err error) {
	err = s.with(ctx, account, func(a *Account) error {
		for more := true; more; {
			var n int64
			err := a.db.Write(ctx, func(tx *sqlite.Tx) (err error) {
				n, err = fold(tx, s.o.MaxChangelogEntries)
				return err
			})
			if err != nil {
				return a.wrap("fold change log", err)
			}
			removed += int(n)
			more = n >= foldBatch
		}
		return nil
	})
	return removed, err
}

// foldBatch bounds how much one commit of FoldChangelog removes.
const foldBatch = 10000

// fold moves the floor over all that has to go, then removes a batch below it.
func fold(tx *sqlite.Tx, keep int) (removed int64, err error) {
	var floor int64
	err = tx.QueryRow(`SELECT modseq FROM changelog ORDER BY modseq DESC, n DESC LIMIT 1 OFFSET ?`, keep).Scan(&floor)
	if err != nil && !errors.Is(err, sqlite.ErrNoRows) {
		return 0, err
	}
	if _, err := tx.Exec(`UPDATE local SET log_floor = ? WHERE id = 1 AND log_floor < ?`, floor, floor); err != nil {
		return 0, err
	}
	return tx.Exec(`DELETE FROM changelog WHERE (modseq, n) IN (
		SELECT modseq, n FROM changelog WHERE modseq <= (SELECT log_floor FROM local) LIMIT ?)`, foldBatch)
}
