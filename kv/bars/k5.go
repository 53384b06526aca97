package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// k5 compares rate limits with those of redis_rate, which is GCRA in a Lua script. All are so large that
// nothing is refused.
func k5(ctx context.Context, t *table) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close(&err)
	e, err := b.engine(ctx, 0, engine.Options{})
	if err != nil {
		return err
	}
	client, err := b.redis(ctx)
	if err != nil {
		return err
	}
	limiter := redis_rate.NewLimiter(client)
	limit := redis_rate.Limit{Rate: 1 << 30, Burst: 1 << 30, Period: time.Second}
	keys, names := make([]kv.Key, counters), make([]string, counters)
	for i := range counters {
		names[i] = fmt.Sprintf("a limit of usual length/%06d", i)
		keys[i] = kv.Key{Prefix: kv.ScriptRate, Name: names[i]}
	}
	for _, rule := range []kv.Rule{{Limit: 1 << 40, Per: time.Hour}, {Limit: 1 << 40, Per: time.Hour, Burst: 1 << 30}} {
		kind := "sliding window"
		if rule.Burst > 0 {
			kind = "with a burst"
		}
		for _, n := range []int{1, 8} {
			err := t.compare(ctx, kind+", "+goroutines(n), nil,
				&side{goroutines: n, op: func(ctx context.Context, g, i int) error {
					d, err := e.Rate(ctx, keys[(i+g*100)%counters], rule, 1, false)
					if err == nil && !d.Allowed {
						err = fmt.Errorf("refused: %+v", d)
					}
					return err
				}},
				&side{name: "redis_rate", goroutines: n, op: func(ctx context.Context, g, i int) error {
					res, err := limiter.Allow(ctx, names[(i+g*100)%counters], limit)
					if err == nil && res.Allowed == 0 {
						err = fmt.Errorf("refused: %+v", res)
					}
					return err
				}, bar: 50})
			if err != nil {
				return err
			}
		}
	}
	t.note("the simulated worst window and the even flow at the limit are tests of package kv")
	return nil
}
