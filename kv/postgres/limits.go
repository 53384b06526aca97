package postgres

import (
	"context"
	"math"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Rate asks rule for cost units of k's allowance. The function take in the database does what rule.Take does.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	d := kv.Decision{Limit: rule.Limit}
	key, name := k.Octets(), rule.String()
	err := s.do(ctx, "rate", func(ctx context.Context) error {
		row := s.pool.QueryRow(ctx, s.q.rate, s.nano(), key, name, rule.Limit, int64(rule.Per), rule.Burst, cost, peek)
		return row.Scan(&d.Allowed, &d.Remaining, (*int64)(&d.RetryAfter))
	})
	if err != nil {
		return kv.Decision{}, err
	}
	return d, nil
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	var owner []byte
	var fence, exp int64
	err := s.read(ctx, "lease", func(ctx context.Context, now any) error {
		row := s.pool.QueryRow(ctx, s.q.lease, now, k.Octets())
		return absent(row.Scan(&owner, &fence, &exp), kv.ErrNotFound)
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return kv.Lease{Key: k, Owner: string(owner), Fence: uint64(fence), Expires: kv.Moment(exp)}, nil
}

// Lock takes the lease of k, or returns kv.ErrLocked. A lease survives a crash of the server if durable is set or
// k's prefix is durable.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	ms, err := check(k, nil, ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	owner := kv.NewOwner()
	var mine bool
	var fence, exp *int64
	err = s.do(ctx, "lock", func(ctx context.Context) error {
		row := s.pool.QueryRow(ctx, s.q.lock, s.now(), k.Octets(), []byte(owner), ms, durable || !later(k.Prefix))
		if err := row.Scan(&mine, &fence, &exp); err != nil {
			return err
		}
		if fence == nil || exp == nil { // taken and given up by another while the function ran
			return kv.ErrLocked
		}
		return nil
	})
	if err != nil {
		return kv.Lease{}, err
	}
	l := kv.Lease{Key: k, Owner: owner, Fence: uint64(*fence), Expires: kv.Moment(*exp)}
	if !mine {
		return kv.Lease{}, l.Held()
	}
	return l, nil
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	ms, err := check(l.Key, nil, ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	if l.Fence > math.MaxInt64 {
		return kv.Lease{}, kv.ErrNotOwner
	}
	var exp int64
	err = s.do(ctx, "renew", func(ctx context.Context) error {
		row := s.pool.QueryRow(ctx, s.q.renew, s.now(), l.Key.Octets(), []byte(l.Owner), int64(l.Fence), ms)
		return absent(row.Scan(&exp, nil), kv.ErrNotOwner)
	})
	if err != nil {
		return kv.Lease{}, err
	}
	l.Expires = kv.Moment(exp)
	return l, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	if err := l.Key.Check(); err != nil {
		return err
	}
	if l.Fence > math.MaxInt64 {
		return kv.ErrNotOwner
	}
	return s.do(ctx, "unlock", func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, s.q.free, s.now(), l.Key.Octets(), []byte(l.Owner), int64(l.Fence))
		if err == nil && tag.RowsAffected() == 0 {
			return kv.ErrNotOwner
		}
		return err
	})
}
