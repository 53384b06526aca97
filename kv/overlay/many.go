package overlay

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var _ kv.Adder = (*Store)(nil)

// IncrMany adds to many counters in the layer, which adopts them in one read of the base.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	if _, err := kv.Deadline(0, ttl); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []kv.Key
	for _, a := range adds {
		if !s.owns(a.Key, row) {
			missing = append(missing, a.Key)
		}
	}
	if len(missing) > 0 {
		now := s.clock.Milli()
		values, err := s.base.GetMany(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			if v.Bytes != nil && s.live(v, now) {
				if err := s.layer.Put(missing[i], v); err != nil {
					return nil, err
				}
			}
			s.owned[missing[i]] |= row
		}
	}
	return s.layer.IncrMany(ctx, adds, ttl)
}
