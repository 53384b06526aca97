package overlay

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Rate asks rule for cost units. What the layer has taken so far is put on top of the
// cost when the base is peeked at, so both allowances together are never overdrawn.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, err := s.layer.Rate(ctx, k, rule, cost, true)
	if err != nil {
		return kv.Decision{}, err
	}
	d := own
	if !s.owns(k, allowances) {
		if d, err = s.rateBelow(ctx, k, rule, cost, own); err != nil {
			return kv.Decision{}, err
		}
	}
	if d.Allowed && !peek {
		if _, err := s.layer.Rate(ctx, k, rule, cost, false); err != nil {
			return kv.Decision{}, err
		}
	}
	return d, nil
}

// rateBelow joins the layer's own decision with the base's.
func (s *Store) rateBelow(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, own kv.Decision) (kv.Decision, error) {
	whole := rule.Limit
	if rule.Burst > 0 {
		whole = rule.Burst
	}
	free, err := s.base.Rate(ctx, k, rule, 0, true)
	if err != nil || free.Remaining == whole {
		return own, err // nobody used it there
	}
	taken := whole - own.Remaining
	if own.Allowed {
		taken -= cost
	}
	base, err := s.base.Rate(ctx, k, rule, min(cost, whole)+taken, true)
	if err != nil {
		return kv.Decision{}, err
	}
	d := kv.Decision{Allowed: own.Allowed && base.Allowed, Limit: rule.Limit}
	if d.Allowed {
		d.Remaining = min(own.Remaining, base.Remaining)
		return d, nil
	}
	d.Remaining = max(min(whole, free.Remaining)-taken, 0)
	d.RetryAfter = max(own.RetryAfter, base.RetryAfter)
	return d, nil
}

// adoptLease takes the base's running lease of k into the layer. mu is held.
func (s *Store) adoptLease(ctx context.Context, k kv.Key) error {
	r, ok := s.base.(kv.LeaseReader)
	if !ok || s.owns(k, lease) {
		return nil
	}
	l, err := r.Lease(ctx, k)
	switch {
	case err == nil:
		s.layer.Restore(l)
	case !errors.Is(err, kv.ErrNotFound) && !errors.Is(err, kv.ErrUnsupported):
		return err
	}
	s.owned[k] |= lease
	return nil
}

// Lock takes the lease of k in the layer, or returns kv.ErrLocked.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.adoptLease(ctx, k); err != nil {
		return kv.Lease{}, err
	}
	return s.layer.Lock(ctx, k, ttl, durable)
}

// Renew extends the lease in the layer, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.adoptLease(ctx, l.Key); err != nil {
		return kv.Lease{}, err
	}
	return s.layer.Renew(ctx, l, ttl)
}

// Unlock gives the lease up in the layer, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.adoptLease(ctx, l.Key); err != nil {
		return err
	}
	return s.layer.Unlock(ctx, l)
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.adoptLease(ctx, k); err != nil {
		return kv.Lease{}, err
	}
	return s.layer.Lease(ctx, k)
}
