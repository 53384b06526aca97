//go:build rocksdb

package rocksdb

import (
	"context"
	"slices"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

// deleteRows is how many rows a commit of DeletePrefix removes at most, so that other writers are never kept
// waiting for long.
const deleteRows = 1000

// moment returns an iterator and the time of what it sees. The caller closes it.
func (s *Store) moment() (*grocksdb.Iterator, int64) {
	for {
		now := s.clock.Milli()
		it := s.db.NewIterator(s.native.walk)
		if s.clock.Milli() == now {
			return it, now
		}
		it.Close()
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
	end, err := s.begin(ctx, "list")
	if err != nil {
		return nil, "", err
	}
	defer end()
	var after []byte
	if resumed {
		after = rowKey(spaceValue, kv.Key{Prefix: p, Name: start})
	}
	var items []kv.Item
	next, octets := "", 0
	it, now := s.moment()
	defer it.Close()
	err = s.walk(ctx, it, rowKey(spaceValue, kv.Key{Prefix: p, Name: name}), after, func(key, val []byte) (bool, error) {
		r, err := decode(val)
		if err != nil || !kv.Live(r.exp, now) {
			return true, err
		}
		octets += len(r.body)
		if n := len(items); n > 0 && (n == limit || octets > kv.MaxPageOctets) {
			next = kv.Cursor(items[n-1].Key.Name)
			return false, nil
		}
		k, err := keyOf(key)
		r.body = append([]byte{}, r.body...)
		items = append(items, kv.Item{Key: k, Value: r.value()})
		return true, err
	})
	if err != nil {
		return nil, "", s.fail("list", err)
	}
	return items, next, nil
}

// DeletePrefix removes every key of p whose name starts with name, some rows a commit. When it fails in the middle, what it
// removed stays removed.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	end, err := s.begin(ctx, "delete prefix")
	if err != nil {
		return 0, err
	}
	defer end()
	k := kv.Key{Prefix: p, Name: name}
	ranges := [][]byte{rowKey(spaceValue, k), rowKey(spaceLease, k), ratesUnder(p, name)}
	total := 0
	for more := true; more; {
		var n int
		n, more, err = s.deleteSome(ctx, ranges)
		total += n
		if err != nil {
			return total, s.fail("delete prefix", err)
		}
	}
	return total, nil
}

// deleteSome removes the first rows whose keys begin with one of the prefixes, and returns how many of them
// anybody could see.
func (s *Store) deleteSome(ctx context.Context, prefixes [][]byte) (live int, more bool, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	wb := grocksdb.NewWriteBatch()
	defer wb.Destroy()
	now := s.clock.Milli()
	rows := 0
	for _, prefix := range prefixes {
		err := s.each(ctx, prefix, nil, func(key, val []byte) (bool, error) {
			if rows == deleteRows {
				more = true
				return false, nil
			}
			r, err := decode(val)
			if err != nil {
				return false, err
			}
			rows++
			wb.Delete(key)
			if kv.Live(r.exp, now) {
				live++
			}
			return true, nil
		})
		if err != nil {
			return 0, false, err
		}
	}
	if rows == 0 {
		return 0, false, ctx.Err()
	}
	if err := s.commit(wb, s.native.synced, now); err != nil {
		return 0, false, err
	}
	return live, more, nil
}

// Stats counts live rows of all kinds and their octets by prefix. It reads everything.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	end, err := s.begin(ctx, "stats")
	if err != nil {
		return nil, err
	}
	defer end()
	var all [256]kv.PrefixStats
	it, now := s.moment()
	defer it.Close()
	err = s.walk(ctx, it, nil, nil, func(key, val []byte) (bool, error) {
		if key[0] == spaceMeta || len(key) < 2 {
			return true, nil
		}
		r, err := decode(val)
		if err != nil || !kv.Live(r.exp, now) {
			return true, err
		}
		size := len(key) - 2
		switch key[0] {
		case spaceRate:
			size = rateName(key)
		case spaceLease:
			size += 8
		}
		all[key[1]].Rows++
		all[key[1]].Octets += int64(size + len(r.body))
		return true, nil
	})
	if err != nil {
		return nil, s.fail("stats", err)
	}
	var stats []kv.PrefixStats
	for p, st := range all {
		if st.Rows > 0 {
			st.Prefix = kv.Prefix(p)
			stats = append(stats, st)
		}
	}
	return slices.Clip(stats), nil
}
