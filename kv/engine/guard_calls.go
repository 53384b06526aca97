package engine

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// The calls that a guard lets through, each with its time limit.

// within is Get with a limit of its own, for a caller that waited for another's answer before.
func (g *guard) within(ctx context.Context, k kv.Key, limit time.Duration) (v kv.Value, err error) {
	err = g.do(ctx, g.on(k.Prefix, "get", limit), func(ctx context.Context) (err error) {
		v, err = g.backend.Get(ctx, k)
		return err
	})
	return v, err
}

func (g *guard) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	return g.within(ctx, k, g.timeout)
}

func (g *guard) GetMany(ctx context.Context, ks []kv.Key) (vs []kv.Value, err error) {
	c := errand{act: "get many", limit: g.timeout}
	for _, k := range ks {
		if g.refused[k.Prefix] != nil {
			return nil, g.refused[k.Prefix]
		}
		c.prefix, c.policy = k.Prefix, max(c.policy, policyOf(k.Prefix))
	}
	err = g.do(ctx, c, func(ctx context.Context) (err error) {
		vs, err = g.backend.GetMany(ctx, ks)
		return err
	})
	return vs, err
}

func (g *guard) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return g.do(ctx, g.on(k.Prefix, "set", g.timeout), func(ctx context.Context) error {
		return g.backend.Set(ctx, k, v, ttl)
	})
}

func (g *guard) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	return g.do(ctx, g.on(k.Prefix, "set fenced", g.timeout), func(ctx context.Context) error {
		return g.backend.SetFenced(ctx, k, v, ttl, fence)
	})
}

func (g *guard) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (ok bool, err error) {
	err = g.do(ctx, g.on(k.Prefix, "add", g.timeout), func(ctx context.Context) (err error) {
		ok, err = g.backend.Add(ctx, k, v, ttl)
		return err
	})
	return ok, err
}

func (g *guard) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (ok bool, err error) {
	err = g.do(ctx, g.on(k.Prefix, "compare and swap", g.timeout), func(ctx context.Context) (err error) {
		ok, err = g.backend.CompareAndSwap(ctx, k, old, next, ttl)
		return err
	})
	return ok, err
}

func (g *guard) Delete(ctx context.Context, k kv.Key) (there bool, err error) {
	err = g.do(ctx, g.on(k.Prefix, "delete", g.timeout), func(ctx context.Context) (err error) {
		there, err = g.backend.Delete(ctx, k)
		return err
	})
	return there, err
}

// DeletePrefix that runs out of time has removed a part; who asks again goes on with the rest.
func (g *guard) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (n int, err error) {
	err = g.do(ctx, g.on(p, "delete prefix", wholeTimeout), func(ctx context.Context) (err error) {
		n, err = g.backend.DeletePrefix(ctx, p, name)
		return err
	})
	return n, err
}

func (g *guard) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) (items []kv.Item, next string, err error) {
	err = g.do(ctx, g.on(p, "list", g.page), func(ctx context.Context) (err error) {
		items, next, err = g.backend.List(ctx, p, name, cursor, limit)
		return err
	})
	return items, next, err
}

func (g *guard) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (n int64, err error) {
	err = g.do(ctx, g.on(k.Prefix, "incr", g.timeout), func(ctx context.Context) (err error) {
		n, err = g.backend.Incr(ctx, k, by, ttl)
		return err
	})
	return n, err
}

func (g *guard) Counter(ctx context.Context, k kv.Key) (n int64, err error) {
	err = g.do(ctx, g.on(k.Prefix, "counter", g.timeout), func(ctx context.Context) (err error) {
		n, err = g.backend.Counter(ctx, k)
		return err
	})
	return n, err
}

func (g *guard) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (d kv.Decision, err error) {
	err = g.do(ctx, g.on(k.Prefix, "rate", g.timeout), func(ctx context.Context) (err error) {
		d, err = g.backend.Rate(ctx, k, rule, cost, peek)
		return err
	})
	return d, err
}

func (g *guard) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (l kv.Lease, err error) {
	err = g.do(ctx, g.on(k.Prefix, "lock", g.timeout), func(ctx context.Context) (err error) {
		l, err = g.backend.Lock(ctx, k, ttl, durable)
		return err
	})
	return l, err
}

func (g *guard) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (next kv.Lease, err error) {
	err = g.do(ctx, g.on(l.Key.Prefix, "renew", g.timeout), func(ctx context.Context) (err error) {
		next, err = g.backend.Renew(ctx, l, ttl)
		return err
	})
	return next, err
}

func (g *guard) Unlock(ctx context.Context, l kv.Lease) error {
	return g.do(ctx, g.on(l.Key.Prefix, "unlock", g.timeout), func(ctx context.Context) error {
		return g.backend.Unlock(ctx, l)
	})
}

func (g *guard) Lease(ctx context.Context, k kv.Key) (l kv.Lease, err error) {
	r, ok := g.backend.(kv.LeaseReader)
	if !ok {
		return kv.Lease{}, kv.ErrUnsupported
	}
	err = g.do(ctx, g.on(k.Prefix, "lease", g.timeout), func(ctx context.Context) (err error) {
		l, err = r.Lease(ctx, k)
		return err
	})
	return l, err
}

func (g *guard) Purge(ctx context.Context) (removed int, more bool, err error) {
	err = g.do(ctx, errand{act: "purge", limit: g.page}, func(ctx context.Context) (err error) {
		removed, more, err = g.backend.Purge(ctx)
		return err
	})
	return removed, more, err
}

func (g *guard) Stats(ctx context.Context) (stats []kv.PrefixStats, err error) {
	err = g.do(ctx, errand{act: "stats", limit: wholeTimeout}, func(ctx context.Context) (err error) {
		stats, err = g.backend.Stats(ctx)
		return err
	})
	return stats, err
}

func (g *guard) Flush(ctx context.Context) error {
	return g.do(ctx, errand{act: "flush", limit: g.page}, g.backend.Flush)
}

// Due is asked of backends that can count what a purge would remove.
func (g *guard) Due(ctx context.Context) (n int64, err error) {
	b, ok := g.backend.(interface {
		Due(context.Context) (int64, error)
	})
	if !ok {
		return 0, kv.ErrUnsupported
	}
	err = g.do(ctx, errand{act: "due", limit: wholeTimeout}, func(ctx context.Context) (err error) {
		n, err = b.Due(ctx)
		return err
	})
	return n, err
}

// Close is not guarded: it has to happen.
func (g *guard) Close() error { return g.backend.Close() }
