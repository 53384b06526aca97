package sqlite

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// Rate asks rule for cost units of k's allowance.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	key := kv.Key{Prefix: k.Prefix, Name: kv.RateName(k.Name, rule)}.Octets()
	var d kv.Decision
	if peek {
		now := s.clock.Nano()
		err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
			old, err := rateState(c, key)
			_, _, d = rule.Take(old, now, cost)
			return err
		})
		return d, fail("rate", err)
	}
	err := s.write(ctx, "rate", func(tx *sqlite.Tx, _ int64) error {
		old, err := rateState(tx.Conn, key)
		if err != nil {
			return err
		}
		var next kv.RateState
		var exp int64
		next, exp, d = rule.Take(old, s.clock.Nano(), cost)
		if !d.Allowed {
			return nil
		}
		s.anyRate.Store(true)
		_, err = tx.Exec(`INSERT INTO rate VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET state = excluded.state, exp = excluded.exp`, key, next.Append(nil), exp)
		return err
	})
	if err != nil {
		return kv.Decision{}, err
	}
	return d, nil
}

func rateState(c *sqlite.Conn, key []byte) (kv.RateState, error) {
	var b []byte
	err := c.QueryRow(`SELECT state FROM rate WHERE k = ?`, key).Scan(&b)
	if errors.Is(err, sqlite.ErrNoRows) {
		return kv.RateState{}, nil
	}
	if err != nil {
		return kv.RateState{}, err
	}
	return kv.ParseRateState(b)
}

// lease returns the running lease of k, or kv.ErrNotFound.
func lease(c *sqlite.Conn, k kv.Key, now int64) (kv.Lease, error) {
	l := kv.Lease{Key: k}
	var exp int64
	err := c.QueryRow(`SELECT owner, fence, exp FROM lock WHERE k = ?`, k.Octets()).Scan(&l.Owner, &l.Fence, &exp)
	if errors.Is(err, sqlite.ErrNoRows) || err == nil && !kv.Live(exp, now) {
		return kv.Lease{}, kv.ErrNotFound
	}
	l.Expires = kv.Moment(exp)
	return l, err
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	var l kv.Lease
	now := s.clock.Milli()
	err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) (err error) {
		l, err = lease(c, k, now)
		return err
	})
	return l, fail("lease", err)
}

// Lock takes the lease of k, or returns kv.ErrLocked. It is always durable.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	var l kv.Lease
	err := s.edit(ctx, "lock", k, nil, ttl, func(tx *sqlite.Tx, _ []byte, now, exp int64) error {
		held, err := lease(tx.Conn, k, now)
		if err == nil {
			return held.Held()
		}
		if err != kv.ErrNotFound {
			return err
		}
		fence, err := fences(tx, 1)
		if err != nil {
			return err
		}
		l = kv.Lease{Key: k, Owner: kv.NewOwner(), Fence: fence + 1, Expires: kv.Moment(exp)}
		return s.saveLease(tx, l)
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// fences takes n fencing numbers and returns the one before them.
func fences(tx *sqlite.Tx, n uint64) (uint64, error) {
	var last uint64
	if err := meta(tx.Conn, "fence", &last); err != nil {
		return 0, err
	}
	if n > math.MaxInt64-last {
		return 0, kv.ErrOverflow
	}
	return last, setMeta(tx, "fence", last+n)
}

// ReserveFences takes n fencing numbers and returns the one before them.
func (s *Store) ReserveFences(ctx context.Context, n uint64) (uint64, error) {
	var last uint64
	err := s.write(ctx, "reserve fences", func(tx *sqlite.Tx, _ int64) (err error) {
		last, err = fences(tx, n)
		return err
	})
	return last, err
}

func (s *Store) saveLease(tx *sqlite.Tx, l kv.Lease) error {
	var exp int64
	if !l.Expires.IsZero() {
		exp = l.Expires.UnixMilli()
	}
	s.anyLock.Store(true)
	_, err := tx.Exec(`INSERT INTO lock VALUES (?, ?, ?, ?)
		ON CONFLICT (k) DO UPDATE SET owner = excluded.owner, fence = excluded.fence, exp = excluded.exp
		WHERE excluded.fence >= lock.fence`, l.Key.Octets(), l.Owner, l.Fence, exp)
	return err
}

// SaveLease writes l in place of what is kept under its key, unless that is newer.
func (s *Store) SaveLease(ctx context.Context, l kv.Lease) error {
	if err := l.Key.Check(); err != nil {
		return err
	}
	return s.write(ctx, "save lease", func(tx *sqlite.Tx, _ int64) error { return s.saveLease(tx, l) })
}

// Leases returns all running leases.
func (s *Store) Leases(ctx context.Context) ([]kv.Lease, error) {
	var all []kv.Lease
	now := s.clock.Milli()
	err := s.db.Read(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT k, owner, fence, exp FROM lock WHERE exp = 0 OR exp > ?`, now)
		for rows.Next() {
			var key []byte
			var l kv.Lease
			var exp int64
			err := rows.Scan(&key, &l.Owner, &l.Fence, &exp)
			if err == nil {
				l.Key, err = kv.ParseKey(key)
			}
			if err != nil {
				return err
			}
			l.Expires = kv.Moment(exp)
			all = append(all, l)
		}
		return rows.Close()
	})
	return all, fail("leases", err)
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	err := s.edit(ctx, "renew", l.Key, nil, ttl, func(tx *sqlite.Tx, _ []byte, now, exp int64) error {
		if err := holds(tx, l, now); err != nil {
			return err
		}
		l.Expires = kv.Moment(exp)
		return s.saveLease(tx, l)
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	return s.write(ctx, "unlock", func(tx *sqlite.Tx, now int64) error {
		if err := holds(tx, l, now); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM lock WHERE k = ?`, l.Key.Octets())
		return err
	})
}

// holds returns kv.ErrNotOwner unless l is the running lease of its key.
func holds(tx *sqlite.Tx, l kv.Lease, now int64) error {
	is, err := lease(tx.Conn, l.Key, now)
	if err == kv.ErrNotFound || err == nil && !l.Holds(is) {
		return kv.ErrNotOwner
	}
	return err
}
