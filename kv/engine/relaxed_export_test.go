package engine

import (
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Tune is what tests of the relaxed class change.
type Tune struct {
	All         bool          // every prefix is relaxed
	After, Late time.Duration // instead of 150 and 750 ms
	Tick        time.Duration // of the watchman
	Keep        time.Duration // of clean cells; negative: they go with the next flush
	OneStripe   bool
	Plain       bool // the backend's DeleteBeside is not used
}

// Tuned returns o with t.
func (o Options) Tuned(t Tune) Options {
	o.tune = tuning{after: t.After, limit: t.Late, keep: t.Keep, tick: t.Tick, one: t.OneStripe, plain: t.Plain}
	if t.All {
		o.tune.class = func(kv.Prefix) kv.Class { return kv.Relaxed }
	}
	return o
}

// Cells returns how many cells there are, and their octets.
func (e *Engine) Cells() (n, octets int64) { return e.relaxed.cells.Load(), e.relaxed.held.Load() }

// Counted returns what the cells' counters should say, by counting.
func (e *Engine) Counted() (cells, held, dirty, octets int64, byPrefix map[kv.Prefix]int64) {
	byPrefix = map[kv.Prefix]int64{}
	for i := range e.relaxed.stripes {
		st := &e.relaxed.stripes[i]
		st.mu.Lock()
		for k, c := range st.cells {
			cells++
			held += c.size()
			byPrefix[k.Prefix]++
			if c.dirty {
				dirty++
				octets += c.size()
			}
		}
		st.mu.Unlock()
	}
	return cells, held, dirty, octets, byPrefix
}

// Counters returns what they say.
func (e *Engine) Counters() (cells, held, dirty, octets int64, byPrefix map[kv.Prefix]int64) {
	byPrefix = map[kv.Prefix]int64{}
	for p := range e.relaxed.rows {
		if n := e.relaxed.rows[p].Load(); n != 0 {
			byPrefix[kv.Prefix(p)] = n
		}
	}
	return e.relaxed.cells.Load(), e.relaxed.held.Load(), e.relaxed.dirty.Load(), e.relaxed.octets.Load(), byPrefix
}
