package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
)

// How much a Purge looks at: some buckets with a few rows each, or the buckets that had more than that.
const (
	purgeBuckets = 1024
	purgeRows    = 32
	purgeDeep    = 8
	purgeMany    = 256
)

// swept is what the script says of one bucket.
type swept struct {
	removed      int
	rows, octets int64
}

// occupied returns which of the buckets from the first up to the last, exclusive, hold anything: most prefixes have no
// rows here, and asking is much cheaper than a script.
func (s *Store) occupied(ctx context.Context, first, last int) ([]int, error) {
	inner, cancel := s.bound(ctx)
	defer cancel()
	pipe := s.client.Pipeline()
	cmds := make([]*redis.StringCmd, 0, last-first)
	for b := first; b < last; b++ {
		cmds = append(cmds, pipe.HGet(inner, s.base(b)+"t", "n"))
	}
	if _, err := pipe.Exec(inner); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var which []int
	for i, c := range cmds {
		switch n, err := c.Result(); {
		case err != nil && !errors.Is(err, redis.Nil):
			return nil, err
		case n != "" && n != "0":
			which = append(which, first+i)
		}
	}
	return which, nil
}

// sweep removes up to most expired rows of each bucket.
func (s *Store) sweep(ctx context.Context, which []int, most int) ([]swept, error) {
	calls := make([]call, len(which))
	for i, b := range which {
		calls[i] = call{b, nil, []any{most}}
	}
	replies, err := s.runMany(ctx, sweepScript, calls)
	if err != nil {
		return nil, err
	}
	all := make([]swept, len(which))
	for i, reply := range replies {
		is, _ := reply.([]any)
		if len(is) != 3 {
			return nil, errFormat
		}
		n, _ := is[0].(int64)
		all[i].removed = int(n)
		rows, _ := is[1].(string)
		octets, _ := is[2].(string)
		if all[i].rows, err = strconv.ParseInt(rows, 10, 64); err != nil {
			return nil, errFormat
		}
		if all[i].octets, err = strconv.ParseInt(octets, 10, 64); err != nil {
			return nil, errFormat
		}
	}
	return all, nil
}

// Purge removes expired rows. Buckets know which of their rows expire and when, so it looks at nothing else. A row
// that was written anew is compared again in the script that deletes.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, true, err
	}
	s.purge.Lock()
	defer s.purge.Unlock()
	deep, most, next := len(s.purge.more) > 0, purgeRows, s.purge.next
	var which []int
	if deep {
		most = purgeMany
		which = s.purge.more[:min(len(s.purge.more), purgeDeep)]
	} else {
		next = min(next+purgeBuckets, allBuckets)
		if which, err = s.occupied(ctx, s.purge.next, next); err != nil {
			return 0, true, fail(ctx, "purge", err)
		}
	}
	all, err := s.sweep(ctx, which, most)
	if err != nil {
		return 0, true, fail(ctx, "purge", err)
	}
	var again []int
	for i, is := range all {
		if removed += is.removed; is.removed == most {
			again = append(again, which[i])
		}
	}
	if deep {
		s.purge.more = append(s.purge.more[len(which):], again...)
	} else {
		s.purge.more = again
		s.purge.next = next
	}
	if len(s.purge.more) == 0 && s.purge.next == allBuckets {
		s.purge.next = 0
		return removed, false, nil
	}
	return removed, true, nil
}

// Stats returns the totals of all prefixes. It removes what is expired first, since the totals know no times.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var totals [256]kv.PrefixStats
	for first := 0; first < allBuckets; first += purgeBuckets {
		which, err := s.occupied(ctx, first, first+purgeBuckets)
		if err != nil {
			return nil, fail(ctx, "stats", err)
		}
		for len(which) > 0 {
			if err := s.begin(ctx); err != nil {
				return nil, err
			}
			all, err := s.sweep(ctx, which, purgeMany)
			if err != nil {
				return nil, fail(ctx, "stats", err)
			}
			var again []int
			for i, is := range all {
				if is.removed == purgeMany {
					again = append(again, which[i])
					continue
				}
				totals[which[i]/buckets].Rows += is.rows
				totals[which[i]/buckets].Octets += is.octets
			}
			which = again
		}
	}
	var stats []kv.PrefixStats
	for p, t := range totals {
		if t.Rows > 0 {
			t.Prefix = kv.Prefix(p)
			stats = append(stats, t)
		}
	}
	return stats, nil
}
