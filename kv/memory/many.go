package memory

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var _ kv.Adder = (*Store)(nil)

// IncrMany adds to many counters.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	return kv.IncrEach(ctx, adds, 1, func(ctx context.Context, a kv.Addition) (int64, error) { return s.Incr(ctx, a.Key, a.By, ttl) }, ttl)
}
