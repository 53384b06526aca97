package memcached

import (
	"bytes"
	"context"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/sluice-mail/sluice/kv"
)

// batchKeys is how many keys one question has.
const batchKeys = 100

// fetch returns the items that servers have under the keys. A question that a server never heard is asked again.
func (s *Store) fetch(ctx context.Context, act string, keys ...string) (map[string]*memcache.Item, error) {
	return call(ctx, s, act, func() (map[string]*memcache.Item, error) {
		items, err := s.ask(keys)
		if err != nil && hungUp(err) {
			_ = s.client.Close()
			items, err = s.ask(keys)
		}
		return items, err
	})
}

func (s *Store) ask(keys []string) (map[string]*memcache.Item, error) {
	if len(keys) > 1 {
		return s.client.GetMulti(keys)
	}
	it, err := s.client.Get(keys[0])
	if err == memcache.ErrCacheMiss || err == nil && it.Key != keys[0] {
		return nil, nil
	}
	return map[string]*memcache.Item{keys[0]: it}, err
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	key, carried := s.itemKey(kindValue, k)
	for range maxTries {
		before := s.clock.Milli()
		items, err := s.fetch(ctx, "get", key)
		if err != nil {
			return kv.Value{}, err
		}
		v, sure := s.judge(items[key], kindValue, carried, before)
		switch {
		case !sure: // it may have expired while it was under way, and another been written meanwhile
		case v.Bytes == nil:
			return kv.Value{}, kv.ErrNotFound
		default:
			return v, nil
		}
	}
	return kv.Value{}, kv.ErrNotFound
}

// judge returns the value in an item that was asked for at before, nil if there is none, and whether that was
// so at one moment since.
func (s *Store) judge(mi *memcache.Item, kind byte, carried string, before int64) (kv.Value, bool) {
	if mi == nil {
		return kv.Value{}, true
	}
	it, err := decode(mi.Value, kind, carried)
	if err != nil || !kv.Live(it.exp, before) {
		return kv.Value{}, true
	}
	return kv.Value{Bytes: it.body, Expires: kv.Moment(it.exp)}, kv.Live(it.exp, s.clock.Milli())
}

// GetMany returns one value per key; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	for from := 0; from < len(ks); from += batchKeys {
		part := ks[from:min(from+batchKeys, len(ks))]
		if err := s.getPart(ctx, part, values[from:]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (s *Store) getPart(ctx context.Context, ks []kv.Key, values []kv.Value) error {
	asked := map[string]bool{}
	var keys []string
	for _, k := range ks {
		key, _ := s.itemKey(kindValue, k)
		if !asked[key] {
			asked[key] = true
			keys = append(keys, key)
		}
	}
	before := s.clock.Milli()
	items, err := s.fetch(ctx, "get", keys...)
	if err != nil {
		return err
	}
	for i, k := range ks {
		key, carried := s.itemKey(kindValue, k)
		v, sure := s.judge(items[key], kindValue, carried, before)
		if !sure {
			if v, err = s.Get(ctx, k); err != nil && err != kv.ErrNotFound {
				return err
			}
		}
		values[i] = v
	}
	return nil
}

// Set writes the value. When the server has no memory left for it, the old one is gone as well.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	if err := check(k, v, ttl); err != nil {
		return err
	}
	now := s.clock.Milli()
	exp, err := kv.Deadline(now, ttl)
	if err != nil {
		return err
	}
	_, err = s.store(ctx, "set", s.row(kindValue, k), item{exp, v}, now, 0, s.client.Set)
	return err
}

func check(k kv.Key, v []byte, ttl time.Duration) error {
	if err := k.Check(); err != nil {
		return err
	}
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	return checkTTL(ttl)
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.CompareAndSwap(ctx, k, nil, v, ttl)
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	if err := check(k, next, ttl); err != nil {
		return false, err
	}
	done := false
	err := s.edit(ctx, "compare and swap", s.row(kindValue, k), func(is item, there bool, now int64) (item, verdict, error) {
		done = there == (old != nil) && bytes.Equal(is.body, old)
		if !done {
			return item{}, leave, nil
		}
		exp, err := kv.Deadline(now/int64(time.Millisecond), ttl)
		return item{exp, next}, write, err
	})
	return done && err == nil, err
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	if err := check(k, nil, ttl); err != nil {
		return 0, err
	}
	var n int64
	err := s.edit(ctx, "increment", s.row(kindValue, k), func(is item, there bool, now int64) (item, verdict, error) {
		n = 0
		exp, err := kv.Deadline(now/int64(time.Millisecond), ttl)
		if there {
			exp = is.exp
			n, err = kv.ParseCounter(is.body)
		}
		if err == nil {
			n, err = kv.AddCounter(n, by)
		}
		return item{exp, kv.FormatCounter(n)}, write, err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}

// Delete removes the value and the allowances of the key, one after the other, and says whether there was something.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := k.Check(); err != nil {
		return false, err
	}
	rows := []row{s.row(kindValue, k), s.row(kindRates, k)}
	now := s.clock.Nano()
	items, err := s.fetch(ctx, "delete", rows[0].key, rows[1].key)
	if err != nil {
		return false, err
	}
	any := false
	for _, r := range rows {
		gone := false
		change := func(_ item, there bool, _ int64) (item, verdict, error) {
			gone = there
			return item{}, remove, nil
		}
		done, err := s.try(ctx, "delete", r, items[r.key], now, change)
		if err == nil && !done {
			err = s.edit(ctx, "delete", r, change)
		}
		if err != nil {
			return false, err
		}
		any = any || gone
	}
	return any, nil
}
