package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Value{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	st := s.stripe(k)
	st.mu.Lock()
	r, ok := st.rows[k]
	ok = ok && (r.deadline == 0 || kv.Live(r.deadline, s.clock.Milli()))
	st.mu.Unlock()
	if !ok {
		return kv.Value{}, kv.ErrNotFound
	}
	return r.value(), nil
}

// GetMany returns one value per key; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	for i, k := range ks {
		v, err := s.Get(ctx, k)
		if err == kv.ErrNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// edit is the one way values and counters change: it shows change the live row of k
// (or an empty one) and stores what change returns. With keep the stored deadline is
// left alone if there was a row.
func (s *Store) edit(ctx context.Context, k kv.Key, ttl time.Duration, change func(old row, there bool) (next row, write bool, err error)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := k.Check(); err != nil {
		return err
	}
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.clock.Milli()
	deadline, err := kv.Deadline(now, ttl)
	if err != nil {
		return err
	}
	old, stored := st.rows[k]
	there := stored && kv.Live(old.deadline, now)
	if !there {
		old = row{}
	}
	next, write, err := change(old, there)
	if err != nil || !write {
		return err
	}
	if !stored {
		if err := s.room(st, k.Prefix, now); err != nil {
			return err
		}
	}
	if !there || !next.counts {
		next.deadline = deadline
	}
	next.fence = max(next.fence, old.fence)
	st.rows[k] = next
	return nil
}

// filled makes v what a row holds: never nil, so that it is present.
func filled(v []byte) row {
	if v == nil {
		v = []byte{}
	}
	return row{bytes: v}
}

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	return s.edit(ctx, k, ttl, func(row, bool) (row, bool, error) { return filled(v), true, nil })
}

// SetFenced writes the value unless a larger fence has written the row.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	return s.edit(ctx, k, ttl, func(old row, _ bool) (row, bool, error) {
		if old.fence > fence {
			return row{}, false, kv.ErrNotOwner
		}
		next := filled(v)
		next.fence = fence
		return next, true, nil
	})
}

// Put writes a row as another store has it, with its expiry.
func (s *Store) Put(k kv.Key, v kv.Value) error {
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	if _, stored := st.rows[k]; !stored {
		if err := s.room(st, k.Prefix, s.clock.Milli()); err != nil {
			return err
		}
	}
	r := filled(v.Bytes)
	r.fence = v.Fence
	if !v.Expires.IsZero() {
		r.deadline = v.Expires.UnixMilli()
	}
	st.rows[k] = r
	return nil
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	if err := kv.CheckValue(v); err != nil {
		return false, err
	}
	done := false
	err := s.edit(ctx, k, ttl, func(_ row, there bool) (row, bool, error) {
		done = !there
		return filled(v), done, nil
	})
	return done && err == nil, err
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	if err := kv.CheckValue(next); err != nil {
		return false, err
	}
	done := false
	err := s.edit(ctx, k, ttl, func(is row, there bool) (row, bool, error) {
		if old == nil {
			done = !there
		} else {
			done = there && bytes.Equal(is.value().Bytes, old)
		}
		return filled(next), done, nil
	})
	return done && err == nil, err
}

// Incr adds to a counter.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	var n int64
	err := s.edit(ctx, k, ttl, func(old row, there bool) (row, bool, error) {
		is := old.number
		var err error
		if there && !old.counts {
			if is, err = kv.ParseCounter(old.bytes); err != nil {
				return row{}, false, err
			}
		}
		if n, err = kv.AddCounter(is, by); err != nil {
			return row{}, false, err
		}
		return row{number: n, counts: true, deadline: old.deadline}, true, nil
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
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	if err := k.Check(); err != nil {
		return false, err
	}
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	return s.removeOne(st, k, s.clock.Milli()) > 0, nil
}
