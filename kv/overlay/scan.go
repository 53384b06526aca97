package overlay

import (
	"context"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// basePage is how many rows of the base are asked for at a time.
const basePage = 256

// uncovered calls fn for the live rows of the base that the layer does not own, in byte
// order behind the cursor, until fn returns false. mu is held.
func (s *Store) uncovered(ctx context.Context, p kv.Prefix, name, cursor string, fn func(kv.Item) bool) error {
	now := s.clock.Milli()
	for {
		items, next, err := s.base.List(ctx, p, name, cursor, basePage)
		if err != nil {
			return err
		}
		for _, it := range items {
			if !s.owns(it.Key, row) && s.live(it.Value, now) && !fn(it) {
				return nil
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// List merges the rows of the layer with those of the base that it does not own.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	limit, err := kv.CheckPage(limit)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items, more, err := s.layer.List(ctx, p, name, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	// Behind the last row of the layer's page nothing may be told yet if there is more.
	end := ""
	if more != "" {
		end = items[len(items)-1].Key.Name
	}
	taken, octets := 0, 0
	err = s.uncovered(ctx, p, name, cursor, func(it kv.Item) bool {
		if more != "" && it.Key.Name > end || taken > limit || octets > kv.MaxPageOctets {
			return false
		}
		taken++
		octets += len(it.Value.Bytes)
		items = append(items, it)
		return true
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(items, func(a, b kv.Item) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	octets = 0
	for i, it := range items {
		octets += len(it.Value.Bytes)
		if i > 0 && (i == limit || octets > kv.MaxPageOctets) {
			return items[:i:i], kv.Cursor(items[i-1].Key.Name), nil
		}
	}
	return items, more, nil
}

// DeletePrefix hides every key of p whose name starts with name. It counts what the
// layer has, and the values and counters of the base.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.layer.Flush(ctx); err != nil {
		return 0, err
	}
	n := 0
	err := s.uncovered(ctx, p, name, "", func(kv.Item) bool {
		n++
		return true
	})
	if err != nil {
		return 0, err
	}
	m, err := s.layer.DeletePrefix(ctx, p, name)
	if err != nil {
		return 0, err
	}
	s.hidden = append(s.hidden, kv.Key{Prefix: p, Name: name})
	return n + m, nil
}

// Stats counts what the layer has, and the values and counters of the base that it does
// not own. Leases and allowances of the base are not visible to a layer.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats, err := s.layer.Stats(ctx)
	if err != nil {
		return nil, err
	}
	below, err := s.base.Stats(ctx)
	if err != nil {
		return nil, err
	}
	var all [256]kv.PrefixStats
	for _, st := range stats {
		all[st.Prefix] = st
	}
	for _, st := range below {
		err := s.uncovered(ctx, st.Prefix, "", "", func(it kv.Item) bool {
			all[st.Prefix].Rows++
			all[st.Prefix].Octets += int64(len(it.Key.Name) + len(it.Value.Bytes))
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	stats = stats[:0]
	for p, st := range all {
		if st.Rows > 0 {
			st.Prefix = kv.Prefix(p)
			stats = append(stats, st)
		}
	}
	return stats, nil
}
