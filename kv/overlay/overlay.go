// Package overlay is a throw-away layer over any kv.Store, for dry runs: reads fall
// through to the base, writes stay in the layer, and the base is never written.
//
//	Get, List ──> layer, if it owns the key ──> else base
//	Set, Incr … ─> adopt the row from the base, then change it in the layer
//	Rate ───────> allowed only if the layer and a peek at the base both allow it
//	Lock ───────> adopt the base's running lease, then decide in the layer
//
// From the first write on the layer owns a key: its row is the truth there, also when
// it was deleted or has expired. Rows of the base count as expired by the layer's clock,
// so that a run can be made to happen at another time; allowances of the base follow the
// base's own clock, since nothing but a Decision is visible of them.
package overlay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
)

// Options says how a layer is made. The zero value works.
type Options struct {
	// Now is the time of the layer; nil is the machine's clock.
	Now func() time.Time
	// MaxRows is the most rows of one prefix in the layer; default 1,000,000.
	MaxRows int
}

// firstFence is before every fencing number of the layer, and far behind those of any
// base, so that numbers grow for the run, too.
const firstFence = 1 << 40

// Store is a layer. Its methods may be called from many goroutines.
type Store struct {
	base  kv.Store
	layer *memory.Store
	clock *kv.Clock
	fence atomic.Uint64

	// mu makes adopting and changing one step. The layer is quick, so is the lock.
	mu     sync.Mutex
	owned  map[kv.Key]part
	hidden []kv.Key // prefixes of names that were deleted as a whole
}

// part names what of a key the layer owns.
type part uint8

const (
	row part = 1 << iota
	lease
	allowances
)

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
)

// New puts an empty layer over base. Closing it leaves base open.
func New(base kv.Store, o Options) *Store {
	s := &Store{base: base, clock: kv.NewClock(o.Now, 0), owned: map[kv.Key]part{}}
	s.fence.Store(firstFence)
	s.layer = memory.New(memory.Options{Clock: s.clock, MaxRows: o.MaxRows, Fences: func() (uint64, error) { return s.fence.Add(1), nil }})
	return s
}

// owns reports whether the layer has the last word about a part of k. mu is held.
func (s *Store) owns(k kv.Key, p part) bool {
	if s.owned[k]&p != 0 {
		return true
	}
	for _, h := range s.hidden {
		if h.Prefix == k.Prefix && strings.HasPrefix(k.Name, h.Name) {
			return true
		}
	}
	return false
}

// below returns the row of the base, if it is live by the layer's clock too.
func (s *Store) below(ctx context.Context, k kv.Key) (kv.Value, error) {
	now := s.clock.Milli()
	v, err := s.base.Get(ctx, k)
	if err == nil && !s.live(v, now) {
		return kv.Value{}, kv.ErrNotFound
	}
	return v, err
}

func (s *Store) live(v kv.Value, now int64) bool {
	return v.Expires.IsZero() || v.Expires.UnixMilli() > now
}

// change adopts the row of k and runs fn, which changes it in the layer.
func (s *Store) change(ctx context.Context, k kv.Key, fn func() error) error {
	if err := k.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.owns(k, row) {
		v, err := s.below(ctx, k)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if err == nil {
			if err := s.layer.Put(k, v); err != nil {
				return err
			}
		}
		s.owned[k] |= row
	}
	return fn()
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	if err := s.layer.Flush(ctx); err != nil { // closed, or ctx is over
		return kv.Value{}, err
	}
	s.mu.Lock()
	if s.owns(k, row) {
		defer s.mu.Unlock()
		return s.layer.Get(ctx, k)
	}
	s.mu.Unlock()
	return s.below(ctx, k)
}

// GetMany returns one value per key; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	for i, k := range ks {
		v, err := s.Get(ctx, k)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// Set writes the value into the layer.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.change(ctx, k, func() error { return s.layer.Set(ctx, k, v, ttl) })
}

// SetFenced writes the value into the layer unless a larger fence has written the row, there
// or in the base.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	return s.change(ctx, k, func() error { return s.layer.SetFenced(ctx, k, v, ttl, fence) })
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (ok bool, err error) {
	err = s.change(ctx, k, func() (err error) {
		ok, err = s.layer.Add(ctx, k, v, ttl)
		return err
	})
	return ok, err
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (ok bool, err error) {
	err = s.change(ctx, k, func() (err error) {
		ok, err = s.layer.CompareAndSwap(ctx, k, old, next, ttl)
		return err
	})
	return ok, err
}

// Incr adds to a counter.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (n int64, err error) {
	err = s.change(ctx, k, func() (err error) {
		n, err = s.layer.Incr(ctx, k, by, ttl)
		return err
	})
	return n, err
}

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}

// Delete hides what is under the key.
func (s *Store) Delete(ctx context.Context, k kv.Key) (there bool, err error) {
	err = s.change(ctx, k, func() (err error) {
		if err := s.adoptLease(ctx, k); err != nil {
			return err
		}
		there, err = s.layer.Delete(ctx, k)
		if err == nil {
			s.owned[k] |= row | lease | allowances
		}
		return err
	})
	return there, err
}

// Flush does nothing: nothing of a layer is ever durable.
func (s *Store) Flush(ctx context.Context) error { return s.layer.Flush(ctx) }

// Purge removes expired rows of the layer.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	return s.layer.Purge(ctx)
}

// Close drops the layer.
func (s *Store) Close() error { return s.layer.Close() }
