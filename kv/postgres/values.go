package postgres

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
)

// cell is what a row holds: octets, or a number if they are spelled as one.
type cell struct {
	v []byte
	n *int64
}

func cellOf(v []byte) cell {
	if n, err := kv.ParseCounter(v); err == nil {
		return cell{n: &n}
	}
	if v == nil {
		v = []byte{} // NULL would mean a number
	}
	return cell{v: v}
}

// row is a row of kv as statements return it.
type row struct {
	cell
	exp, fence int64
}

func (r *row) scan() []any { return []any{&r.v, &r.n, &r.exp, &r.fence} }

func (r *row) value() kv.Value {
	v := r.v
	if r.n != nil {
		v = kv.FormatCounter(*r.n)
	}
	return kv.Value{Bytes: v, Expires: kv.Moment(r.exp), Fence: uint64(r.fence)}
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	var r row
	err := s.read(ctx, "get", func(ctx context.Context, now any) error {
		r = row{}
		return absent(s.pool.QueryRow(ctx, s.q.get, now, k.Octets()).Scan(r.scan()...), kv.ErrNotFound)
	})
	if err != nil {
		return kv.Value{}, err
	}
	return r.value(), nil
}

// absent turns the absence of a row into what it means.
func absent(err, meaning error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return meaning
	}
	return err
}

// GetMany returns one value per key, all of one moment; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	places := make(map[string][]int, len(ks))
	keys := make([][]byte, 0, len(ks))
	for i, k := range ks {
		key := k.Octets()
		if places[string(key)] == nil {
			keys = append(keys, key)
		}
		places[string(key)] = append(places[string(key)], i)
	}
	err := s.read(ctx, "get many", func(ctx context.Context, now any) error {
		clear(values)
		if len(ks) == 0 {
			return nil
		}
		rows, err := s.pool.Query(ctx, s.q.many, now, keys)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key []byte
			var r row
			if err := rows.Scan(append([]any{&key}, r.scan()...)...); err != nil {
				return err
			}
			for _, i := range places[string(key)] {
				values[i] = r.value()
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// check refuses what no write takes, and returns the ttl in milliseconds.
func check(k kv.Key, v []byte, ttl time.Duration) (int64, error) {
	if err := k.Check(); err != nil {
		return 0, err
	}
	if err := kv.CheckValue(v); err != nil {
		return 0, err
	}
	return kv.Deadline(0, ttl)
}

// write runs a statement that changes one row of kv or, if something is against it, none.
func (s *Store) write(ctx context.Context, act, sql string, k kv.Key, args ...any) (done bool, err error) {
	args = append([]any{nil, later(k.Prefix), k.Octets()}, args...)
	err = s.do(ctx, act, func(ctx context.Context) error {
		args[0] = s.now()
		tag, err := s.pool.Exec(ctx, sql, args...)
		done = tag.RowsAffected() > 0
		return err
	})
	return done && err == nil, err
}

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	ms, err := check(k, v, ttl)
	if err != nil {
		return err
	}
	c := cellOf(v)
	_, err = s.write(ctx, "set", s.q.set, k, c.v, c.n, ms)
	return err
}

// SetFenced writes the value unless a larger fence has written the row.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	ms, err := check(k, v, ttl)
	if err != nil {
		return err
	}
	if fence > math.MaxInt64 {
		return kv.ErrNotOwner // no such number was ever given out
	}
	c := cellOf(v)
	done, err := s.write(ctx, "set fenced", s.q.setFenced, k, c.v, c.n, ms, int64(fence))
	if err == nil && !done {
		return kv.ErrNotOwner
	}
	return err
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	ms, err := check(k, v, ttl)
	if err != nil {
		return false, err
	}
	c := cellOf(v)
	return s.write(ctx, "add", s.q.add, k, c.v, c.n, ms)
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	if old == nil {
		return s.Add(ctx, k, next, ttl)
	}
	ms, err := check(k, next, ttl)
	if err != nil {
		return false, err
	}
	if len(old) > kv.MaxValue {
		return false, nil // no row holds that
	}
	was, c := cellOf(old), cellOf(next)
	return s.write(ctx, "compare and swap", s.q.swap, k, c.v, c.n, ms, was.v, was.n)
}

// Delete removes what is under the key, values, allowances and lease, and says whether there was something.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := k.Check(); err != nil {
		return false, err
	}
	key := k.Octets()
	var live int64
	err := s.do(ctx, "delete", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, s.q.deleteOne, s.now(), later(k.Prefix), key).Scan(&live, nil)
	})
	return live > 0 && err == nil, err
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	ms, err := check(k, nil, ttl)
	if err != nil {
		return 0, err
	}
	var n int64
	err = s.do(ctx, "increment", func(ctx context.Context) error {
		row := s.pool.QueryRow(ctx, s.q.incr, s.now(), later(k.Prefix), k.Octets(), by, ms)
		return absent(row.Scan(&n, nil), kv.ErrNotCounter)
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
