package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// On a store that other processes write to, only rows whose prefix says how stale they may be are
// cached, and for no longer than that from the moment before they were read. So whatever others
// write, and whatever a write of ours does that ran out of time and landed later, a wrong entry
// is gone after StaleOK. What this process has written, it sees at once: generations work as for
// the embedded store.
//
// An expiry is the server's time and is compared with ours. Clocks that differ move it by as much,
// but never past StaleOK.

// share makes e an engine of a shared store.
func (e *Engine) share(o Options) (*Engine, error) {
	e.clock = kv.NewClock(o.Now, 0)
	if o.CacheBytes < 0 {
		return e, nil
	}
	var err error
	if e.cache, err = newCache(o.CacheBytes, e.guard, e.clock, o.Now == nil); err != nil {
		return nil, fmt.Errorf("kv/engine: open: %w", err)
	}
	e.cache.remote = e.guard
	e.cache.flights.under = map[string]*flight{}
	return e, nil
}

// Serves returns nil if the store can keep what p's line says; see kv.Limited.
func (e *Engine) Serves(p kv.Info) error {
	if e.guard == nil {
		return nil
	}
	return e.guard.refused[p.Prefix]
}

// flights are the reads of a server that are under way, so that many who miss the same row ask
// for it once.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight
}

// flight is one read. Who joins it has the row of a moment after the flight began; so only
// those join who came before any write of this process was over since.
type flight struct {
	entry entry // of the moment before the read
	done  chan struct{}

	value kv.Value // all below after done
	err   error
	void  bool // its maker left, or it broke: that says nothing to others
}

// carries reports whether somebody who would fill e may take the flight's answer.
func (f *flight) carries(e entry, now int64) bool {
	return f.entry.key == e.key && f.entry.prefix == e.prefix && f.entry.epoch == e.epoch && now < f.entry.until
}

// fly reads k from the server, or waits for somebody else's answer. The whole of it has the time
// of one call.
func (c *cache) fly(ctx context.Context, h uint64, k kv.Key, n string, old *entry) (kv.Value, error) {
	began := time.Now()
	for left := c.remote.timeout; left > 0; left = c.remote.timeout - time.Since(began) {
		fill, fine := c.before(h, k)
		if !fine { // a write is under way
			return c.remote.within(ctx, k, left)
		}
		now := c.clock.Milli()
		c.flights.mu.Lock()
		f := c.flights.under[n]
		if f == nil || !f.carries(fill, now) {
			f = &flight{entry: fill, done: make(chan struct{}), void: true}
			c.flights.under[n] = f // instead of one from before a write
			c.flights.mu.Unlock()
			return c.pilot(ctx, f, k, n, old, left)
		}
		c.flights.mu.Unlock()
		select {
		case <-ctx.Done():
			return kv.Value{}, ctx.Err()
		case <-f.done:
		}
		switch {
		case f.void:
		case kv.IsUnavailable(f.err):
			c.remote.count(c.remote.on(k.Prefix, "get", left))
			return kv.Value{}, f.err
		case f.value.Expires.IsZero() || f.value.Expires.UnixMilli() > now:
			return f.value, f.err
		} // else it was read before this call, and had expired when this call began
	}
	return kv.Value{}, c.remote.late(c.remote.on(k.Prefix, "get", c.remote.timeout))
}

// pilot makes the read of f.
func (c *cache) pilot(ctx context.Context, f *flight, k kv.Key, n string, old *entry, left time.Duration) (kv.Value, error) {
	defer func() {
		c.flights.mu.Lock()
		if c.flights.under[n] == f {
			delete(c.flights.under, n)
		}
		c.flights.mu.Unlock()
		close(f.done)
	}()
	v, err := c.remote.within(ctx, k, left)
	f.value, f.err = v, err
	switch {
	case err == nil || errors.Is(err, kv.ErrNotFound):
		f.void = false
		c.fill(n, f.entry, v, err == nil, old)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
	default:
		f.void = left < c.remote.timeout // it had less time than the others have
	}
	return v, err
}
