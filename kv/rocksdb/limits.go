//go:build rocksdb

package rocksdb

import (
	"context"
	"math"
	"time"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

// Rate asks rule for cost units of k's allowance.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	key := append(ratesOf(k), rule.String()...)
	var d kv.Decision
	if peek {
		end, err := s.begin(ctx, "rate")
		if err != nil {
			return kv.Decision{}, err
		}
		defer end()
		now := s.clock.Nano()
		is, err := s.rateState(key)
		if err != nil {
			return kv.Decision{}, s.fail("rate", err)
		}
		_, _, d = rule.Take(is, now, cost)
		return d, nil
	}
	err := s.edit(ctx, "rate", k, func(wb *grocksdb.WriteBatch, _ int64) error {
		is, err := s.rateState(key)
		if err != nil {
			return err
		}
		next, exp, answer := rule.Take(is, s.clock.Nano(), cost)
		if d = answer; d.Allowed {
			wb.Put(key, row{exp: exp, body: next.Append(nil)}.encode())
		}
		return nil
	})
	if err != nil {
		return kv.Decision{}, err
	}
	return d, nil
}

// rateState returns the allowance under key, also one whose deadline is over: it means the same as none.
func (s *Store) rateState(key []byte) (kv.RateState, error) {
	r, err := s.stored(key)
	if err == kv.ErrNotFound {
		return kv.RateState{}, nil
	}
	if err != nil {
		return kv.RateState{}, err
	}
	return kv.ParseRateState(r.body)
}

func leaseOf(k kv.Key, r row) kv.Lease {
	return kv.Lease{Key: k, Owner: string(r.body), Fence: r.fence, Expires: kv.Moment(r.exp)}
}

func leaseRow(l kv.Lease) row {
	r := row{fence: l.Fence, body: []byte(l.Owner)}
	if !l.Expires.IsZero() {
		r.exp = l.Expires.UnixMilli()
	}
	return r
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	end, err := s.begin(ctx, "lease")
	if err != nil {
		return kv.Lease{}, err
	}
	defer end()
	r, err := s.look(rowKey(spaceLease, k))
	if err != nil {
		return kv.Lease{}, s.fail("lease", err)
	}
	return leaseOf(k, r), nil
}

// Lock takes the lease of k, or returns kv.ErrLocked. It is always durable.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	var l kv.Lease
	if _, err := kv.Deadline(0, ttl); err != nil {
		return kv.Lease{}, err
	}
	err := s.edit(ctx, "lock", k, func(wb *grocksdb.WriteBatch, now int64) error {
		key := rowKey(spaceLease, k)
		r, err := s.live(key, now)
		if err == nil {
			return leaseOf(k, r).Held()
		}
		if err != kv.ErrNotFound {
			return err
		}
		exp, err := kv.Deadline(now, ttl)
		if err != nil {
			return err
		}
		fence, err := s.fence()
		if err != nil {
			return err
		}
		l = kv.Lease{Key: k, Owner: kv.NewOwner(), Fence: fence, Expires: kv.Moment(exp)}
		wb.Put(key, leaseRow(l).encode())
		return nil
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	if _, err := kv.Deadline(0, ttl); err != nil {
		return kv.Lease{}, err
	}
	err := s.edit(ctx, "renew", l.Key, func(wb *grocksdb.WriteBatch, now int64) error {
		if err := s.holds(l, now); err != nil {
			return err
		}
		exp, err := kv.Deadline(now, ttl)
		if err != nil {
			return err
		}
		l.Expires = kv.Moment(exp)
		wb.Put(rowKey(spaceLease, l.Key), leaseRow(l).encode())
		return nil
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	return s.edit(ctx, "unlock", l.Key, func(wb *grocksdb.WriteBatch, now int64) error {
		if err := s.holds(l, now); err != nil {
			return err
		}
		wb.Delete(rowKey(spaceLease, l.Key))
		return nil
	})
}

// holds returns kv.ErrNotOwner unless l is the running lease of its key, whose stripe is held.
func (s *Store) holds(l kv.Lease, now int64) error {
	r, err := s.live(rowKey(spaceLease, l.Key), now)
	if err == kv.ErrNotFound || err == nil && !l.Holds(leaseOf(l.Key, r)) {
		return kv.ErrNotOwner
	}
	return err
}

// SaveLease writes l in place of what is kept under its key, unless that has a larger fence.
func (s *Store) SaveLease(ctx context.Context, l kv.Lease) error {
	return s.edit(ctx, "save lease", l.Key, func(wb *grocksdb.WriteBatch, _ int64) error {
		key := rowKey(spaceLease, l.Key)
		r, err := s.stored(key)
		if err != nil && err != kv.ErrNotFound {
			return err
		}
		if err == nil && r.fence > l.Fence {
			return nil
		}
		wb.Put(key, leaseRow(l).encode())
		return nil
	})
}

// Leases returns all running leases.
func (s *Store) Leases(ctx context.Context) ([]kv.Lease, error) {
	end, err := s.begin(ctx, "leases")
	if err != nil {
		return nil, err
	}
	defer end()
	var all []kv.Lease
	now := s.clock.Milli()
	err = s.each(ctx, []byte{spaceLease}, nil, func(key, val []byte) (bool, error) {
		r, err := decode(val)
		if err != nil || !kv.Live(r.exp, now) {
			return true, err
		}
		k, err := keyOf(key)
		all = append(all, leaseOf(k, r))
		return true, err
	})
	if err != nil {
		return nil, s.fail("leases", err)
	}
	return all, nil
}

// fenceBlock is how many fencing numbers are taken from the file at a time; a crash loses the rest.
const fenceBlock = 1024

// fence returns a number larger than all before it.
func (s *Store) fence() (uint64, error) {
	f := &s.fences
	f.Lock()
	defer f.Unlock()
	if f.next == f.end {
		after, err := s.reserve(fenceBlock)
		if err != nil {
			return 0, err
		}
		f.next, f.end = after, after+fenceBlock
	}
	f.next++
	return f.next, nil
}

// reserve takes n numbers and returns the one before them. s.fences is locked.
func (s *Store) reserve(n uint64) (after uint64, err error) {
	f := &s.fences
	if n > math.MaxInt64 || f.high > math.MaxInt64-n {
		return 0, kv.ErrOverflow
	}
	if err := s.db.Put(s.native.synced, metaFence, number(f.high+n)); err != nil {
		return 0, err
	}
	after, f.high = f.high, f.high+n
	return after, nil
}

// ReserveFences takes n fencing numbers and returns the one before them. Locks that this store gives out later have larger
// ones.
func (s *Store) ReserveFences(ctx context.Context, n uint64) (uint64, error) {
	end, err := s.begin(ctx, "reserve fences")
	if err != nil {
		return 0, err
	}
	defer end()
	s.fences.Lock()
	defer s.fences.Unlock()
	after, err := s.reserve(n)
	if err != nil {
		return 0, s.fail("reserve fences", err)
	}
	s.fences.next, s.fences.end = 0, 0
	return after, nil
}
