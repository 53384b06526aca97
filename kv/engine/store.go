package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Get returns the value under k, or kv.ErrNotFound.
func (e *Engine) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if r := e.behind(k.Prefix); r != nil {
		return r.Get(ctx, k)
	}
	s := e.at(k.Prefix)
	if !e.cached(k.Prefix) {
		return s.Get(ctx, k)
	}
	if e.closed.Load() {
		return kv.Value{}, kv.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return kv.Value{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	return e.cache.get(ctx, k, s.Get)
}

// GetMany returns one value per key; what the cache lacks is read in one call of the
// backend.
func (e *Engine) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	if e.closed.Load() {
		return nil, kv.ErrClosed
	}
	values := make([]kv.Value, len(ks))
	var missing []kv.Key
	var fills []func(kv.Value)
	var unsure []uncelled
	for i, k := range ks {
		r := e.behind(k.Prefix)
		if r != nil {
			v, known, drops := r.peek(k)
			if known {
				values[i] = v
				continue
			}
			unsure = append(unsure, uncelled{i, drops})
		}
		switch {
		case r == nil && e.at(k.Prefix) != e.backend:
			v, err := e.volatil.Get(ctx, k)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return nil, err
			}
			values[i] = v
		case !e.cached(k.Prefix):
			missing = append(missing, k)
			fills = append(fills, func(v kv.Value) { values[i] = v })
		default:
			h, n := e.cache.hash(k), name(k)
			old, hit := e.cache.look(h, k, n)
			if hit {
				e.cache.counts[h>>61].hits.Add(1)
				values[i] = old.value // without octets if the row is absent
				continue
			}
			e.cache.counts[h>>61].misses.Add(1)
			fill, fine := e.cache.before(h, k)
			missing = append(missing, k)
			fills = append(fills, func(v kv.Value) {
				values[i] = v
				if fine {
					e.cache.fill(n, fill, v, v.Bytes != nil, old)
				}
			})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		got, err := e.backend.GetMany(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i, v := range got {
			fills[i](v)
		}
	}
	for _, u := range unsure {
		v, err := e.relaxed.confirm(ctx, ks[u.at], u.drops, values[u.at])
		if err != nil {
			return nil, err
		}
		values[u.at] = v
	}
	return values, nil
}

// Set writes the value.
func (e *Engine) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	if r := e.behind(k.Prefix); r != nil {
		return r.Set(ctx, k, v, ttl)
	}
	return e.change(k, func(s kv.Store) error { return s.Set(ctx, k, v, ttl) })
}

// SetFenced writes the value unless a larger fence has written the row.
func (e *Engine) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	if r := e.behind(k.Prefix); r != nil {
		return r.SetFenced(ctx, k, v, ttl, fence)
	}
	return e.change(k, func(s kv.Store) error { return s.SetFenced(ctx, k, v, ttl, fence) })
}

// Add writes the value only if the key is absent.
func (e *Engine) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (ok bool, err error) {
	if r := e.behind(k.Prefix); r != nil {
		return r.Add(ctx, k, v, ttl)
	}
	err = e.change(k, func(s kv.Store) (err error) {
		ok, err = s.Add(ctx, k, v, ttl)
		return err
	})
	return ok, err
}

// CompareAndSwap writes next only if the key holds old.
func (e *Engine) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (ok bool, err error) {
	if r := e.behind(k.Prefix); r != nil {
		return r.CompareAndSwap(ctx, k, old, next, ttl)
	}
	err = e.change(k, func(s kv.Store) (err error) {
		ok, err = s.CompareAndSwap(ctx, k, old, next, ttl)
		return err
	})
	return ok, err
}

// Incr adds to a counter.
func (e *Engine) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (n int64, err error) {
	if r := e.behind(k.Prefix); r != nil {
		return r.Incr(ctx, k, by, ttl)
	}
	err = e.change(k, func(s kv.Store) (err error) {
		n, err = s.Incr(ctx, k, by, ttl)
		return err
	})
	return n, err
}

// Counter returns the number under k; absent is 0.
func (e *Engine) Counter(ctx context.Context, k kv.Key) (int64, error) {
	if r := e.behind(k.Prefix); r != nil {
		return r.Counter(ctx, k)
	}
	return e.at(k.Prefix).Counter(ctx, k)
}

// Rate asks rule for cost units of k's allowance.
func (e *Engine) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	return e.at(k.Prefix).Rate(ctx, k, rule, cost, peek)
}

// Delete removes what is under the key, its lease included.
func (e *Engine) Delete(ctx context.Context, k kv.Key) (there bool, err error) {
	if r := e.behind(k.Prefix); r != nil {
		if there, err = r.Delete(ctx, k); err != nil {
			return there, err
		}
		lease, err := e.volatil.Delete(ctx, k)
		return there || lease, err
	}
	err = e.change(k, func(s kv.Store) (err error) {
		elsewhere := s != e.backend && (e.keeper == nil || e.volatil.Durable(k))
		if e.volatil != nil {
			if there, err = e.volatil.Delete(ctx, k); err != nil {
				return err
			}
		}
		if s == e.backend || elsewhere {
			var more bool
			more, err = e.backend.Delete(ctx, k)
			there = there || more
		}
		return err
	})
	return there, err
}

// DeletePrefix removes every key of p whose name starts with name.
func (e *Engine) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if e.closed.Load() {
		return 0, kv.ErrClosed
	}
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	if r := e.behind(p); r != nil {
		release, err := r.settle(ctx, &hold{prefix: p, name: name})
		if err != nil {
			return 0, err
		}
		defer release()
	}
	if e.cached(p) {
		g := &e.cache.prefixes[p]
		g.begin()
		defer g.end()
	}
	copies, err := e.copies(ctx, p, name)
	if err != nil {
		return 0, err
	}
	n, err := e.backend.DeletePrefix(ctx, p, name)
	if err != nil || e.volatil == nil {
		return n, err
	}
	m, err := e.volatil.DeletePrefix(ctx, p, name)
	return n + m - copies, err
}

// List returns live items in byte order.
func (e *Engine) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	if r := e.behind(p); r != nil {
		return r.List(ctx, p, name, cursor, limit)
	}
	return e.at(p).List(ctx, p, name, cursor, limit)
}

// Purge removes expired rows of memory and backend, a step of each. It needs no new
// generation: what it removes, no reader could see.
func (e *Engine) Purge(ctx context.Context) (removed int, more bool, err error) {
	if e.volatil != nil {
		if removed, more, err = e.volatil.Purge(ctx); err != nil {
			return removed, true, err
		}
	}
	if e.relaxed != nil {
		e.relaxed.beforePurge(ctx)
	}
	n, rest, err := e.backend.Purge(ctx)
	if e.relaxed != nil && !rest {
		e.relaxed.purging.Store(false)
	}
	return removed + n, more || rest, err
}

// Stats counts live rows of memory and backend by prefix. A durable lease counts once.
func (e *Engine) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	if err := e.written(ctx); err != nil {
		return nil, err
	}
	stats, err := e.backend.Stats(ctx)
	if err != nil || e.volatil == nil {
		return stats, err
	}
	more, err := e.volatil.Stats(ctx)
	if err != nil {
		return nil, err
	}
	var all [256]kv.PrefixStats
	for _, s := range append(stats, more...) {
		all[s.Prefix].Rows += s.Rows
		all[s.Prefix].Octets += s.Octets
	}
	if e.keeper != nil {
		leases, err := e.keeper.Leases(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range leases {
			all[l.Key.Prefix].Rows--
			all[l.Key.Prefix].Octets -= int64(len(l.Key.Name) + len(l.Owner) + 8)
		}
	}
	stats = stats[:0]
	for p, s := range all {
		if s.Rows > 0 {
			s.Prefix = kv.Prefix(p)
			stats = append(stats, s)
		}
	}
	return stats, nil
}

// Due counts the expired rows of the backend. Memory is left out: it gives expired rows
// back with the writes that follow.
func (e *Engine) Due(ctx context.Context) (int64, error) {
	b, ok := e.backend.(interface {
		Due(context.Context) (int64, error)
	})
	if !ok {
		return 0, kv.ErrUnsupported
	}
	if err := e.written(ctx); err != nil {
		return 0, err
	}
	return b.Due(ctx)
}
