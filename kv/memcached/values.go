package memcached

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/sluice-mail/sluice/kv"
)

const (
	maxTries  = 100 // of a write that finds its row changed again and again
	batchKeys = 100 // of one question
	maxHint   = 30 * 24 * time.Hour
	// hintSlack is how much later than a row expires its memory may be used again: servers count whole
	// seconds and may be one early.
	hintSlack = 2
)

// server returns the server that keeps key.
func (s *Store) server(key string) (*server, error) {
	addr, err := s.list.PickServer(key)
	if err != nil {
		return nil, s.fail("pick server", err)
	}
	return s.servers[addr.String()], nil
}

// hint is a row's expiry as servers want it: seconds from now, or above 30 days the unix time. It is never early, and
// 0, which is never, where it cannot be said.
func (s *Store) hint(exp, now int64) int32 {
	if exp == 0 || !s.hints {
		return 0
	}
	left := time.Duration(exp-now) * time.Millisecond
	if exp-now > int64(math.MaxInt64/time.Millisecond) {
		return 0
	}
	seconds := int64((left+time.Second-1)/time.Second) + hintSlack
	if seconds > int64(maxHint/time.Second) {
		seconds += time.Now().Unix()
	}
	if seconds > math.MaxInt32 {
		return 0
	}
	return int32(max(seconds, hintSlack))
}

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

// row is where an edit works.
type row struct {
	kind         byte
	key, carried string
}

func (s *Store) row(kind byte, k kv.Key) row {
	key, carried := s.itemKey(kind, k)
	return row{kind, key, carried}
}

// store writes it with write, one of the library's calls. ok is false if the row has changed since mi was read.
func (s *Store) store(ctx context.Context, act string, r row, it item, now int64, casID uint64, write func(*memcache.Item) error) (ok bool, err error) {
	mi := &memcache.Item{Key: r.key, Value: it.encode(r.kind, r.carried), Expiration: s.hint(it.exp, now), CasID: casID}
	if err := s.room(ctx, r.key, len(mi.Value)); err != nil {
		return false, err
	}
	_, err = call(ctx, s, act, func() (struct{}, error) { return struct{}{}, write(mi) })
	if lost(err) {
		return false, nil
	}
	return err == nil, err
}

// drop removes what mi is, if it is still that. An expiry in the past is how memcached is told.
func (s *Store) drop(ctx context.Context, act string, r row, mi *memcache.Item) (ok bool, err error) {
	gone := &memcache.Item{Key: r.key, Expiration: -1, CasID: mi.CasID}
	_, err = call(ctx, s, act, func() (struct{}, error) { return struct{}{}, s.client.CompareAndSwap(gone) })
	if lost(err) {
		return false, nil
	}
	return err == nil, err
}

// what an edit does with its row
type verdict uint8

const (
	leave verdict = iota
	write
	remove
)

// change decides about a row: old is what is there and live at now, in unix nanoseconds.
type change func(old item, there bool, now int64) (next item, what verdict, err error)

// edit is the one way in which rows change depending on what they are: change sees the live row and
// decides. It is called again if somebody else was faster.
func (s *Store) edit(ctx context.Context, act string, r row, change change) error {
	for try := range maxTries {
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				return fmt.Errorf("kv/memcached: %s: %w", act, err)
			}
		}
		now := s.clock.Nano() // before the row is read: what is written in between may not look expired
		items, err := s.fetch(ctx, act, r.key)
		if err != nil {
			return err
		}
		done, err := s.try(ctx, act, r, items[r.key], now, change)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("kv/memcached: %s: %w: the row changed %d times while it was being changed", act, kv.ErrUnavailable, maxTries)
}

// try shows change the row as mi says it is and does what it decides; done is false if somebody else was faster.
func (s *Store) try(ctx context.Context, act string, r row, mi *memcache.Item, nano int64, change change) (done bool, err error) {
	now := nano / int64(time.Millisecond)
	var old item
	there := false
	if mi != nil {
		old, err = decode(mi.Value, r.kind, r.carried)
		there = err == nil && kv.Live(old.exp, now)
	}
	if !there {
		old = item{}
	}
	next, what, err := change(old, there, nano)
	switch {
	case err != nil || what == leave:
		return true, err
	case what == remove:
		return s.drop(ctx, act, r, mi)
	case mi == nil:
		return s.store(ctx, act, r, next, now, 0, s.client.Add)
	default:
		return s.store(ctx, act, r, next, now, mi.CasID, s.client.CompareAndSwap)
	}
}

// pause waits a little, longer and at random with every try, so that one of many gets through.
func pause(ctx context.Context, try int) error {
	if try < 3 {
		return ctx.Err()
	}
	t := time.NewTimer(rand.N(time.Duration(min(try, 20)) * 100 * time.Microsecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
			if gone = there; there {
				return item{}, remove, nil
			}
			return item{}, leave, nil
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
