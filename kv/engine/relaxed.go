package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// relaxed keeps the values and counters of relaxed prefixes: acknowledged in memory, written
// behind within 250 ms.
//
//	write ──> cell, dirty ──flush: groups of rows, one Apply each──> cell, clean ──sweep──> no cell
//	read ───> cell, if there is one ── else cache or backend
//
// It promises what kv.Store does, and:
//
//   - while a row has a cell, the cell is the row; the backend's may be older. A cell goes away only
//     clean, that is after the commit that made the backend's row the same;
//   - what a crash takes was acknowledged within one second: a write waits while the oldest dirty
//     cell is older than 750 ms, and while there are too many of them;
//   - nothing that is dirty is dropped while the process lives. When the backend refuses to write, so
//     do new writes, once they would have to wait;
//   - no lock is held while the backend works, except where a reader was passed by three drops.
//
// How a reader without a cell knows that what it read from the backend was the row: cells of its
// stripe are dropped one generation (drops) after the other. If there was no cell before it read and
// there is none afterwards and none was dropped in between, there was none at any time in between,
// and the backend was the truth all along.
type relaxed struct {
	backend kv.Store
	batch   kv.Batcher
	beside  besider // nil if the backend is none
	cache   *cache  // nil if there is none
	clock   *kv.Clock
	log     *slog.Logger

	serves    [256]bool
	cacheable [256]bool
	seed      maphash.Seed
	mask      uint64
	stripes   [cellStripes]cellStripe

	// What may be dirty, and as much again may be clean.
	maxRows, maxOctets int64
	tuning
	began time.Time // of the machine, for ages

	dirty, octets atomic.Int64      // of dirty cells
	cells, held   atomic.Int64      // of all cells, and their octets
	rows          [256]atomic.Int64 // cells by prefix
	late          atomic.Bool       // the oldest dirty cell is too old
	inflight      atomic.Int64      // age of the oldest that the flusher has in hand, as since
	closed        atomic.Bool

	// pins is held shared by who needs that no cell is dropped for a while.
	pins sync.RWMutex

	purging atomic.Bool // a round of Purge is under way

	hold    atomic.Pointer[hold]
	holding chan struct{} // who has the hold

	flusher
}

// besider is a backend that can remove what is under a key except the value.
type besider interface {
	// DeleteBeside says whether any of that was live.
	DeleteBeside(ctx context.Context, k kv.Key) (bool, error)
}

// tuning is what tests change.
type tuning struct {
	class func(kv.Prefix) kv.Class // instead of the prefix table
	after time.Duration            // dirty cells are flushed at this age
	limit time.Duration            // writes wait while the oldest dirty cell is older
	keep  time.Duration            // a clean cell stays so long after it was used, up to twice; negative: not at all
	tick  time.Duration            // how often the watchman looks
	one   bool                     // all keys share a stripe
	plain bool                     // the backend's DeleteBeside is not used
}

const (
	cellStripes = 256
	// cellOctets is what a cell takes beside name and value, about.
	cellOctets = 200

	defaultDirtyRows   = 200_000
	defaultDirtyOctets = 64 << 20

	flushAfter = 150 * time.Millisecond
	lateAfter  = 750 * time.Millisecond
	keepCells  = time.Second
	watchEvery = 25 * time.Millisecond
)

// cellStripe is a part of the cells with a lock of its own.
type cellStripe struct {
	mu     sync.Mutex
	cells  map[kv.Key]*cell
	listed []*cell      // those that the next flush has to look at
	drops  uint64       // times that cells were dropped
	since  atomic.Int64 // when the first of listed was written, 0 if there is none
	_      [64]byte     // stripes do not share a cache line
}

// cell is a row in memory. Its stripe's lock guards it.
type cell struct {
	row
	key     kv.Key
	version uint64 // counts writes
	mapped  bool   // it is in its stripe's map
	dirty   bool   // the backend's row may be another
	listed  bool
	stored  bool // the backend may have a live row of the key
	used    bool // since the last sweep
}

// row is a value, or a counter as a number, or the fact that there is none.
type row struct {
	bytes    []byte
	number   int64
	deadline int64 // unix ms, 0 is never
	fence    uint64
	there    bool
	counts   bool // number is the value
}

func (r row) value() kv.Value {
	b := r.bytes
	if r.counts {
		b = kv.FormatCounter(r.number)
	}
	return kv.Value{Bytes: b, Expires: kv.Moment(r.deadline), Fence: r.fence}
}

// filled makes a copy of v what a row holds: never nil, so that it is present.
func filled(v []byte) row {
	return row{bytes: append(make([]byte, 0, len(v)), v...), there: true}
}

func (c *cell) size() int64 { return int64(cellOctets + len(c.key.Name) + len(c.bytes)) }

// newRelaxed returns the relaxed class of e, whose goroutines run until close. It is nil if the
// backend cannot write batches.
func newRelaxed(e *Engine, backend kv.Store, o Options) *relaxed {
	batch, ok := backend.(kv.Batcher)
	if !ok {
		return nil
	}
	r := &relaxed{
		backend: e.backend, batch: batch, cache: e.cache, clock: e.clock, log: o.Logger,
		seed: maphash.MakeSeed(), mask: cellStripes - 1,
		maxRows: int64(o.MaxDirtyRows), maxOctets: o.MaxDirtyOctets, tuning: o.tune, began: time.Now(),
		holding: make(chan struct{}, 1),
	}
	r.beside, _ = backend.(besider)
	if r.maxRows <= 0 {
		r.maxRows = defaultDirtyRows
	}
	if r.maxOctets <= 0 {
		r.maxOctets = defaultDirtyOctets
	}
	r.tuning.fill()
	if r.one {
		r.mask = 0
	}
	if r.plain {
		r.beside = nil
	}
	for p := range r.serves {
		r.serves[p] = r.class(kv.Prefix(p)) == kv.Relaxed
		r.cacheable[p] = e.cached(kv.Prefix(p))
	}
	for i := range r.stripes {
		r.stripes[i].cells = map[kv.Key]*cell{}
	}
	r.start(r)
	return r
}

func (t *tuning) fill() {
	if t.class == nil {
		t.class = func(p kv.Prefix) kv.Class { return p.Info().Class }
	}
	if t.after == 0 {
		t.after = flushAfter
	}
	if t.limit == 0 {
		t.limit = lateAfter
	}
	if t.tick == 0 {
		t.tick = watchEvery
	}
	if t.keep == 0 {
		t.keep = keepCells
	}
}

// behind returns what keeps p's rows before they are in the backend, or nil.
func (e *Engine) behind(p kv.Prefix) *relaxed {
	if r := e.relaxed; r != nil && r.serves[p] {
		return r
	}
	return nil
}

func (r *relaxed) stripe(k kv.Key) *cellStripe {
	h := maphash.String(r.seed, k.Name) + uint64(k.Prefix)*0x9e3779b97f4a7c15
	return &r.stripes[(h>>56)&r.mask]
}

// mono is the age of r in nanoseconds, never 0: test clocks may stand still, disks do not.
func (r *relaxed) mono() int64 { return int64(time.Since(r.began)) | 1 }

// begin refuses calls on a closed store, with a context that is over, or with a key too large.
func (r *relaxed) begin(ctx context.Context, k kv.Key) error {
	if r.closed.Load() {
		return kv.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return k.Check()
}

// load reads the row of k behind the cells.
func (r *relaxed) load(ctx context.Context, k kv.Key) (row, error) {
	var v kv.Value
	var err error
	if r.cacheable[k.Prefix] {
		v, err = r.cache.get(ctx, k, r.backend.Get)
	} else {
		v, err = r.backend.Get(ctx, k)
	}
	switch {
	case isAbsent(err):
		return row{}, nil
	case err != nil:
		return row{}, err
	}
	return rowOf(v), nil
}

// rowOf is the row of a value that is there.
func rowOf(v kv.Value) row {
	found := row{bytes: v.Bytes, fence: v.Fence, there: true}
	if !v.Expires.IsZero() {
		found.deadline = v.Expires.UnixMilli()
	}
	return found
}

// tries is how often a row is read again because a cell of its stripe was dropped meanwhile, before
// it is read with the stripe locked.
const tries = 3

// enter locks the stripe of k, for a write, and returns the cell of k, or a new one with the
// backend's row that is not in the map yet. While a hold covers k it waits. If it returns an
// error, nothing is locked. before is what the caller has read of k already, if it has.
func (r *relaxed) enter(ctx context.Context, k kv.Key, before seen) (*cellStripe, *cell, error) {
	st := r.stripe(k)
	found, drops, loaded := before.row, before.drops, before.read
	var err error
	for try := 0; ; try++ {
		st.mu.Lock()
		if r.closed.Load() {
			st.mu.Unlock()
			return nil, nil, kv.ErrClosed
		}
		if h := r.hold.Load(); h != nil && h.covers(k) {
			st.mu.Unlock()
			if err := h.wait(ctx); err != nil {
				return nil, nil, err
			}
			loaded = false
			continue
		}
		if c := st.cells[k]; c != nil {
			return st, c, nil
		}
		if loaded && st.drops == drops {
			return st, &cell{row: found, key: k, stored: found.there}, nil
		}
		drops, loaded = st.drops, true
		if try >= tries {
			if found, err = r.load(ctx, k); err != nil {
				st.mu.Unlock()
				return nil, nil, err
			}
			return st, &cell{row: found, key: k, stored: found.there}, nil
		}
		st.mu.Unlock()
		if found, err = r.load(ctx, k); err != nil {
			return nil, nil, err
		}
	}
}

// put makes next the row of c. The stripe is locked.
func (r *relaxed) put(st *cellStripe, c *cell, next row) {
	before := int64(len(c.bytes))
	c.row = next
	c.version++
	c.used = true
	grown := int64(len(c.bytes)) - before
	if !c.mapped {
		c.mapped = true
		st.cells[c.key] = c
		r.cells.Add(1)
		r.rows[c.key.Prefix].Add(1)
		r.held.Add(c.size())
	} else if grown != 0 {
		r.held.Add(grown)
	}
	if !c.dirty {
		c.dirty = true
		r.octets.Add(c.size())
		if r.dirty.Add(1) == 1 {
			r.awake()
		}
	} else if grown != 0 {
		r.octets.Add(grown)
	}
	if !c.listed {
		r.list(st, c, r.mono())
	}
}

// list puts c on the list of what the next flush looks at. The stripe is locked.
func (r *relaxed) list(st *cellStripe, c *cell, since int64) {
	c.listed = true
	st.listed = append(st.listed, c)
	if s := st.since.Load(); s == 0 || since < s {
		st.since.Store(since)
	}
}

// clean says that the backend's row is c's. The stripe is locked.
func (r *relaxed) clean(c *cell) {
	c.dirty = false
	r.dirty.Add(-1)
	r.octets.Add(-c.size())
}

// drop takes a clean cell out of the map. The stripe is locked, and nobody pins.
func (r *relaxed) drop(st *cellStripe, c *cell) {
	delete(st.cells, c.key)
	c.mapped = false
	r.cells.Add(-1)
	r.rows[c.key.Prefix].Add(-1)
	r.held.Add(-c.size())
}

// full reports whether as much is dirty as may be.
func (r *relaxed) full() bool {
	return r.dirty.Load() >= r.maxRows || r.octets.Load() >= r.maxOctets
}

// admit waits until one more write fits. If it would have to wait for a backend that does not
// take writes, it returns that error instead.
func (r *relaxed) admit(ctx context.Context) error {
	if !r.full() && !r.late.Load() {
		return nil
	}
	return r.await(ctx, func() (bool, error) {
		switch {
		case r.closed.Load():
			return true, kv.ErrClosed
		case !r.full() && !r.late.Load():
			return true, nil
		case r.failure != nil:
			return true, fmt.Errorf("kv/engine: too much waits to be written: %w", r.failure)
		}
		r.kick()
		return false, nil
	})
}
