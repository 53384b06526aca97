package sqlite

import (
	"context"
	"errors"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// deleteRows is how many rows a commit of DeletePrefix removes at most, so that other
// writers are never kept waiting for long.
const deleteRows = 1000

// DeletePrefix removes every key of p whose name starts with name, some rows a commit.
// When it fails in the middle, what it removed stays removed.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	from := rowKey(kv.Key{Prefix: p, Name: name})
	end := after(from)
	total := 0
	for {
		var removed int64
		more := false
		err := s.write(ctx, "delete prefix", func(tx *sqlite.Tx, now int64) error {
			removed, more = 0, false
			return s.each(func(table string) error {
				hi := end
				var last []byte
				err := tx.QueryRow(`SELECT k FROM `+table+` WHERE k >= ? AND k < ? ORDER BY k LIMIT 1 OFFSET ?`, from, end, deleteRows).Scan(&last)
				switch {
				case err == nil:
					hi, more = last, true
				case !errors.Is(err, sqlite.ErrNoRows):
					return err
				}
				n, err := remove(tx, table, `k >= ? AND k < ?`, []any{from, hi}, now)
				removed += n
				return err
			})
		})
		if err != nil {
			return total, err
		}
		total += int(removed)
		if !more {
			return total, nil
		}
	}
}

// List returns live items in byte order.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	limit, err := kv.CheckPage(limit)
	if err != nil {
		return nil, "", err
	}
	if err := kv.CheckName(name); err != nil {
		return nil, "", err
	}
	start, resumed, err := kv.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	from := rowKey(kv.Key{Prefix: p, Name: name})
	end := after(from)
	if resumed && start >= name {
		from = append(rowKey(kv.Key{Prefix: p, Name: start}), 0) // the first key behind it
	}
	var items []kv.Item
	next := ""
	now := s.clock.Milli()
	err = s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT k, coalesce(v, (SELECT v FROM big WHERE big.k = kv.k)), exp, fence FROM kv
			WHERE k >= ? AND k < ? AND (exp = 0 OR exp > ?) ORDER BY k LIMIT ?`, from, end, now, limit+1)
		octets := 0
		for rows.Next() {
			var key []byte
			var r row
			if err := rows.Scan(&key, &r.v, &r.exp, &r.fence); err != nil {
				return err
			}
			octets += len(r.v)
			if n := len(items); n > 0 && (n == limit || octets > kv.MaxPageOctets) {
				next = kv.Cursor(items[n-1].Key.Name)
				break
			}
			k, err := keyOf(key)
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

// Stats counts live rows of all kinds and their octets by prefix. It reads the file
// from end to end.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var all [256]kv.PrefixStats
	now := s.clock.Milli()
	err := s.db.Read(ctx, func(c *sqlite.Conn) error {
		for _, q := range []string{
			`SELECT substr(k, 1, 1), count(*), sum(length(k) - 1 + coalesce(length(v), 0)) FROM kv`,
			`SELECT substr(k, 1, 1), 0, sum(length(v)) FROM big`,
			`SELECT substr(k, 1, 1), count(*), sum(length(k) - 1 + length(state)) FROM rate`,
			`SELECT substr(k, 1, 1), count(*), sum(length(k) - 1 + length(owner) + 8) FROM lock`,
		} {
			rows := c.Query(q+` WHERE exp = 0 OR exp > ? GROUP BY 1`, now)
			for rows.Next() {
				var p []byte
				var n, octets int64
				if err := rows.Scan(&p, &n, &octets); err != nil {
					return err
				}
				if len(p) == 1 {
					all[p[0]].Rows += n
					all[p[0]].Octets += octets
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fail("stats", err)
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
