package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
)

const (
	// deleteRows is how many rows of a table one transaction of DeletePrefix removes at most, so that other writers
	// are never kept waiting for long.
	deleteRows = 1000
	// statsRows is how many rows one statement of Stats counts at most.
	statsRows = 20_000
)

// List returns live items in byte order. A page is one statement, and of one moment.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	from, end, limit, err := kv.PageRange(p, name, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var items []kv.Item
	var total int64
	err = s.read(ctx, "list", func(ctx context.Context, now any) error {
		items, total = nil, 0
		rows, err := s.pool.Query(ctx, s.q.list, now, from, end, limit+1, kv.MaxPageOctets)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key []byte
			var r row
			if err := rows.Scan(append(append([]any{&key}, r.scan()...), &total)...); err != nil {
				return err
			}
			items = append(items, kv.Item{Key: kv.Key{Prefix: p, Name: string(key[1:])}, Value: r.value()})
		}
		return rows.Err()
	})
	if err != nil {
		return nil, "", err
	}
	items = items[:min(len(items), limit)]
	if n := len(items); n > 0 && int64(n) < total {
		return items, kv.Cursor(items[n-1].Key.Name), nil
	}
	return items, "", nil
}

// DeletePrefix removes every key of p whose name starts with name, some rows a transaction. When it fails in the
// middle, what it removed stays removed.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	from := kv.Key{Prefix: p, Name: name}.Octets()
	end := kv.Behind(from)
	places := [3][]byte{from, from, from} // nil: the table is done
	var total int64
	for {
		var counts [3]int64
		next := places
		more := false
		err := s.do(ctx, "delete prefix", func(ctx context.Context) error {
			var b pgx.Batch
			more = false
			for i, place := range places {
				if place == nil {
					continue
				}
				b.Queue(s.q.deleteRange[i], s.now(), later(p), place, end, deleteRows).QueryRow(func(row pgx.Row) error {
					next[i] = nil
					err := row.Scan(&counts[i], &next[i], nil)
					more = more || next[i] != nil
					return err
				})
			}
			return s.pool.SendBatch(ctx, &b).Close()
		})
		if err != nil {
			return int(total), err
		}
		total += counts[0] + counts[1] + counts[2]
		places = next
		if !more {
			return int(total), nil
		}
	}
}

// Stats counts live rows of all kinds and their octets by prefix. It reads all tables from end to end, in statements that
// are each of one moment but not of the same.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var all [256]kv.PrefixStats
	for _, sql := range s.q.stats {
		for place := []byte{}; place != nil; {
			page, next, err := s.statsPage(ctx, sql, place)
			if err != nil {
				return nil, err
			}
			for _, st := range page {
				all[st.Prefix].Rows += st.Rows
				all[st.Prefix].Octets += st.Octets
			}
			place = next
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

// statsPage counts some rows behind place, and returns the place to go on or nil.
func (s *Store) statsPage(ctx context.Context, sql string, place []byte) (page []kv.PrefixStats, next []byte, err error) {
	err = s.do(ctx, "stats", func(ctx context.Context) error {
		page, next = nil, nil
		rows, err := s.pool.Query(ctx, sql, s.now(), place, statsRows, kv.LastKey)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p int64
			var st kv.PrefixStats
			var key []byte
			if err := rows.Scan(&p, &st.Rows, &st.Octets, &key); err != nil {
				return err
			}
			if p < 0 {
				next = key
				continue
			}
			st.Prefix = kv.Prefix(p)
			page = append(page, st)
		}
		return rows.Err()
	})
	return page, next, err
}
