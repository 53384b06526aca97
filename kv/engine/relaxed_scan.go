package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// hold keeps writes of a range of keys waiting while the backend removes it. Reads go on: they
// see the cells, and when those are gone the backend.
type hold struct {
	prefix kv.Prefix
	name   string
	exact  bool // this name only, else all that begin so
	over   chan struct{}
}

func (h *hold) covers(k kv.Key) bool {
	return k.Prefix == h.prefix && (k.Name == h.name || !h.exact && strings.HasPrefix(k.Name, h.name))
}

func (h *hold) wait(ctx context.Context) error {
	select {
	case <-h.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle makes the backend the truth about the keys that h covers: when it returns, their rows
// are flushed, they have no cells, and writes of them wait until release. One hold stands at a
// time; others wait for it.
func (r *relaxed) settle(ctx context.Context, h *hold) (release func(), err error) {
	h.over = make(chan struct{})
	select {
	case r.holding <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release = func() {
		r.hold.Store(nil)
		close(h.over)
		<-r.holding
	}
	r.hold.Store(h)
	r.barrier() // who did not see h has written
	if err := r.flush(ctx); err != nil {
		release()
		return nil, err
	}
	r.pins.Lock()
	defer r.pins.Unlock()
	for i := range r.stripes {
		st := &r.stripes[i]
		st.mu.Lock()
		// Also where there is no cell: a write that read the backend before the hold has to
		// read it again.
		st.drops++
		for k, c := range st.cells {
			if h.covers(k) && !c.dirty {
				r.drop(st, c)
			}
		}
		st.mu.Unlock()
	}
	return release, nil
}

// barrier returns when everybody who had a stripe locked has let it go.
func (r *relaxed) barrier() {
	for i := range r.stripes {
		r.stripes[i].mu.Lock()
		//lint:ignore SA2001 waiting is all that is wanted
		r.stripes[i].mu.Unlock()
	}
}

// List returns live items in byte order: pages of the backend with what the cells know laid over
// them.
func (r *relaxed) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	if err := r.begin(ctx, kv.Key{Prefix: p, Name: name}); err != nil {
		return nil, "", err
	}
	limit, err := kv.CheckPage(limit)
	if err != nil {
		return nil, "", err
	}
	for {
		items, next, err := r.page(ctx, p, name, cursor, limit)
		if err != nil || len(items) > 0 || next == "" {
			return items, next, err
		}
		cursor = next // all rows of the page are gone, but not yet from the backend
	}
}

// page is one page. No cell is dropped between the backend's answer and the look at the cells. So a
// key that has a cell then is what the cell says then; and one that has none had none when the
// backend answered, whose answer was the row, or its absence, of that moment.
func (r *relaxed) page(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	from, resumed, err := kv.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	r.pins.RLock()
	defer r.pins.RUnlock()
	items, next, err := r.backend.List(ctx, p, name, cursor, limit)
	if err != nil || r.rows[p].Load() == 0 {
		return items, next, err
	}
	last := ""
	if next != "" {
		last = items[len(items)-1].Key.Name
	}
	m := overlay{known: make(map[string]int, len(items)), items: items, limit: limit}
	for i, it := range items {
		m.known[it.Key.Name] = i
	}
	for i := range r.stripes {
		st := &r.stripes[i]
		st.mu.Lock()
		now := r.clock.Milli()
		for k, c := range st.cells {
			if k.Prefix != p || !strings.HasPrefix(k.Name, name) || resumed && k.Name <= from || next != "" && k.Name > last {
				continue
			}
			m.lay(c, now)
		}
		st.mu.Unlock()
	}
	items, cut := m.cut()
	if cut {
		next = kv.Cursor(items[len(items)-1].Key.Name)
	}
	return items, next, nil
}

// overlay is a page of the backend and the cells of its range.
type overlay struct {
	items []kv.Item
	known map[string]int // where names are in items
	gone  []string       // names in items that are absent
	fresh []kv.Item      // not in items
	limit int
}

// lay puts c over the page.
func (m *overlay) lay(c *cell, now int64) {
	live := c.there && kv.Live(c.deadline, now)
	i, known := m.known[c.key.Name]
	switch {
	case known && live:
		m.items[i].Value = c.value()
	case known:
		m.gone = append(m.gone, c.key.Name)
	case live:
		m.fresh = append(m.fresh, kv.Item{Key: c.key, Value: c.value()})
		if len(m.fresh) >= 2*m.limit+1000 {
			m.trim()
		}
	}
}

func (m *overlay) trim() {
	slices.SortFunc(m.fresh, byName)
	if len(m.fresh) > m.limit+1 {
		clear(m.fresh[m.limit+1:])
		m.fresh = m.fresh[:m.limit+1]
	}
}

func byName(a, b kv.Item) int { return strings.Compare(a.Key.Name, b.Key.Name) }

// cut returns the page in order, and whether something was left off its end.
func (m *overlay) cut() ([]kv.Item, bool) {
	if len(m.gone) > 0 {
		gone := make(map[string]bool, len(m.gone))
		for _, name := range m.gone {
			gone[name] = true
		}
		m.items = slices.DeleteFunc(m.items, func(it kv.Item) bool { return gone[it.Key.Name] })
	}
	if len(m.fresh) > 0 {
		m.trim()
		m.items = append(m.items, m.fresh...)
		slices.SortFunc(m.items, byName)
	}
	octets := 0
	for i, it := range m.items {
		octets += len(it.Value.Bytes)
		if i > 0 && (i == m.limit || octets > kv.MaxPageOctets) {
			return m.items[:i:i], true
		}
	}
	return m.items, false
}
