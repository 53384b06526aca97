package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var _ kv.Adder = (*Store)(nil)

// IncrMany adds to many counters, in one pipeline for each server.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	life, err := ttlText(ttl)
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(adds))
	for i, a := range adds {
		calls[i] = call{bucketOf(a.Key), []string{"v" + a.Key.Name}, []any{a.Key.Name, strconv.FormatInt(a.By, 10), life}}
	}
	replies, err := s.runMany(ctx, incrScript, calls)
	if err != nil {
		return nil, fail(ctx, "increment many", err)
	}
	numbers, own := make([]int64, len(adds)), make([]error, len(adds))
	for i, r := range replies {
		if err, ok := r.(error); ok {
			own[i] = fail(ctx, "increment", err)
			continue
		}
		text, _ := r.(string)
		if numbers[i], err = kv.ParseCounter([]byte(text)); err != nil {
			return nil, fmt.Errorf("kv/redis: increment many: %w", errFormat)
		}
	}
	return numbers, kv.FirstError(own)
}
