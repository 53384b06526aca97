package engine

import (
	"context"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var (
	_ kv.Adder = (*Engine)(nil)
	_ kv.Adder = (*guard)(nil)
	_ kv.Adder = (*Router)(nil)
)

// IncrMany adds to many counters: relaxed ones in memory, where those that have no cell are read in one
// call before; those of the backend in one call of it.
func (e *Engine) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if e.closed.Load() {
		return nil, kv.ErrClosed
	}
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	if _, err := kv.Deadline(0, ttl); err != nil {
		return nil, err
	}
	groups := groupsOf{numbers: make([]int64, len(adds)), own: make([]error, len(adds))}
	err := groups.each(adds, e.adder, func(where any, mine []kv.Addition) ([]int64, error) {
		if r, ok := where.(*relaxed); ok {
			return r.IncrMany(ctx, mine, ttl)
		}
		for _, a := range mine {
			if e.cached(a.Key.Prefix) {
				g := e.cache.generation(a.Key)
				g.begin()
				defer g.end()
			}
		}
		return kv.IncrMany(ctx, where.(kv.Store), mine, ttl)
	})
	if err != nil {
		return nil, err
	}
	return groups.numbers, kv.FirstError(groups.own)
}

// adder returns what adds to p's counters.
func (e *Engine) adder(p kv.Prefix) any {
	if r := e.behind(p); r != nil {
		return r
	}
	return e.at(p)
}

// groupsOf are the answers of additions that are made in several places.
type groupsOf struct {
	numbers []int64
	own     []error // about counters
}

// each calls do once for the additions of each place, in their order, and puts the answers together.
func (g *groupsOf) each(adds []kv.Addition, placeOf func(kv.Prefix) any, do func(place any, mine []kv.Addition) ([]int64, error)) error {
	var places []any
	var mine [][]kv.Addition
	var at [][]int
	for i, a := range adds {
		n := slices.Index(places, placeOf(a.Key.Prefix))
		if n < 0 {
			n = len(places)
			places, mine, at = append(places, placeOf(a.Key.Prefix)), append(mine, nil), append(at, nil)
		}
		mine[n], at[n] = append(mine[n], a), append(at[n], i)
	}
	for n, place := range places {
		numbers, err := do(place, mine[n])
		if err != nil && !kv.OfCounter(err) {
			return err
		}
		for j, i := range at[n] {
			g.numbers[i] = numbers[j]
		}
		g.own[at[n][0]] = err
	}
	return nil
}

// IncrMany adds to many counters, after a look at all that have no cell in one call of the backend.
func (r *relaxed) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	numbers, own := make([]int64, len(adds)), make([]error, len(adds))
	known, err := r.look(ctx, adds)
	if err != nil {
		return nil, err
	}
	for i, a := range adds {
		n, err := r.incr(ctx, a.Key, a.By, ttl, known[i])
		switch {
		case err == nil:
			numbers[i] = n
		case kv.OfCounter(err):
			own[i] = err
		default:
			return nil, err
		}
	}
	return numbers, kv.FirstError(own)
}

// seen is the row of a key without a cell, as the backend had it, and the number of drops of its stripe
// before it was read.
type seen struct {
	row   row
	drops uint64
	read  bool
}

// look reads what has no cell.
func (r *relaxed) look(ctx context.Context, adds []kv.Addition) ([]seen, error) {
	known := make([]seen, len(adds))
	var missing []kv.Key
	var at []int
	for i, a := range adds {
		st := r.stripe(a.Key)
		st.mu.Lock()
		// While a hold covers the key, what the backend has may go without another drop.
		if h := r.hold.Load(); st.cells[a.Key] == nil && (h == nil || !h.covers(a.Key)) {
			known[i].drops = st.drops
			missing, at = append(missing, a.Key), append(at, i)
		}
		st.mu.Unlock()
	}
	if len(missing) < 2 {
		return known, nil // it is read where it is needed
	}
	values, err := r.backend.GetMany(ctx, missing)
	if err != nil {
		return nil, err
	}
	for j, i := range at {
		known[i].read = true
		if v := values[j]; v.Bytes != nil {
			known[i].row = rowOf(v)
		}
	}
	return known, nil
}

// IncrMany of a guard has the time of one call, or of a page if the backend adds one at a time.
func (g *guard) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) (numbers []int64, err error) {
	c := errand{act: "incr many", limit: g.timeout}
	if _, ok := g.backend.(kv.Adder); !ok {
		c.limit = g.page
	}
	for _, a := range adds {
		if err := g.refused[a.Key.Prefix]; err != nil {
			return nil, err
		}
		c.prefix, c.policy = a.Key.Prefix, max(c.policy, policyOf(a.Key.Prefix))
	}
	err = g.do(ctx, c, func(ctx context.Context) (err error) {
		numbers, err = kv.IncrMany(ctx, g.backend, adds, ttl)
		return err
	})
	return numbers, err
}

// IncrMany asks each store once for all its counters.
func (r *Router) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if r.closed.Load() {
		return nil, kv.ErrClosed
	}
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	groups := groupsOf{numbers: make([]int64, len(adds)), own: make([]error, len(adds))}
	err := groups.each(adds, func(p kv.Prefix) any { return r.of[p] }, func(place any, mine []kv.Addition) ([]int64, error) {
		return kv.IncrMany(ctx, place.(kv.Store), mine, ttl)
	})
	if err != nil {
		return nil, err
	}
	return groups.numbers, kv.FirstError(groups.own)
}
