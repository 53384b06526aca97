package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// release deletes a lock if it is still the caller's.
var release = redis.NewScript(`if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`)

// k6 compares taking and giving up a lock in this process with the usual lock on Redis: SET NX PX with an owner,
// and a script that compares and deletes. Ours has a fencing number besides.
func k6(ctx context.Context, t *table) (err error) {
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
	if err == nil {
		err = release.Load(ctx, client).Err()
	}
	if err != nil {
		return err
	}
	names := lockNames(8)
	for _, n := range []int{1, 8} {
		err := t.compare(ctx, goroutines(n), nil,
			&side{goroutines: n, op: func(ctx context.Context, g, i int) error {
				l, err := e.Lock(ctx, kv.Key{Prefix: kv.ScriptLock, Name: names[g][i%ownLocks]}, time.Minute, false)
				if err != nil {
					return err
				}
				return e.Unlock(ctx, l)
			}},
			&side{name: "Redis SET NX PX, script", goroutines: n, op: func(ctx context.Context, g, i int) error {
				name, owner := names[g][i%ownLocks], kv.NewOwner()
				ok, err := client.SetNX(ctx, name, owner, time.Minute).Result()
				if err != nil || !ok {
					return errors.Join(err, notTaken(ok))
				}
				gone, err := release.Run(ctx, client, []string{name}, owner).Int()
				if err != nil || gone != 1 {
					return errors.Join(err, notTaken(gone == 1))
				}
				return nil
			}, bar: 50})
		if err != nil {
			return err
		}
	}
	t.note("that a stale owner cannot renew, release or write is part of the contract suite of every backend")
	return nil
}

// ownLocks is how many locks a goroutine takes in turn. Nobody else wants them.
const ownLocks = 100

func lockNames(goroutines int) [][]string {
	names := make([][]string, goroutines)
	for g := range names {
		for i := range ownLocks {
			names[g] = append(names[g], fmt.Sprintf("a lock of usual length/%d/%03d", g, i))
		}
	}
	return names
}

func notTaken(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("a lock that nobody else has was refused")
}
