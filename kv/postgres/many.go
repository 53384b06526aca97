package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
)

var _ kv.Adder = (*Store)(nil)

// IncrMany adds to many counters in one transaction and one round trip, in the order of their keys so that no two such
// calls wait for each other. If one would overflow, which ends the transaction, they are added to one by one.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	ms, err := kv.Deadline(0, ttl)
	if err != nil || len(adds) == 0 {
		return nil, err
	}
	numbers, err := s.incrBatch(ctx, adds, ms)
	for try := 0; try < deadlockTries && state(err) == "40P01"; try++ { // the server took it back as a whole
		numbers, err = s.incrBatch(ctx, adds, ms)
	}
	if errors.Is(err, kv.ErrOverflow) {
		return kv.IncrEach(ctx, adds, 1, func(ctx context.Context, a kv.Addition) (int64, error) { return s.Incr(ctx, a.Key, a.By, ttl) }, ttl)
	}
	return numbers, err
}

// deadlockTries is how often a batch is sent again that met a deletion of many rows.
const deadlockTries = 10

func (s *Store) incrBatch(ctx context.Context, adds []kv.Addition, ms int64) ([]int64, error) {
	order := make([]int, len(adds))
	nowait := true
	for i, a := range adds {
		order[i] = i
		nowait = nowait && later(a.Key.Prefix)
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := adds[i].Key, adds[j].Key
		if a.Prefix != b.Prefix {
			return int(a.Prefix) - int(b.Prefix)
		}
		return strings.Compare(a.Name, b.Name)
	})
	numbers, own := make([]int64, len(adds)), make([]error, len(adds))
	err := s.do(ctx, "increment many", func(ctx context.Context) (err error) {
		var batch pgx.Batch
		now := s.now()
		for _, i := range order {
			batch.Queue(s.q.incr, now, nowait, adds[i].Key.Octets(), adds[i].By, ms)
		}
		replies := s.pool.SendBatch(ctx, &batch)
		defer func() {
			if closed := replies.Close(); err == nil {
				err = closed
			}
		}()
		for _, i := range order {
			numbers[i], own[i] = 0, nil
			err := absent(replies.QueryRow().Scan(&numbers[i], nil), kv.ErrNotCounter)
			if errors.Is(err, kv.ErrNotCounter) {
				own[i] = s.fail(ctx, "increment", err)
			} else if err != nil {
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
