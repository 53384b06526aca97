package mysql

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// A lease's row stays when the lease was given up, since it holds the last fence of its key. Purge removes it, after it
// has raised the floor: the number above which the fences of all new rows begin. A row is made only under a share lock
// on the floor that its fence was reckoned from, so no fence is given that a purged row had before.
const (
	leaseLook   = `SELECT {micros}, r.expires, r.fence, m.val FROM {meta} m LEFT JOIN {rows} r ON r.k = :k AND r.sub = 'L' WHERE m.name = 'floor'`
	leaseInsert = `INSERT INTO {rows} (k, sub, v, size, expires, fence)
		SELECT :k, 'L', :owner, 40, :expires, :fence FROM {meta} WHERE name = 'floor' AND val = :floor LOCK IN SHARE MODE`
	leaseTake = `UPDATE {rows} SET v = :owner, size = 40, expires = :expires, fence = :fence
		WHERE k = :k AND sub = 'L' AND fence = :wasfence AND expires = :wasexpires`
	leaseRead  = `SELECT v, expires, fence FROM {rows} WHERE k = :k AND sub = 'L' AND {live}`
	leaseRenew = `UPDATE {rows} SET expires = LAST_INSERT_ID({end})
		WHERE k = :k AND sub = 'L' AND {stands} AND fence = :fence AND v = :owner`
	leaseEnd = `UPDATE {rows} SET expires = 1, v = '', size = 0
		WHERE k = :k AND sub = 'L' AND {stands} AND fence = :fence AND v = :owner`
)

// lockTries bounds how often the row of a lease may change between two statements: each time somebody else got on.
const lockTries = 100

// Lock takes the lease of k, or returns kv.ErrLocked, for which nothing is written. It is always durable.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	if _, err := millis(ttl); err != nil {
		return kv.Lease{}, err
	}
	l := kv.Lease{Key: k, Owner: kv.NewOwner()}
	err := s.call(ctx, "lock", func(ctx context.Context) error {
		for range lockTries {
			if taken, err := s.take(ctx, &l, ttl); taken || err != nil {
				return err
			}
		}
		return errors.New("the lease comes and goes faster than it is read")
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// take tries once, and says whether nobody came in between.
func (s *Store) take(ctx context.Context, l *kv.Lease, ttl time.Duration) (bool, error) {
	key := l.Key.Octets()
	var micros int64
	var expires sql.NullInt64
	var fence sql.Null[uint64]
	var floor uint64
	if err := s.row(ctx, leaseLook, args{"k": key}, &micros, &expires, &fence, &floor); err != nil {
		return false, err
	}
	now := micros / 1000
	if s.clock != nil {
		now = s.clock.Milli()
	}
	if expires.Valid && kv.Live(expires.Int64, now) {
		return false, kv.Lease{Key: l.Key, Expires: kv.Moment(expires.Int64)}.Held()
	}
	deadline, err := kv.Deadline(now, ttl)
	if err != nil {
		return false, err
	}
	query, last := leaseInsert, floor
	if expires.Valid {
		query, last = leaseTake, fence.V
	}
	l.Fence, l.Expires = last+1, kv.Moment(deadline)
	d, err := s.exec(ctx, query, args{
		"k": key, "owner": []byte(l.Owner), "expires": deadline, "fence": l.Fence,
		"floor": floor, "wasfence": fence.V, "wasexpires": expires.Int64,
	})
	if number(err) == erDupEntry {
		return false, nil
	}
	return d.rows > 0, err
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	l := kv.Lease{Key: k}
	err := s.call(ctx, "lease", func(ctx context.Context) error {
		return s.strict(func() error {
			var owner []byte
			var expires int64
			err := s.row(ctx, leaseRead, args{"k": k.Octets()}, &owner, &expires, &l.Fence)
			if errors.Is(err, sql.ErrNoRows) {
				return kv.ErrNotFound
			}
			l.Owner, l.Expires = string(owner), kv.Moment(expires)
			return err
		})
	})
	if err != nil {
		return kv.Lease{}, err
	}
	return l, nil
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	ms, err := millis(ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	d, err := s.own(ctx, "renew", leaseRenew, l, ms)
	if err != nil {
		return kv.Lease{}, err
	}
	l.Expires = kv.Moment(d.id)
	return l, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	_, err := s.own(ctx, "unlock", leaseEnd, l, 0)
	return err
}

// own changes the row of a running lease that is l.
func (s *Store) own(ctx context.Context, act, query string, l kv.Lease, ttl int64) (d done, err error) {
	if err := l.Key.Check(); err != nil {
		return done{}, err
	}
	err = s.call(ctx, act, func(ctx context.Context) error {
		d, err = s.exec(ctx, query, args{"k": l.Key.Octets(), "fence": l.Fence, "owner": []byte(l.Owner), "ttl": ttl})
		if err == nil && d.rows == 0 {
			err = kv.ErrNotOwner
		}
		return err
	})
	return d, err
}
