package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Router is a kv.Store that keeps each prefix in the store that was chosen for it.
//
//	prefix ──> its own store, or the default one
//
// It promises what those stores promise, key by key; GetMany reads them one after the other.
// Rows that a store has of prefixes which are kept elsewhere are neither found nor counted, but
// they are purged. Its methods may be called from many goroutines.
type Router struct {
	of     [256]kv.Store
	all    []kv.Store // each once
	closed atomic.Bool
}

var (
	_ kv.Store       = (*Router)(nil)
	_ kv.LeaseReader = (*Router)(nil)
)

// NewRouter sends the prefixes of by to their stores and all others to def. It refuses a prefix
// that its store cannot keep: see kv.Limited.
func NewRouter(def kv.Store, by map[kv.Prefix]kv.Store) (*Router, error) {
	r := new(Router)
	var refused []error
	for i := range r.of {
		p := kv.Prefix(i)
		s, own := by[p]
		if !own {
			s = def
		}
		if s == nil {
			return nil, fmt.Errorf("kv/engine: route: %s: %w: no store", p, kv.ErrInvalid)
		}
		if !reflect.TypeOf(s).Comparable() {
			return nil, fmt.Errorf("kv/engine: route: %s: %w: a %T cannot be told from another", p, kv.ErrInvalid, s)
		}
		if l, ok := s.(kv.Limited); ok {
			if err := l.Serves(p.Info()); err != nil {
				refused = append(refused, fmt.Errorf("kv/engine: route: %s: %w", p, unsupported(err)))
			}
		}
		r.of[p] = s
		if !slices.Contains(r.all, s) {
			r.all = append(r.all, s)
		}
	}
	if n := len(refused); n > 1 {
		return nil, fmt.Errorf("%w (and %d more prefixes)", refused[0], n-1)
	} else if n == 1 {
		return nil, refused[0]
	}
	return r, nil
}

// StoreOf returns the store that keeps p.
func (r *Router) StoreOf(p kv.Prefix) kv.Store { return r.of[p] }

// at returns the store of p, or one that is closed.
func (r *Router) at(p kv.Prefix) (kv.Store, error) {
	if r.closed.Load() {
		return nil, kv.ErrClosed
	}
	return r.of[p], nil
}

// Get returns the value under k.
func (r *Router) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return kv.Value{}, err
	}
	return s.Get(ctx, k)
}

// GetMany asks each store once for all its keys.
func (r *Router) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	if r.closed.Load() {
		return nil, kv.ErrClosed
	}
	values := make([]kv.Value, len(ks))
	for _, s := range r.all {
		var mine []kv.Key
		var places []int
		for i, k := range ks {
			if r.of[k.Prefix] == s {
				mine, places = append(mine, k), append(places, i)
			}
		}
		if len(mine) == 0 {
			continue
		}
		got, err := s.GetMany(ctx, mine)
		if err != nil {
			return nil, err
		}
		for j, i := range places {
			values[i] = got[j]
		}
	}
	return values, ctx.Err()
}

// Set writes the value.
func (r *Router) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	s, err := r.at(k.Prefix)
	if err != nil {
		return err
	}
	return s.Set(ctx, k, v, ttl)
}

// SetFenced writes the value unless a larger fence has written the row.
func (r *Router) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	s, err := r.at(k.Prefix)
	if err != nil {
		return err
	}
	return s.SetFenced(ctx, k, v, ttl, fence)
}

// Add writes the value only if the key is absent.
func (r *Router) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return false, err
	}
	return s.Add(ctx, k, v, ttl)
}

// CompareAndSwap writes next only if the key holds old.
func (r *Router) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return false, err
	}
	return s.CompareAndSwap(ctx, k, old, next, ttl)
}

// Delete removes what is under the key.
func (r *Router) Delete(ctx context.Context, k kv.Key) (bool, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return false, err
	}
	return s.Delete(ctx, k)
}

// DeletePrefix removes every key of p whose name starts with name.
func (r *Router) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	s, err := r.at(p)
	if err != nil {
		return 0, err
	}
	return s.DeletePrefix(ctx, p, name)
}

// List returns live items of p in byte order.
func (r *Router) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	s, err := r.at(p)
	if err != nil {
		return nil, "", err
	}
	return s.List(ctx, p, name, cursor, limit)
}

// Incr adds to a counter.
func (r *Router) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return 0, err
	}
	return s.Incr(ctx, k, by, ttl)
}

// Counter returns the number under k.
func (r *Router) Counter(ctx context.Context, k kv.Key) (int64, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return 0, err
	}
	return s.Counter(ctx, k)
}

// Rate asks rule for cost units of k's allowance.
func (r *Router) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return kv.Decision{}, err
	}
	return s.Rate(ctx, k, rule, cost, peek)
}

// Lock takes the lease of k.
func (r *Router) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return kv.Lease{}, err
	}
	return s.Lock(ctx, k, ttl, durable)
}

// Renew extends the lease.
func (r *Router) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	s, err := r.at(l.Key.Prefix)
	if err != nil {
		return kv.Lease{}, err
	}
	return s.Renew(ctx, l, ttl)
}

// Unlock gives the lease up.
func (r *Router) Unlock(ctx context.Context, l kv.Lease) error {
	s, err := r.at(l.Key.Prefix)
	if err != nil {
		return err
	}
	return s.Unlock(ctx, l)
}

// Lease returns the running lease of k.
func (r *Router) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	s, err := r.at(k.Prefix)
	if err != nil {
		return kv.Lease{}, err
	}
	if l, ok := s.(kv.LeaseReader); ok {
		return l.Lease(ctx, k)
	}
	return kv.Lease{}, kv.ErrUnsupported
}

// each calls fn for every store, also after one failed, but for stores that cannot do it: only if
// none can, that is an error.
func (r *Router) each(fn func(kv.Store) error) error {
	if r.closed.Load() {
		return kv.ErrClosed
	}
	var errs, cannot []error
	for _, s := range r.all {
		switch err := fn(s); {
		case err == nil:
		case errors.Is(err, kv.ErrUnsupported):
			cannot = append(cannot, err)
		default:
			errs = append(errs, err)
		}
	}
	if len(cannot) == len(r.all) {
		return cannot[0]
	}
	return errors.Join(errs...)
}

// Purge removes expired rows, a step in each store.
func (r *Router) Purge(ctx context.Context) (removed int, more bool, err error) {
	err = r.each(func(s kv.Store) error {
		n, rest, err := s.Purge(ctx)
		removed, more = removed+n, more || rest
		return err
	})
	return removed, more, err
}

// Stats counts the rows that can be found here. A store that cannot count is left out.
func (r *Router) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var all []kv.PrefixStats
	err := r.each(func(s kv.Store) error {
		stats, err := s.Stats(ctx)
		for _, line := range stats {
			if r.of[line.Prefix] == s {
				all = append(all, line)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b kv.PrefixStats) int { return int(a.Prefix) - int(b.Prefix) })
	return all, nil
}

// Flush returns when every acknowledged write of every store is durable.
func (r *Router) Flush(ctx context.Context) error {
	return r.each(func(s kv.Store) error { return s.Flush(ctx) })
}

// Close ends the router. The stores belong to who opened them and stay open.
func (r *Router) Close() error {
	r.closed.Store(true)
	return nil
}
