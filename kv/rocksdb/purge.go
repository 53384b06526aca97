//go:build rocksdb

package rocksdb

import (
	"context"
	"time"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

// The bounds of one step: it looks at rows for this long, or at so many, or until so many are due; and it removes
// so many in one batch, while which nobody else writes.
const (
	purgeTime  = 2 * time.Millisecond
	purgeRows  = 8192
	purgeDue   = 1024
	purgeBatch = 256
	// tidyRows is how many rows a round has to remove before RocksDB is asked to give their space back soon.
	tidyRows = 10_000
)

// Purge removes the expired rows of the next range of keys. Looking keeps nobody waiting; what it found is looked at again
// when it is removed, so a row that was written anew stays.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	end, err := s.begin(ctx, "purge")
	if err != nil {
		return 0, true, err
	}
	defer end()
	p := &s.purge
	p.Lock()
	defer p.Unlock()
	due, place, err := s.due(ctx, p.place)
	if err != nil {
		return 0, true, s.fail("purge", err)
	}
	for len(due) > 0 {
		if err := ctx.Err(); err != nil {
			return removed, true, s.fail("purge", err)
		}
		n := min(purgeBatch, len(due))
		behind := due[n-1]
		if n == len(due) {
			behind = place
		}
		gone, err := s.remove(due[:n], behind)
		if err != nil {
			return removed, true, s.fail("purge", err)
		}
		removed += gone
		due = due[n:]
	}
	p.place = place
	p.round += removed
	if place != nil {
		return removed, true, nil
	}
	if p.round >= tidyRows {
		// In the background. If it fails, the space comes back later.
		_ = s.db.SuggestCompactRange(grocksdb.Range{})
	}
	p.round = 0
	return removed, false, nil
}

// due returns the keys of expired rows behind place, and the place to go on, nil at the end.
func (s *Store) due(ctx context.Context, place []byte) (due [][]byte, next []byte, err error) {
	began := time.Now()
	now := s.clock.Milli()
	rows := 0
	err = s.each(ctx, nil, place, func(key, val []byte) (bool, error) {
		if expired(key, val, now) {
			due = append(due, append([]byte(nil), key...))
		}
		rows++
		if rows == purgeRows || len(due) == purgeDue || rows%32 == 0 && time.Since(began) > purgeTime {
			next = append([]byte(nil), key...)
			return false, nil
		}
		return true, nil
	})
	return due, next, err
}

// expired reports whether a row can go. What is not understood stays, for Check to find.
func expired(key, val []byte, now int64) bool {
	if len(key) == 0 || key[0] == spaceMeta {
		return false
	}
	exp, ok := expiry(val)
	return ok && !kv.Live(exp, now)
}

// remove deletes those of the keys whose rows are still expired, and remembers the place. The batch is not synced:
// a crash loses nothing but the work.
func (s *Store) remove(keys [][]byte, place []byte) (n int, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	wb := grocksdb.NewWriteBatch()
	defer wb.Destroy()
	now := s.clock.Milli()
	for _, key := range keys {
		is, err := s.expiredNow(key, now)
		if err != nil {
			return 0, err
		}
		if is {
			wb.Delete(key)
			n++
		}
	}
	if n == 0 {
		return 0, nil
	}
	wb.Put(metaPurge, place)
	// The time goes along: a later start with an earlier clock may not wait for rows that are gone. Nobody else
	// commits now.
	wb.Put(metaClock, number(uint64(max(now, s.filter.floor.Load()))))
	return n, s.db.Write(s.native.lazy, wb)
}

func (s *Store) expiredNow(key []byte, now int64) (bool, error) {
	h, err := s.db.GetPinned(s.native.read, key)
	if err != nil {
		return false, err
	}
	defer h.Destroy()
	return h.Exists() && expired(key, h.Data(), now), nil
}

// Due counts the expired rows, which is what a round of Purge would remove. It reads everything.
func (s *Store) Due(ctx context.Context) (total int64, err error) {
	end, err := s.begin(ctx, "due")
	if err != nil {
		return 0, err
	}
	defer end()
	now := s.clock.Milli()
	err = s.each(ctx, nil, nil, func(key, val []byte) (bool, error) {
		if expired(key, val, now) {
			total++
		}
		return true, nil
	})
	return total, s.fail("due", err)
}
