package sqlite

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

var _ kv.Adder = (*Store)(nil)

// IncrMany adds to many counters in one commit.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	if _, err := kv.Deadline(0, ttl); err != nil {
		return nil, err
	}
	if len(adds) == 0 {
		return nil, ctx.Err()
	}
	numbers, own := make([]int64, len(adds)), make([]error, len(adds))
	err := s.write(ctx, "increment many", func(tx *sqlite.Tx, now int64) error {
		exp, err := kv.Deadline(now, ttl)
		if err != nil {
			return err
		}
		for i, a := range adds {
			numbers[i], own[i] = 0, nil
			n, err := s.increment(tx, a.Key.Octets(), a.By, now, exp)
			switch {
			case err == nil:
				numbers[i] = n
			case kv.OfCounter(err):
				own[i] = fail("increment", err)
			default:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return numbers, kv.FirstError(own)
}

// increment adds to the counter of key. A new one ends at exp.
func (s *Store) increment(tx *sqlite.Tx, key []byte, by, now, exp int64) (int64, error) {
	n := int64(0)
	is, err := read(tx.Conn, key, now)
	if err == nil {
		exp = is.exp
		n, err = kv.ParseCounter(is.v)
	}
	if err != nil && err != kv.ErrNotFound {
		return 0, err
	}
	if n, err = kv.AddCounter(n, by); err != nil {
		return 0, err
	}
	return n, s.put(tx, key, row{v: kv.FormatCounter(n), exp: exp}, now)
}
