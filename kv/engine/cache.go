package engine

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/sluice-mail/sluice/kv"
)

const (
	// stripes is how many generations there are for keys. One write kills one part in
	// so many of the cache.
	stripes = 1 << 16
	// entryOctets is what ristretto needs for an entry beside key and value, measured;
	// its own accounting leaves most of it out.
	entryOctets = 200
	// maxCached is the largest value that is cached. Reading more from the backend costs
	// little beside what is done with it, and a late ristretto may for a while hold a dead
	// entry that it counts with the size of the next one.
	maxCached = 64 << 10
	// defaultCacheBytes is the cache of an engine that does not say.
	defaultCacheBytes = 32 << 20
	// foreignEvery is how often the cache looks for other processes' writes while it is
	// used, and foreignLate is how old the last look may be before it is not used.
	foreignEvery = 100 * time.Millisecond
	foreignLate  = time.Second
)

// cache is ristretto with generations.
type cache struct {
	seed     maphash.Seed
	keys     [stripes]generation
	prefixes [256]generation // bumped by DeletePrefix
	epoch    atomic.Uint64   // bumped when another process has written
	clock    *kv.Clock

	closing   sync.RWMutex // ristretto panics if Set meets Close
	closed    bool
	ristretto *ristretto.Cache[string, *entry]

	foreign *watcher // nil if the backend cannot tell
	remote  *guard   // nil if the backend is this process's own
	flights flights
	counts  [8]counts
}

// entry is a row as it was read, or the fact that there was none.
type entry struct {
	value       kv.Value
	there       bool
	deadline    int64 // unix ms, 0 is never
	until       int64 // unix ms; what a shared store's row may be used for, else 0
	cost        int64
	key, prefix uint64 // generations
	epoch       uint64
}

// counts are on a cache line of their own.
type counts struct {
	hits, misses atomic.Int64
	_            [48]byte
}

func newCache(octets int64, backend kv.Store, clock *kv.Clock, machine bool) (*cache, error) {
	if octets == 0 {
		octets = defaultCacheBytes
	}
	r, err := ristretto.NewCache(&ristretto.Config[string, *entry]{
		NumCounters:        max(octets/(entryOctets+100)*10, 1000),
		MaxCost:            octets,
		BufferItems:        64,
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, err
	}
	c := &cache{seed: maphash.MakeSeed(), clock: clock, ristretto: r}
	if v, ok := backend.(versioned); ok {
		c.foreign = newWatcher(v, clock, machine, func() { c.epoch.Add(1) })
	}
	return c, nil
}

// hash spreads keys over generations and counters.
func (c *cache) hash(k kv.Key) uint64 {
	return maphash.String(c.seed, k.Name) + uint64(k.Prefix)*0x9e3779b97f4a7c15
}

func (c *cache) generation(k kv.Key) *generation { return &c.keys[c.hash(k)%stripes] }

// name is k as ristretto's key. Strings have two independent hashes there, integers only
// one, which would make wrong values possible.
func name(k kv.Key) string { return string([]byte{byte(k.Prefix)}) + k.Name }

// get returns the row of k from the cache or by read.
func (c *cache) get(ctx context.Context, k kv.Key, read func(context.Context, kv.Key) (kv.Value, error)) (kv.Value, error) {
	h := c.hash(k)
	n := name(k)
	old, hit := c.look(h, k, n)
	if hit {
		c.counts[h>>61].hits.Add(1)
		if !old.there {
			return kv.Value{}, kv.ErrNotFound
		}
		return old.value, nil
	}
	c.counts[h>>61].misses.Add(1)
	if c.remote != nil {
		return c.fly(ctx, h, k, n, old)
	}
	fill, fine := c.before(h, k)
	v, err := read(ctx, k)
	if fine && (err == nil || errors.Is(err, kv.ErrNotFound)) {
		c.fill(n, fill, v, err == nil, old)
	}
	return v, err
}

// look returns the entry of k, and whether it counts. The clock is read after the entry
// was fetched and before its generation is looked at: if that is still the same, the
// entry was the row at the moment of the clock, too.
func (c *cache) look(h uint64, k kv.Key, n string) (*entry, bool) {
	e, ok := c.ristretto.Get(n)
	if !ok {
		return nil, false
	}
	live := e.deadline == 0 || kv.Live(e.deadline, c.clock.Milli())
	if c.foreign != nil && !c.foreign.fresh() {
		return e, false
	}
	return e, live &&
		c.keys[h%stripes].Load() == e.key &&
		c.prefixes[k.Prefix].Load() == e.prefix &&
		c.epoch.Load() == e.epoch
}

// before returns an entry with the generations of now, and whether it may be filled.
func (c *cache) before(h uint64, k kv.Key) (e entry, fine bool) {
	var a, b bool
	e.epoch = c.epoch.Load()
	e.key, a = c.keys[h%stripes].quiet()
	e.prefix, b = c.prefixes[k.Prefix].quiet()
	if c.remote != nil {
		e.until = c.clock.Milli() + k.Prefix.Info().StaleOK.Milliseconds()
	}
	return e, a && b
}

// fill offers a row to ristretto.
func (c *cache) fill(n string, e entry, v kv.Value, there bool, old *entry) {
	if len(v.Bytes) > maxCached {
		return
	}
	e.value, e.there = v, there
	e.cost = int64(entryOctets + len(n) + len(v.Bytes))
	ttl := time.Duration(0)
	e.deadline = e.until
	if !v.Expires.IsZero() && (e.until == 0 || v.Expires.UnixMilli() < e.until) {
		e.deadline = v.Expires.UnixMilli()
	}
	if e.deadline != 0 {
		// Only a hint to free memory; expiry is decided by look.
		ttl = max(time.Duration(e.deadline-c.clock.Milli())*time.Millisecond, time.Millisecond)
	}
	c.closing.RLock()
	defer c.closing.RUnlock()
	if c.closed {
		return
	}
	if old != nil && old.cost < e.cost {
		// An update to a larger cost would not evict anything, and the bound would slip.
		c.ristretto.Del(n)
	}
	c.ristretto.SetWithTTL(n, &e, e.cost, ttl)
}

func (c *cache) close() {
	c.closing.Lock()
	defer c.closing.Unlock()
	c.closed = true
	c.ristretto.Close()
}

// Metrics counts what the engine did since it was opened.
type Metrics struct {
	Hits, Misses int64 // reads of cacheable prefixes
	CacheOctets  int64 // in use, about
	Foreign      int64 // times that another process had written

	Dirty       int64 // relaxed rows that are still to be written, now
	Flushes     int64 // times that such rows were written
	FlushedRows int64
	FlushErrors int64 // times that writing them failed

	Unavailable       int64 // calls that a shared backend did not answer in time, or was not asked
	UnavailableOpen   int64 // those about prefixes that fail open
	UnavailableClosed int64 // those about prefixes that fail closed
	BreakerOpen       int64 // 1 while the backend is left alone
	BreakerOpened     int64 // times that this began
}

// Metrics returns the counts so far.
func (e *Engine) Metrics() Metrics {
	var m Metrics
	if e.relaxed != nil {
		e.relaxed.metrics(&m)
	}
	if e.guard != nil {
		e.guard.metrics(&m)
	}
	if e.cache == nil {
		return m
	}
	for i := range e.cache.counts {
		m.Hits += e.cache.counts[i].hits.Load()
		m.Misses += e.cache.counts[i].misses.Load()
	}
	m.CacheOctets = e.cache.ristretto.MaxCost() - e.cache.ristretto.RemainingCost()
	if e.cache.foreign != nil {
		m.Foreign = e.cache.foreign.seen.Load()
	}
	return m
}
