// Package memory is a kv.Store in the memory of this process: striped maps, gone when
// the process ends. It is the volatile class of the engine, the layer of a dry run, and
// the store of tests.
//
//	key ── hash ──> one of 256 stripes, each with a lock and three maps:
//	                values and counters · allowances · leases
//
// It promises what kv.Store does, except that a lease locked with durable is no safer
// than any other. Whatever is written to a stripe also looks at a few of its old rows
// and drops the expired ones, so that memory is bounded by what is alive, even if
// nobody ever calls Purge.
package memory

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Options says how a Store is made. The zero value works.
type Options struct {
	// Now is the time; nil is the machine's clock.
	Now func() time.Time
	// Clock, if set, is used instead of Now: another store's, to agree with it.
	Clock *kv.Clock
	// MaxRows is the most rows of one prefix; more are refused with kv.ErrFull, so that
	// whoever fills one prefix does not starve the others. Default 1,000,000.
	MaxRows int
	// Fences gives fencing numbers, each larger than all before; default counts from 1.
	Fences func() (uint64, error)
}

const stripes = 256

// Store is a kv.Store. Its methods may be called from many goroutines.
type Store struct {
	clock   *kv.Clock
	maxRows int64
	fences  func() (uint64, error)
	fence   atomic.Uint64
	rows    [256]atomic.Int64 // by prefix
	closed  atomic.Bool
	seed    maphash.Seed
	stripes [stripes]stripe

	purge struct {
		sync.Mutex
		next int
	}
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
)

type stripe struct {
	mu     sync.Mutex
	rows   map[kv.Key]row
	rates  map[rateKey]rate
	rules  map[kv.Rule]int // how many rates have this rule, to find all of a key
	leases map[kv.Key]lease
	_      [24]byte // stripes do not share a cache line
}

// row is a value, or a counter as a number.
type row struct {
	bytes    []byte
	number   int64
	counts   bool
	deadline int64 // unix ms, 0 is never
	fence    uint64
}

func (r row) value() kv.Value {
	b := r.bytes
	if r.counts {
		b = kv.FormatCounter(r.number)
	}
	return kv.Value{Bytes: b, Expires: kv.Moment(r.deadline), Fence: r.fence}
}

type rateKey struct {
	key  kv.Key
	rule kv.Rule
}

type rate struct {
	state    kv.RateState
	deadline int64
}

type lease struct {
	owner    string
	fence    uint64
	deadline int64
	durable  bool // as the caller asked; the engine keeps a copy of it on disk
}

// New returns an empty store.
func New(o Options) *Store {
	if o.Clock == nil {
		o.Clock = kv.NewClock(o.Now, 0)
	}
	s := &Store{clock: o.Clock, maxRows: int64(o.MaxRows), fences: o.Fences, seed: maphash.MakeSeed()}
	if s.maxRows <= 0 {
		s.maxRows = 1_000_000
	}
	if s.fences == nil {
		s.fences = func() (uint64, error) { return s.fence.Add(1), nil }
	}
	for i := range s.stripes {
		s.stripes[i].rows = map[kv.Key]row{}
		s.stripes[i].rates = map[rateKey]rate{}
		s.stripes[i].rules = map[kv.Rule]int{}
		s.stripes[i].leases = map[kv.Key]lease{}
	}
	return s
}

func (s *Store) stripe(k kv.Key) *stripe {
	h := maphash.String(s.seed, k.Name) + uint64(k.Prefix)*0x9e3779b97f4a7c15
	return &s.stripes[h>>56]
}

// begin refuses calls on a closed store or with a context that is over.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return kv.ErrClosed
	}
	return ctx.Err()
}

// room makes sure that one more row of p fits, counts it, and sweeps a little for it.
// The stripe is locked.
func (s *Store) room(st *stripe, p kv.Prefix, now int64) error {
	s.sweep(st, now, 4)
	if s.rows[p].Load() >= s.maxRows {
		s.sweep(st, now, 64)
	}
	if s.rows[p].Add(1) > s.maxRows {
		s.rows[p].Add(-1)
		return kv.ErrFull
	}
	return nil
}

// sweep looks at up to n rows of each map, beginning anywhere, and returns how many
// expired ones it removed.
func (s *Store) sweep(st *stripe, now int64, n int) (removed int) {
	left := n
	for k, r := range st.rows {
		if left--; left < 0 {
			break
		}
		if !kv.Live(r.deadline, now) {
			delete(st.rows, k)
			s.rows[k.Prefix].Add(-1)
			removed++
		}
	}
	left = n
	for k, r := range st.rates {
		if left--; left < 0 {
			break
		}
		if !kv.Live(r.deadline, now) {
			st.dropRate(k)
			s.rows[k.key.Prefix].Add(-1)
			removed++
		}
	}
	left = n
	for k, l := range st.leases {
		if left--; left < 0 {
			break
		}
		if !kv.Live(l.deadline, now) {
			delete(st.leases, k)
			s.rows[k.Prefix].Add(-1)
			removed++
		}
	}
	return removed
}

func (st *stripe) dropRate(k rateKey) {
	delete(st.rates, k)
	if st.rules[k.rule]--; st.rules[k.rule] == 0 {
		delete(st.rules, k.rule)
	}
}

// Clock returns the store's time, for others that have to agree with it: two clocks over one machine's
// part where that is set back while only one of them is asked.
func (s *Store) Clock() *kv.Clock { return s.clock }

// Flush does nothing: nothing is ever durable.
func (s *Store) Flush(ctx context.Context) error { return s.begin(ctx) }

// Close drops all rows. Later calls return kv.ErrClosed.
func (s *Store) Close() error {
	s.closed.Store(true)
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.Lock()
		clear(st.rows)
		clear(st.rates)
		clear(st.rules)
		clear(st.leases)
		st.mu.Unlock()
	}
	for p := range s.rows {
		s.rows[p].Store(0)
	}
	return nil
}
