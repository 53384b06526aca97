package engine

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

func isAbsent(err error) bool { return errors.Is(err, kv.ErrNotFound) }

// see returns the row of c at this moment. The stripe is locked.
func (r *relaxed) see(c *cell) (row, bool) {
	c.used = true
	if !c.there || c.deadline != 0 && !kv.Live(c.deadline, r.clock.Milli()) {
		return row{}, false
	}
	return c.row, true
}

// find returns the row of k; it makes no cell.
func (r *relaxed) find(ctx context.Context, k kv.Key) (row, bool, error) {
	if err := r.begin(ctx, k); err != nil {
		return row{}, false, err
	}
	st := r.stripe(k)
	var found row
	var drops uint64
	loaded := false
	for try := 0; ; try++ {
		st.mu.Lock()
		if r.closed.Load() {
			st.mu.Unlock()
			return row{}, false, kv.ErrClosed
		}
		if c := st.cells[k]; c != nil {
			is, there := r.see(c)
			st.mu.Unlock()
			return is, there, nil
		}
		if loaded && st.drops == drops {
			st.mu.Unlock()
			return found, found.there, nil
		}
		drops, loaded = st.drops, true
		if try >= tries {
			defer st.mu.Unlock()
			found, err := r.load(ctx, k)
			return found, found.there, err
		}
		st.mu.Unlock()
		var err error
		if found, err = r.load(ctx, k); err != nil {
			return row{}, false, err
		}
	}
}

// Get returns the value under k, or kv.ErrNotFound.
func (r *relaxed) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	is, there, err := r.find(ctx, k)
	if err != nil {
		return kv.Value{}, err
	}
	if !there {
		return kv.Value{}, kv.ErrNotFound
	}
	return is.value(), nil
}

// Counter returns the number under k; absent is 0.
func (r *relaxed) Counter(ctx context.Context, k kv.Key) (int64, error) {
	is, there, err := r.find(ctx, k)
	switch {
	case err != nil || !there:
		return 0, err
	case is.counts:
		return is.number, nil
	}
	return kv.ParseCounter(is.bytes)
}

// edit is the one way values and counters change: it shows change the live row of k (or an
// empty one) and keeps what change returns. A counter that was there keeps its expiry. Time is
// read while the stripe is locked, so that times are in the order of the writes.
func (r *relaxed) edit(ctx context.Context, k kv.Key, ttl time.Duration, change func(old row) (next row, write bool, err error)) error {
	return r.editSeen(ctx, k, seen{}, ttl, change)
}

// editSeen is edit for a caller that may have read the row already.
func (r *relaxed) editSeen(ctx context.Context, k kv.Key, before seen, ttl time.Duration, change func(old row) (next row, write bool, err error)) error {
	if err := r.begin(ctx, k); err != nil {
		return err
	}
	if ttl < 0 {
		_, err := kv.Deadline(0, ttl)
		return err
	}
	if err := r.admit(ctx); err != nil {
		return err
	}
	st, c, err := r.enter(ctx, k, before)
	if err != nil {
		return err
	}
	defer st.mu.Unlock()
	old, deadline := c.row, int64(0)
	if ttl != 0 || old.deadline != 0 {
		now := r.clock.Milli()
		if deadline, err = kv.Deadline(now, ttl); err != nil {
			return err
		}
		if !kv.Live(old.deadline, now) {
			old = row{}
		}
	}
	if !old.there {
		old = row{}
	}
	next, write, err := change(old)
	if err != nil || !write {
		return err
	}
	if next.there {
		next.fence = max(next.fence, old.fence)
		if !old.there || !next.counts {
			next.deadline = deadline
		}
	}
	r.put(st, c, next)
	return nil
}

// Set writes the value.
func (r *relaxed) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	next := filled(v)
	return r.edit(ctx, k, ttl, func(row) (row, bool, error) { return next, true, nil })
}

// SetFenced writes the value unless a larger fence has written the row.
func (r *relaxed) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	if fence > math.MaxInt64 {
		return kv.ErrNotOwner // no such number was ever given out
	}
	return r.edit(ctx, k, ttl, func(old row) (row, bool, error) {
		if old.fence > fence {
			return row{}, false, kv.ErrNotOwner
		}
		next := filled(v)
		next.fence = fence
		return next, true, nil
	})
}

// Add writes the value only if the key is absent.
func (r *relaxed) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return r.CompareAndSwap(ctx, k, nil, v, ttl)
}

// CompareAndSwap writes next only if the key holds old.
func (r *relaxed) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	if err := kv.CheckValue(next); err != nil {
		return false, err
	}
	done := false
	err := r.edit(ctx, k, ttl, func(is row) (row, bool, error) {
		if old == nil {
			done = !is.there
		} else {
			done = is.there && bytes.Equal(is.value().Bytes, old)
		}
		if !done {
			return row{}, false, nil
		}
		return filled(next), true, nil
	})
	return done && err == nil, err
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl.
func (r *relaxed) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	return r.incr(ctx, k, by, ttl, seen{})
}

func (r *relaxed) incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration, before seen) (int64, error) {
	var n int64
	err := r.editSeen(ctx, k, before, ttl, func(old row) (row, bool, error) {
		is := old.number
		var err error
		if old.there && !old.counts {
			if is, err = kv.ParseCounter(old.bytes); err != nil {
				return row{}, false, err
			}
		}
		if n, err = kv.AddCounter(is, by); err != nil {
			return row{}, false, err
		}
		return row{number: n, counts: true, there: true, deadline: old.deadline}, true, nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Delete removes what the backend has under k, and the cell, and says whether there was something.
// The value goes as every relaxed write does; where there are allowances or the copy of a lease
// as well, those cost a commit.
func (r *relaxed) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := r.begin(ctx, k); err != nil {
		return false, err
	}
	if r.beside == nil {
		return r.deleteBehind(ctx, k)
	}
	if err := r.admit(ctx); err != nil {
		return false, err
	}
	there, err := r.beside.DeleteBeside(ctx, k)
	if err != nil {
		return false, err
	}
	err = r.edit(ctx, k, 0, func(old row) (row, bool, error) {
		there = there || old.there
		return row{}, old.there, nil
	})
	return there && err == nil, err
}

// deleteBehind has the backend delete all that is under k, once it has the newest value.
func (r *relaxed) deleteBehind(ctx context.Context, k kv.Key) (bool, error) {
	release, err := r.settle(ctx, &hold{prefix: k.Prefix, name: k.Name, exact: true})
	if err != nil {
		return false, err
	}
	defer release()
	if r.cacheable[k.Prefix] {
		g := r.cache.generation(k)
		g.begin()
		defer g.end()
	}
	return r.backend.Delete(ctx, k)
}

// uncelled is a key of a batch that had no cell.
type uncelled struct {
	at    int // in the batch
	drops uint64
}

// peek returns the value of k if a cell says what it is, else the number that confirm wants.
func (r *relaxed) peek(k kv.Key) (v kv.Value, known bool, drops uint64) {
	st := r.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.cells[k]
	if c == nil {
		return kv.Value{}, false, st.drops
	}
	if is, there := r.see(c); there {
		v = is.value()
	}
	return v, true, 0
}

// confirm returns the value of k, for which peek knew nothing and gave drops, after v was read
// behind the cells.
func (r *relaxed) confirm(ctx context.Context, k kv.Key, drops uint64, v kv.Value) (kv.Value, error) {
	is, known, now := r.peek(k)
	switch {
	case known:
		return is, nil
	case now == drops:
		return v, nil
	}
	v, err := r.Get(ctx, k)
	if isAbsent(err) {
		return kv.Value{}, nil
	}
	return v, err
}
