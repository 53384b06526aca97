package redis

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
)

// ParseURL lets tests fuzz what no caller can see.
func ParseURL(raw string) (network, address string, err error) {
	a, err := parseURL(raw)
	return a.network, a.address, err
}

// TakeAt puts before in place, with a deadline of 0, and runs the script at now. It returns what is stored afterwards.
func (s *Store) TakeAt(ctx context.Context, k kv.Key, rule kv.Rule, before kv.RateState, now, cost int64, peek bool) (next kv.RateState, deadline int64, allowed bool, err error) {
	key, field := s.key(k, "r"), rule.String()
	if err := s.client.Del(ctx, key).Err(); err != nil {
		return next, 0, false, err
	}
	if before != (kv.RateState{}) {
		if err := s.client.HSet(ctx, key, field, append(before.Append(nil), '0')).Err(); err != nil {
			return next, 0, false, err
		}
	}
	if _, _, allowed, err = s.take(ctx, k, rule, cost, peek, octets(now)); err != nil {
		return next, 0, allowed, err
	}
	b, err := s.client.HGet(ctx, key, field).Bytes()
	if errors.Is(err, redis.Nil) {
		return next, 0, allowed, nil
	}
	if err != nil {
		return next, 0, allowed, err
	}
	if next, err = kv.ParseRateState(b[:kv.RateStateOctets]); err == nil {
		deadline, err = strconv.ParseInt(string(b[kv.RateStateOctets:]), 10, 64)
	}
	return next, deadline, allowed, err
}

// ServerNano returns the time that a rate script counts with.
func (s *Store) ServerNano(ctx context.Context) (int64, error) {
	_, now, _, err := s.take(ctx, kv.Key{Prefix: kv.ScriptRate}, kv.Rule{Limit: 1, Per: 1e9}, 0, true, nil)
	return now, err
}

// Keys returns every key of the store's namespace, on all masters.
func (s *Store) Keys(ctx context.Context) (keys []string, err error) {
	c, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return s.client.Keys(ctx, s.space+":*").Result()
	}
	var mu sync.Mutex
	err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		some, err := node.Keys(ctx, s.space+":*").Result()
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, some...)
		return err
	})
	return keys, err
}

// Forget makes the server forget all scripts.
func (s *Store) Forget(ctx context.Context) error { return s.client.ScriptFlush(ctx).Err() }

// Tag returns what stands in braces in the keys of k's bucket.
func (s *Store) Tag(k kv.Key) string {
	base := s.base(bucketOf(k))
	return base[len(s.space)+2 : len(base)-1]
}

// Buckets is how many slots a prefix is spread over.
const Buckets = buckets
