package mysql

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/sluice-mail/sluice/kv"
)

const (
	// deleteRows is how many rows a statement of DeletePrefix looks at, so that others never wait for long.
	deleteRows = 1000
	// statRows is the same for Stats, which locks nothing.
	statRows = 20_000
	// smallValue is the largest value that a page brings along: the rest of a page that turns out too long is thrown away.
	smallValue = 1024
	// trashKeys is how many deleted keys wait until their rows are removed together.
	trashKeys = 64
)

// deleteQuery makes everything under a key absent in one step, and its LAST_INSERT_ID is 1 if something was there. Leases
// keep their rows for their fences. Rows that are over are marked, too: the condition must not be one of time, since an
// UPDATE does not wait for a row whose last committed state does not meet it, and who holds that row may be about to let
// it live longer.
const deleteQuery = `UPDATE {rows} SET size = IF({stands}, LAST_INSERT_ID(expires <> 1) - 1, 0), expires = 1, n = NULL, v = ''
	WHERE k = :k AND expires <> 1`

var emptyTrash = `DELETE FROM {rows} WHERE expires = 1 AND sub <> 'L' AND k IN ` + list(trashKeys)

// Delete removes what is under the key and says whether there was something. The row is marked and later removed with
// others, in one statement for 64 of them; Purge removes what a crash left.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := k.Check(); err != nil {
		return false, err
	}
	var d done
	key := k.Octets()
	err := s.call(ctx, "delete", func(ctx context.Context) (err error) {
		d, err = s.exec(ctx, deleteQuery, args{"k": key})
		return err
	})
	if err != nil || d.rows == 0 {
		return false, err
	}
	there := d.id == 1
	if keys := s.trash.add(key); keys != nil {
		// The key is deleted, whatever becomes of this: Purge takes the rows, too.
		_ = s.call(ctx, "delete", func(ctx context.Context) error {
			_, err := s.exec(ctx, emptyTrash, args{"keys": keys})
			return err
		})
	}
	return there, nil
}

// trash is the keys of rows that are marked as deleted. It may be used by many goroutines.
type trash struct {
	mu   sync.Mutex
	keys [][]byte
}

// add returns all keys when there are enough of them.
func (t *trash) add(key []byte) [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = append(t.keys, key)
	if len(t.keys) < trashKeys {
		return nil
	}
	full := t.keys
	t.keys = make([][]byte, 0, trashKeys)
	return full
}

const (
	rangeEnd = `SELECT k FROM {rows} WHERE k >= :from AND k < :to ORDER BY k LIMIT 1 OFFSET :rows`
	// As in deleteQuery, leases that are over are marked. That is done before; all that are left were there at that time.
	rangeOver   = `UPDATE {rows} SET expires = 1, v = '', size = 0 WHERE k >= :from AND k < :to AND sub = 'L' AND expires <> 1 AND {over}`
	rangeLeases = `UPDATE {rows} SET expires = 1, v = '', size = 0 WHERE k >= :from AND k < :to AND sub = 'L' AND expires <> 1`
	// A DELETE waits for every row of its range.
	rangeRows = `DELETE FROM {rows} WHERE k >= :from AND k < :to AND sub <> 'L' AND {stands}`
)

// part returns where a range of some rows from a key on ends, behind all that is under one key, and whether there is more
// behind that.
func (s *Store) part(ctx context.Context, act string, from, end []byte, rows int) (to []byte, more bool, err error) {
	var k []byte
	err = s.call(ctx, act, func(ctx context.Context) error {
		err := s.row(ctx, rangeEnd, args{"from": from, "to": end, "rows": rows - 1}, &k)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || k == nil {
		return end, false, err
	}
	return append(k, 0), true, nil
}

// DeletePrefix removes every key of p whose name starts with name, some rows a statement. When it fails in the middle,
// what it removed stays removed. A time limit is one of each step, unless ctx has its own.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	from := kv.Key{Prefix: p, Name: name}.Octets()
	end := kv.Behind(from)
	total := 0
	for {
		to, more, err := s.part(ctx, "delete prefix", from, end, deleteRows)
		if err != nil {
			return total, err
		}
		for _, query := range []string{rangeOver, rangeLeases, rangeRows} {
			err := s.call(ctx, "delete prefix", func(ctx context.Context) error {
				d, err := s.exec(ctx, query, args{"from": from, "to": to})
				if query != rangeOver {
					total += int(d.rows)
				}
				return err
			})
			if err != nil {
				return total, err
			}
		}
		if !more {
			return total, nil
		}
		from = to
	}
}

const listQuery = `SELECT k, n, IF(size <= :small, v, NULL), size, expires, fence FROM {rows}
	WHERE k >= :from AND k < :to AND sub = '' AND {live} ORDER BY k LIMIT :rows`

// page is a page that is being read.
type page struct {
	items  []kv.Item
	octets int
	next   string
	large  [][]byte    // keys of values that were not brought along
	at     map[int]int // where they belong: index of large by index of items
}

// List returns live items in byte order. Values over a KiB are read in a second statement.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	from, end, limit, err := kv.PageRange(p, name, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	for {
		pg, err := s.list(ctx, from, end, limit)
		if err != nil {
			return nil, "", err
		}
		if len(pg.items) > 0 || pg.next == "" {
			return pg.items, pg.next, nil
		}
		// All of the page was deleted while it was read.
		start, _, err := kv.ParseCursor(pg.next)
		if err != nil {
			return nil, "", err
		}
		from = append(kv.Key{Prefix: p, Name: start}.Octets(), 0)
	}
}

// add puts the next row on the page, or ends it.
func (p *page) add(scan func(...any) error, limit int) error {
	var key []byte
	var r row
	var size int
	if err := scan(&key, &r.n, &r.v, &size, &r.expires, &r.fence); err != nil || p.next != "" {
		return err
	}
	v := r.value()
	p.octets += max(size, len(v.Bytes))
	if n := len(p.items); n > 0 && (n == limit || p.octets > kv.MaxPageOctets) {
		p.next = kv.Cursor(p.items[n-1].Key.Name)
		return nil
	}
	k, err := kv.ParseKey(key)
	if err != nil {
		return err
	}
	if size > smallValue {
		p.at[len(p.items)] = len(p.large)
		p.large = append(p.large, key)
	}
	p.items = append(p.items, kv.Item{Key: k, Value: v})
	return nil
}

// fill puts the large values in their places, as they are by now: a row that is gone leaves the page, and one that has
// grown may end it earlier.
func (p *page) fill(found map[string]row) {
	items := p.items[:0]
	octets := 0
	for i, it := range p.items {
		if j, ok := p.at[i]; ok {
			r, there := found[string(p.large[j])]
			if !there {
				continue
			}
			it.Value = r.value()
		}
		octets += len(it.Value.Bytes)
		if n := len(items); n > 0 && octets > kv.MaxPageOctets {
			p.next = kv.Cursor(items[n-1].Key.Name)
			break
		}
		items = append(items, it)
	}
	p.items = items
}

// list reads one page from a key on.
func (s *Store) list(ctx context.Context, from, to []byte, limit int) (pg page, err error) {
	a := args{"small": smallValue, "from": from, "to": to, "rows": limit + 1}
	err = s.call(ctx, "list", func(ctx context.Context) error {
		return s.strict(func() error {
			pg = page{at: map[int]int{}}
			if err := s.each(ctx, listQuery, a, func(scan func(...any) error) error { return pg.add(scan, limit) }); err != nil {
				return err
			}
			if len(pg.large) == 0 {
				return nil
			}
			found, err := s.many(ctx, pg.large)
			pg.fill(found)
			return err
		})
	})
	return pg, err
}
