package memory

import (
	"context"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// removeOne deletes what is under k and returns how many of it was live.
func (s *Store) removeOne(st *stripe, k kv.Key, now int64) int {
	var d dropped
	if r, ok := st.rows[k]; ok {
		delete(st.rows, k)
		d.count(r.deadline, now)
	}
	if l, ok := st.leases[k]; ok {
		delete(st.leases, k)
		d.count(l.deadline, now)
	}
	for rule := range st.rules {
		rk := rateKey{k, rule}
		if r, ok := st.rates[rk]; ok {
			st.dropRate(rk)
			d.count(r.deadline, now)
		}
	}
	s.rows[k.Prefix].Add(-d.all)
	return d.live
}

// removeAll does the same for every key that begins so.
func (s *Store) removeAll(st *stripe, p kv.Prefix, name string, now int64) int {
	var d dropped
	match := func(k kv.Key) bool { return k.Prefix == p && strings.HasPrefix(k.Name, name) }
	for k, r := range st.rows {
		if match(k) {
			delete(st.rows, k)
			d.count(r.deadline, now)
		}
	}
	for k, l := range st.leases {
		if match(k) {
			delete(st.leases, k)
			d.count(l.deadline, now)
		}
	}
	for k, r := range st.rates {
		if match(k.key) {
			st.dropRate(k)
			d.count(r.deadline, now)
		}
	}
	s.rows[p].Add(-d.all)
	return d.live
}

// dropped counts removed rows, and those among them that somebody could still see.
type dropped struct {
	all  int64
	live int
}

func (d *dropped) count(deadline, now int64) {
	d.all++
	if kv.Live(deadline, now) {
		d.live++
	}
}

// DeletePrefix removes every key of p whose name starts with name.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	n := 0
	for i := range s.stripes {
		if err := s.begin(ctx); err != nil {
			return n, err
		}
		st := &s.stripes[i]
		st.mu.Lock()
		n += s.removeAll(st, p, name, s.clock.Milli())
		st.mu.Unlock()
	}
	return n, nil
}

// List returns live items in byte order. It looks at every row of the store, since
// hashes have no order: fine for a layer or a test, not for millions of rows.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	limit, err := kv.CheckPage(limit)
	if err != nil {
		return nil, "", err
	}
	from, after, err := kv.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	var items []kv.Item
	for i := range s.stripes {
		if err := s.begin(ctx); err != nil {
			return nil, "", err
		}
		st := &s.stripes[i]
		st.mu.Lock()
		now := s.clock.Milli()
		for k, r := range st.rows {
			if k.Prefix == p && strings.HasPrefix(k.Name, name) && kv.Live(r.deadline, now) && (!after || k.Name > from) {
				items = append(items, kv.Item{Key: k, Value: r.value()})
			}
		}
		st.mu.Unlock()
	}
	slices.SortFunc(items, func(a, b kv.Item) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	octets := 0
	for i, it := range items {
		octets += len(it.Value.Bytes)
		if i > 0 && (i == limit || octets > kv.MaxPageOctets) {
			return items[:i:i], kv.Cursor(items[i-1].Key.Name), nil
		}
	}
	return items, "", nil
}

// purgeRows is how many rows a Purge looks at, give or take a stripe.
const purgeRows = 20_000

// Purge removes expired rows of the next stripes.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	s.purge.Lock()
	defer s.purge.Unlock()
	for looked := 0; looked < purgeRows; {
		if err := s.begin(ctx); err != nil {
			return removed, true, err
		}
		st := &s.stripes[s.purge.next]
		st.mu.Lock()
		looked += len(st.rows) + len(st.rates) + len(st.leases)
		removed += s.sweep(st, s.clock.Milli(), 1<<30)
		st.mu.Unlock()
		if s.purge.next++; s.purge.next == stripes {
			s.purge.next = 0
			return removed, false, nil
		}
	}
	return removed, true, nil
}

// Stats counts live rows of all kinds and their octets by prefix.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var all [256]kv.PrefixStats
	for i := range s.stripes {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
		st := &s.stripes[i]
		st.mu.Lock()
		now := s.clock.Milli()
		count := func(k kv.Key, deadline int64, size int) {
			if kv.Live(deadline, now) {
				all[k.Prefix].Rows++
				all[k.Prefix].Octets += int64(len(k.Name) + size)
			}
		}
		for k, r := range st.rows {
			count(k, r.deadline, len(r.value().Bytes))
		}
		for k, r := range st.rates {
			count(k.key, r.deadline, kv.RateStateOctets)
		}
		for k, l := range st.leases {
			count(k, l.deadline, len(l.owner)+8)
		}
		st.mu.Unlock()
	}
	var stats []kv.PrefixStats
	for p, st := range all {
		if st.Rows > 0 {
			st.Prefix = kv.Prefix(p)
			stats = append(stats, st)
		}
	}
	return stats, nil
}
