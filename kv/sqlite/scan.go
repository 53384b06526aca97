package sqlite

import (
	"context"
	"errors"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// firstRows is how many rows DeletePrefix removes as any other write does, so that a
// few rows are gone soon; the rest goes in background writes.
const firstRows = 64

// DeletePrefix removes every key of p whose name starts with name, some rows a commit.
// When it fails in the middle, what it removed stays removed. A row that is written
// meanwhile, behind the place where it is, stays.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	from := kv.Key{Prefix: p, Name: name}.Octets()
	end := kv.Behind(from)
	table, lo, total := 0, from, int64(0)
	var speed stride
	// step removes some rows, and goes on from table to table.
	step := func(tx *sqlite.Tx, now int64, rows int) error {
		nextTable, next, removed := table, lo, int64(0)
		for left := rows; left > 0 && nextTable < len(tables); {
			name := tables[nextTable]
			if !s.uses(name) {
				nextTable++
				continue
			}
			hi, last, err := s.stretch(tx, name, next, end, left, 0)
			if err != nil {
				return err
			}
			live, err := s.removeRange(tx, name, next, hi, len(from), now)
			if err != nil {
				return err
			}
			removed += live
			if left, next = left-int(live), hi; last {
				nextTable, next = nextTable+1, from
			} else {
				break
			}
		}
		tx.OnCommit(func() { table, lo, total = nextTable, next, total+removed })
		return nil
	}
	err := s.write(ctx, "delete prefix", func(tx *sqlite.Tx, now int64) error { return step(tx, now, firstRows) })
	for err == nil && table < len(tables) {
		err = s.background(ctx, "delete prefix", func(tx *sqlite.Tx, now int64) error {
			rows := speed.rows(tx.Budget())
			walked := speed.watch(tx, rows)
			if err := step(tx, now, rows); err != nil {
				return err
			}
			walked()
			return nil
		})
	}
	return int(total), err
}

// removeRange deletes all rows from lo up to, but not with, hi, values in big along with
// their keys, and returns how many of them anybody could see.
//
// All keys begin with begun octets. Behind the name of an allowance come a NUL and its rule, and
// those octets have to end before it: the last NUL is behind them.
func (s *Store) removeRange(tx *sqlite.Tx, table string, lo, hi []byte, begun int, now int64) (live int64, err error) {
	where, args := `k >= ? AND k < ?`, []any{lo, hi}
	if table == "rate" {
		where, args = where+` AND instr(substr(k, ?), x'00') > 0`, append(args, begun+1)
	}
	if table == "kv" && s.anyBig.Load() {
		if _, err := remove(tx, "big", where, args, now); err != nil {
			return 0, err
		}
	}
	return remove(tx, table, where, args, now)
}

// List returns live items in byte order.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	from, end, limit, err := kv.PageRange(p, name, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var items []kv.Item
	next := ""
	now := s.clock.Milli()
	err = s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT `+columns+` FROM kv
			WHERE k >= ? AND k < ? AND (exp = 0 OR exp > ?) ORDER BY k LIMIT ?`, from, end, now, limit+1)
		octets := 0
		for rows.Next() {
			var r row
			key, err := r.scan(c, rows.Scan)
			if err != nil {
				return err
			}
			octets += len(r.v)
			if n := len(items); n > 0 && (n == limit || octets > kv.MaxPageOctets) {
				next = kv.Cursor(items[n-1].Key.Name)
				break
			}
			k, err := kv.ParseKey(key)
			if err != nil {
				return err
			}
			items = append(items, kv.Item{Key: k, Value: r.value()})
		}
		return rows.Close()
	})
	if err != nil {
		return nil, "", fail("list", err)
	}
	return items, next, nil
}

// live is the condition that a row can be seen.
const live = `exp = 0 OR exp > ?3`

// statsQueries count what Stats tells of each table. Values in big belong to rows that
// are counted in kv.
var statsQueries = []struct {
	table, query string
	counts       bool
}{
	{"kv", sums("kv", `v, exp`, live, `length(k) - 1 + coalesce(length(v), 0)`), true},
	{"big", sums("big", `v, exp`, live, `length(v)`), false},
	{"rate", sums("rate", `state, exp`, live, `length(k) - 1 + length(state)`), true},
	{"lock", sums("lock", `owner, exp`, live, `length(k) - 1 + length(owner) + 8`), true},
}

// Stats counts live rows of all kinds and their octets by prefix. It reads the file
// from end to end, a page a read, so what is written meanwhile may be counted or not.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var all [256]kv.PrefixStats
	now := s.clock.Milli()
	for _, q := range statsQueries {
		// From prefix to prefix: one walk over all would have to sort rows to group them.
		for lo, end := []byte{}, kv.Behind(nil); len(lo) < len(end); {
			var first []byte
			err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
				return c.QueryRow(`SELECT k FROM `+q.table+` WHERE k >= ? ORDER BY k LIMIT 1`, lo).Scan(&first)
			})
			if errors.Is(err, sqlite.ErrNoRows) || err == nil && len(first) == 0 {
				break
			}
			hi := end
			var rows, octets int64
			if err == nil {
				hi = kv.Behind(first[:1])
				rows, octets, err = s.sum(ctx, q.query, first, hi, now)
			}
			if err != nil {
				return nil, fail("stats", err)
			}
			if p := &all[first[0]]; q.counts {
				p.Rows += rows
				p.Octets += octets
			} else {
				p.Octets += octets
			}
			lo = hi
		}
	}
	var stats []kv.PrefixStats
	for p, st := range all {
		if st.Rows > 0 {
			st.Prefix = kv.Prefix(p)
			stats = append(stats, st)
		}
	}
	return stats, nil
}
