//go:build rocksdb

package rocksdb

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

// stored returns the row under key, live or not, with octets of its own; kv.ErrNotFound if there is none.
func (s *Store) stored(key []byte) (row, error) {
	h, err := s.db.GetPinned(s.native.read, key)
	if err != nil {
		return row{}, err
	}
	defer h.Destroy()
	if !h.Exists() {
		return row{}, kv.ErrNotFound
	}
	r, err := decode(h.Data())
	r.body = append([]byte{}, r.body...)
	return r, err
}

// live is stored for rows that are there at now.
func (s *Store) live(key []byte, now int64) (row, error) {
	r, err := s.stored(key)
	if err == nil && !kv.Live(r.exp, now) {
		return row{}, kv.ErrNotFound
	}
	return r, err
}

// look is live without the key's stripe: it asks again if the row's time ended in between, since then another may have
// been written before it was read, and the old one never seen.
func (s *Store) look(key []byte) (row, error) {
	for {
		r, err := s.live(key, s.clock.Milli())
		if err != nil || kv.Live(r.exp, s.clock.Milli()) {
			return r, err
		}
	}
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	end, err := s.begin(ctx, "get")
	if err != nil {
		return kv.Value{}, err
	}
	defer end()
	r, err := s.look(rowKey(spaceValue, k))
	if err != nil {
		return kv.Value{}, s.fail("get", err)
	}
	return r.value(), nil
}

// GetMany returns one value per key; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	end, err := s.begin(ctx, "get")
	if err != nil {
		return nil, err
	}
	defer end()
	values := make([]kv.Value, len(ks))
	for i, k := range ks {
		r, err := s.look(rowKey(spaceValue, k))
		if err == kv.ErrNotFound {
			continue
		}
		if err != nil {
			return nil, s.fail("get", err)
		}
		values[i] = r.value()
	}
	return values, nil
}

// change is edit for a value: it shows fn the live row, an empty one if there is none, and stores what fn returns if that
// is to be written.
func (s *Store) change(ctx context.Context, act string, k kv.Key, v []byte, ttl time.Duration, fn func(is row, there bool, exp int64) (next row, write bool, err error)) error {
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	if _, err := kv.Deadline(0, ttl); err != nil {
		return err
	}
	return s.edit(ctx, act, k, func(wb *grocksdb.WriteBatch, now int64) error {
		exp, err := kv.Deadline(now, ttl)
		if err != nil {
			return err
		}
		key := rowKey(spaceValue, k)
		is, err := s.live(key, now)
		if err != nil && err != kv.ErrNotFound {
			return err
		}
		next, write, err := fn(is, err == nil, exp)
		if err != nil || !write {
			return err
		}
		next.fence = max(next.fence, is.fence)
		wb.Put(key, next.encode())
		return nil
	})
}

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.change(ctx, "set", k, v, ttl, func(_ row, _ bool, exp int64) (row, bool, error) {
		return row{exp: exp, body: v}, true, nil
	})
}

// SetFenced writes the value unless a larger fence has written the row.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	if fence > math.MaxInt64 {
		return kv.ErrNotOwner // no such number was ever given out
	}
	return s.change(ctx, "set fenced", k, v, ttl, func(is row, _ bool, exp int64) (row, bool, error) {
		if is.fence > fence {
			return row{}, false, kv.ErrNotOwner
		}
		return row{exp, fence, v}, true, nil
	})
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.CompareAndSwap(ctx, k, nil, v, ttl)
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	done := false
	err := s.change(ctx, "compare and swap", k, next, ttl, func(is row, there bool, exp int64) (row, bool, error) {
		done = there == (old != nil) && bytes.Equal(is.body, old)
		return row{exp: exp, body: next}, done, nil
	})
	return done && err == nil, err
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	var n int64
	err := s.change(ctx, "increment", k, nil, ttl, func(is row, there bool, exp int64) (row, bool, error) {
		var err error
		if there {
			exp = is.exp
			if n, err = kv.ParseCounter(is.body); err != nil {
				return row{}, false, err
			}
		}
		n, err = kv.AddCounter(n, by)
		return row{exp: exp, body: kv.FormatCounter(n)}, true, err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}

// Delete removes what is under the key and says whether there was something.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	live := 0
	err := s.edit(ctx, "delete", k, func(wb *grocksdb.WriteBatch, now int64) error {
		for _, space := range []byte{spaceValue, spaceLease} {
			key := rowKey(space, k)
			r, err := s.stored(key)
			if err == kv.ErrNotFound {
				continue
			}
			if err != nil {
				return err
			}
			wb.Delete(key)
			if kv.Live(r.exp, now) {
				live++
			}
		}
		return s.each(ctx, ratesOf(k), nil, func(key, val []byte) (bool, error) {
			r, err := decode(val)
			if err != nil {
				return false, err
			}
			wb.Delete(key)
			if kv.Live(r.exp, now) {
				live++
			}
			return true, nil
		})
	})
	return live > 0 && err == nil, err
}

// Apply makes all changes in one commit, or none.
func (s *Store) Apply(ctx context.Context, changes []kv.Change) error {
	for _, c := range changes {
		if err := cmp.Or(c.Key.Check(), kv.CheckValue(c.Value.Bytes)); err != nil {
			return err
		}
	}
	end, err := s.begin(ctx, "apply")
	if err != nil || len(changes) == 0 {
		if err == nil {
			end()
		}
		return err
	}
	defer end()
	s.gate.RLock()
	defer s.gate.RUnlock()
	wb := grocksdb.NewWriteBatch()
	defer wb.Destroy()
	var mine [stripes]bool
	for _, c := range changes {
		mine[s.stripe(c.Key)] = true
		key := rowKey(spaceValue, c.Key)
		if c.Value.Bytes == nil {
			wb.Delete(key)
			continue
		}
		r := row{fence: c.Value.Fence, body: c.Value.Bytes}
		if !c.Value.Expires.IsZero() {
			r.exp = c.Value.Expires.UnixMilli()
		}
		wb.Put(key, r.encode())
	}
	for i := range mine { // always in this order, so that no two wait for each other
		if mine[i] {
			s.stripes[i].Lock()
			defer s.stripes[i].Unlock()
		}
	}
	return s.fail("apply", s.commit(wb, s.native.synced, s.clock.Milli()))
}

// each calls fn for the rows whose keys begin with prefix and are behind after, in order, until it returns false.
// What fn gets is gone when it returns.
func (s *Store) each(ctx context.Context, prefix, after []byte, fn func(key, val []byte) (bool, error)) error {
	it := s.db.NewIterator(s.native.walk)
	defer it.Close()
	return s.walk(ctx, it, prefix, after, fn)
}

// walk is each on an iterator.
func (s *Store) walk(ctx context.Context, it *grocksdb.Iterator, prefix, after []byte, fn func(key, val []byte) (bool, error)) error {
	from := prefix
	if bytes.Compare(after, prefix) >= 0 {
		from = append(slices.Clone(after), 0) // the first key behind it
	}
	n := 0
	for it.Seek(from); it.Valid(); it.Next() {
		if n++; n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		key := octets(it.Key())
		if !bytes.HasPrefix(key, prefix) {
			break
		}
		if more, err := fn(key, octets(it.Value())); err != nil || !more {
			return err
		}
	}
	return it.Err()
}

// octets returns what s holds, also if it is nothing: the binding gives no slice then.
func octets(s *grocksdb.Slice) []byte {
	if s == nil {
		return nil
	}
	return s.Data()
}
