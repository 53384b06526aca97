package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// cachedRows are few enough to be in the cache, all of them.
const cachedRows = 10_000

// errNotCached says that K1 would measure something else.
var errNotCached = errors.New("rows are not cached")

// k1 compares reads of cached rows with Redis, and counts what they allocate.
func k1(ctx context.Context, t *table) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close(&err)
	e, err := b.engine(ctx, cachedRows, engine.Options{CacheBytes: 64 << 20})
	if err != nil {
		return err
	}
	client, err := b.redis(ctx)
	if err == nil {
		err = fillRedis(ctx, client, cachedRows)
	}
	if err != nil {
		return err
	}
	keys, names := someKeys(cachedRows)
	get := getFrom(e, keys)
	for range 20 {
		before := e.Metrics().Misses
		for i := range keys {
			if err := get(ctx, 0, i); err != nil {
				return err
			}
		}
		if e.Metrics().Misses == before {
			break
		}
	}
	before := e.Metrics()
	for _, n := range []int{1, 8} {
		err := t.compare(ctx, goroutines(n), nil, &side{goroutines: n, op: get}, &side{name: "Redis GET", goroutines: n, op: getFromRedis(client, names), bar: 10})
		if err != nil {
			return err
		}
	}
	m := e.Metrics()
	if hits, misses := m.Hits-before.Hits, m.Misses-before.Misses; misses*100 > hits {
		return fmt.Errorf("%w: %d of %d reads missed", errNotCached, misses, hits+misses)
	}
	i := 0
	allocs := testing.AllocsPerRun(10_000, func() {
		_ = get(ctx, 0, i)
		i++
	})
	t.add(row{What: "allocations of a get", Ours: allocs, Bar: 1, AtMost: true})
	return nil
}

// someKeys returns the first n rows of fill as keys of both sides, in an order that does not run
// along the file.
func someKeys(n int) (keys []kv.Key, names []string) {
	keys, names = make([]kv.Key, n), make([]string, n)
	for i := range n {
		at := int(uint64(i) * 7919 % uint64(n)) // a prime: every row once
		keys[i], names[i] = fillKey(at), fillName(at)
	}
	return keys, names
}

func getFrom(e *engine.Engine, keys []kv.Key) func(context.Context, int, int) error {
	return func(ctx context.Context, goroutine, i int) error {
		_, err := e.Get(ctx, keys[(i+goroutine*1000)%len(keys)])
		return err
	}
}

func getFromRedis(client *redis.Client, names []string) func(context.Context, int, int) error {
	return func(ctx context.Context, goroutine, i int) error {
		return client.Get(ctx, names[(i+goroutine*1000)%len(names)]).Err()
	}
}

func goroutines(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}
