package memory

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Rate asks rule for cost units of k's allowance.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Decision{}, err
	}
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.clock.Nano()
	rk := rateKey{k, rule}
	old, stored := st.rates[rk]
	next, deadline, d := rule.Take(old.state, now, cost)
	if peek || !d.Allowed {
		return d, nil
	}
	if !stored {
		if err := s.room(st, k.Prefix, now/int64(time.Millisecond)); err != nil {
			return kv.Decision{}, err
		}
		st.rules[rule]++
	}
	st.rates[rk] = rate{next, deadline}
	return d, nil
}

// Lock takes the lease of k, or returns kv.ErrLocked.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.clock.Milli()
	deadline, err := kv.Deadline(now, ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	old, stored := st.leases[k]
	if stored && kv.Live(old.deadline, now) {
		return kv.Lease{}, old.public(k).Held()
	}
	fence, err := s.fences()
	if err != nil {
		return kv.Lease{}, err
	}
	if !stored {
		if err := s.room(st, k.Prefix, now); err != nil {
			return kv.Lease{}, err
		}
	}
	l := lease{kv.NewOwner(), fence, deadline, durable}
	st.leases[k] = l
	return l.public(k), nil
}

func (l lease) public(k kv.Key) kv.Lease {
	return kv.Lease{Key: k, Owner: l.owner, Fence: l.fence, Expires: kv.Moment(l.deadline)}
}

// held returns the stored lease if it runs and is the caller's. The stripe is locked.
func (s *Store) held(st *stripe, l kv.Lease, now int64) (lease, error) {
	is, ok := st.leases[l.Key]
	if !ok || !kv.Live(is.deadline, now) || !l.Holds(is.public(l.Key)) {
		return lease{}, kv.ErrNotOwner
	}
	return is, nil
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	st := s.stripe(l.Key)
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.clock.Milli()
	deadline, err := kv.Deadline(now, ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	is, err := s.held(st, l, now)
	if err != nil {
		return kv.Lease{}, err
	}
	is.deadline = deadline
	st.leases[l.Key] = is
	return is.public(l.Key), nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	st := s.stripe(l.Key)
	st.mu.Lock()
	defer st.mu.Unlock()
	if _, err := s.held(st, l, s.clock.Milli()); err != nil {
		return err
	}
	delete(st.leases, l.Key)
	s.rows[l.Key.Prefix].Add(-1)
	return nil
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	is, ok := st.leases[k]
	if !ok || !kv.Live(is.deadline, s.clock.Milli()) {
		return kv.Lease{}, kv.ErrNotFound
	}
	return is.public(k), nil
}

// Durable reports whether the running lease of k was locked with durable.
func (s *Store) Durable(k kv.Key) bool {
	st := s.stripe(k)
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.leases[k].durable
}

// Restore puts a durable lease in place, as it was before the process was started again.
func (s *Store) Restore(l kv.Lease) {
	st := s.stripe(l.Key)
	st.mu.Lock()
	defer st.mu.Unlock()
	if _, stored := st.leases[l.Key]; !stored {
		s.rows[l.Key.Prefix].Add(1)
	}
	is := lease{owner: l.Owner, fence: l.Fence, durable: true}
	if !l.Expires.IsZero() {
		is.deadline = l.Expires.UnixMilli()
	}
	st.leases[l.Key] = is
}
