package memcached

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/sluice-mail/sluice/kv"
)

// maxTries bounds a write that finds its row changed again and again.
const maxTries = 100

const (
	maxHint = 30 * 24 * time.Hour
	// hintSlack is how much later than a row expires its memory may be used again: servers count whole
	// seconds and may be one early.
	hintSlack = 2
)

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

// verdict is what becomes of a row.
type verdict uint8

const (
	leave verdict = iota
	write
	remove // also a row whose time is over: who read it when it was live shall not build on it
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
	ours, there := false, false
	if mi != nil {
		old, err = decode(mi.Value, r.kind, r.carried)
		ours = err == nil
		there = ours && kv.Live(old.exp, now)
	}
	if !there {
		old = item{}
	}
	next, what, err := change(old, there, nano)
	switch {
	case err != nil || what == leave || what == remove && !ours:
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
