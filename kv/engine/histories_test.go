package engine_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// checked is how many histories a test makes.
const checked = 200

// backends are what engines and naive caches are put in front of.
var backends = map[string]func(t *testing.T, now func() time.Time) kv.Store{
	"over SQLite": func(t *testing.T, now func() time.Time) kv.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kv.db"), sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return yielding{s, 30}
	},
	"over memory": func(t *testing.T, now func() time.Time) kv.Store {
		return yielding{memory.New(memory.Options{Now: now}), 6}
	},
}

// inFront runs a test with an engine over each backend, with a cache that holds everything and
// with one that the noise of the histories fills, so that entries come and go.
func inFront(t *testing.T, run func(t *testing.T, e *engine.Engine, advance func(time.Duration)) (illegal int, example string)) {
	for name, open := range backends {
		for size, octets := range map[string]int64{"all cached": 16 << 20, "cache full": 1 << 18} {
			t.Run(name+", "+size, func(t *testing.T) {
				clock := kvtest.NewClock()
				e, err := engine.New(open(t, clock.Now), engine.Options{Now: clock.Now, CacheBytes: octets})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if illegal, example := run(t, e, clock.Advance); illegal > 0 {
					t.Errorf("%d of %d histories have no order that explains them, for example:\n%s", illegal, checked, example)
				}
				if m := e.Metrics(); m.Hits == 0 {
					t.Error("nothing was read from the cache")
				} else {
					t.Logf("%d hits, %d misses", m.Hits, m.Misses)
				}
			})
		}
	}
}

func TestHistoriesWithANoisyCache(t *testing.T) {
	inFront(t, func(t *testing.T, e *engine.Engine, advance func(time.Duration)) (int, string) {
		return kvtest.Histories(t, e, advance, checked, uint64(time.Now().UnixNano()))
	})
}

func TestHistoriesOfEightWritersOfOneStripe(t *testing.T) {
	inFront(t, func(t *testing.T, e *engine.Engine, advance func(time.Duration)) (int, string) {
		s := &oneStripe{Store: e, stripe: e.Stripe, names: map[string]string{}}
		illegal, example := kvtest.CrowdedHistories(t, s, advance, 2, checked, uint64(time.Now().UnixNano()))
		if len(s.names) != 2*checked {
			t.Errorf("%d names of %d histories were moved", len(s.names), checked)
		}
		return illegal, example
	})
}

// oneStripe renames the keys a and b of a history so that they have the same generation. What
// begins with the old name begins so afterwards, too.
type oneStripe struct {
	kv.Store
	stripe func(kv.Key) uint64
	mu     sync.Mutex
	names  map[string]string
}

func (o *oneStripe) key(k kv.Key) kv.Key {
	if !strings.HasPrefix(k.Name, "history") || strings.HasSuffix(k.Name, "~") {
		return k
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.names[k.Name]; !ok {
		o.pair(k.Prefix, k.Name[:len(k.Name)-1])
	}
	k.Name = o.names[k.Name]
	return k
}

// pair finds two names that share a stripe: some hundreds of tries, as with birthdays.
func (o *oneStripe) pair(p kv.Prefix, base string) {
	seen := map[string]map[uint64]string{"a": {}, "b": {}}
	for i := 0; ; i++ {
		for key, other := range map[string]string{"a": "b", "b": "a"} {
			name := base + key + "/" + strconv.Itoa(i)
			at := o.stripe(kv.Key{Prefix: p, Name: name})
			seen[key][at] = name
			if mate, ok := seen[other][at]; ok {
				o.names[base+key], o.names[base+other] = name, mate
				return
			}
		}
	}
}

func (o *oneStripe) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	return o.Store.Get(ctx, o.key(k))
}

func (o *oneStripe) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	moved := make([]kv.Key, len(ks))
	for i, k := range ks {
		moved[i] = o.key(k)
	}
	return o.Store.GetMany(ctx, moved)
}

func (o *oneStripe) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return o.Store.Set(ctx, o.key(k), v, ttl)
}

func (o *oneStripe) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	return o.Store.SetFenced(ctx, o.key(k), v, ttl, fence)
}

func (o *oneStripe) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return o.Store.Add(ctx, o.key(k), v, ttl)
}

func (o *oneStripe) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	return o.Store.CompareAndSwap(ctx, o.key(k), old, next, ttl)
}

func (o *oneStripe) Delete(ctx context.Context, k kv.Key) (bool, error) {
	return o.Store.Delete(ctx, o.key(k))
}

// yielding is a store whose calls let others go first, before they act and before they answer, as
// those of a busy disk do.
type yielding struct {
	kv.Store
	times int // at most
}

func (y yielding) yield() {
	for range rand.IntN(y.times) {
		goruntime.Gosched()
	}
}

func (y yielding) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	defer y.yield()
	return y.Store.Get(ctx, k)
}

func (y yielding) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	defer y.yield()
	return y.Store.GetMany(ctx, ks)
}

func (y yielding) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	y.yield()
	defer y.yield()
	return y.Store.Set(ctx, k, v, ttl)
}

func (y yielding) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	y.yield()
	defer y.yield()
	return y.Store.CompareAndSwap(ctx, k, old, next, ttl)
}

// naive is how one would put ristretto in front of a store without thinking: fill on a miss, and
// after a write either put the new row into the cache or take the old one out. It is careful about
// everything else: expiry, every kind of write, and rows that are absent.
type naive struct {
	kv.Store
	cache   *ristretto.Cache[string, kv.Value]
	now     func() time.Time
	through bool // write the new row through; else invalidate
}

func (n *naive) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	now := n.now()
	if v, ok := n.cache.Get(k.Name); ok && (v.Expires.IsZero() || v.Expires.After(now)) {
		return v, nil
	}
	v, err := n.Store.Get(ctx, k)
	if err == nil {
		n.cache.Set(k.Name, v, 1)
	}
	return v, err
}

func (n *naive) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	values := make([]kv.Value, len(ks))
	for i, k := range ks {
		values[i], _ = n.Get(ctx, k)
	}
	return values, nil
}

// wrote follows a write of k.
func (n *naive) wrote(ctx context.Context, k kv.Key) {
	if n.through {
		if v, err := n.Store.Get(ctx, k); err == nil {
			n.cache.Set(k.Name, v, 1)
			return
		}
	}
	n.cache.Del(k.Name)
}

func (n *naive) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	defer n.wrote(ctx, k)
	return n.Store.Set(ctx, k, v, ttl)
}

func (n *naive) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	defer n.wrote(ctx, k)
	return n.Store.SetFenced(ctx, k, v, ttl, fence)
}

func (n *naive) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	defer n.wrote(ctx, k)
	return n.Store.Add(ctx, k, v, ttl)
}

func (n *naive) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	defer n.wrote(ctx, k)
	return n.Store.CompareAndSwap(ctx, k, old, next, ttl)
}

func (n *naive) Delete(ctx context.Context, k kv.Key) (bool, error) {
	defer n.wrote(ctx, k)
	return n.Store.Delete(ctx, k)
}

// DeletePrefix is only asked for whole names in histories.
func (n *naive) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	defer n.wrote(ctx, kv.Key{Prefix: p, Name: name})
	return n.Store.DeletePrefix(ctx, p, name)
}

// The checker has to be able to find what the engine must not do.
func TestTheSameChecksCatchNaiveCaches(t *testing.T) {
	histories := map[string]func(*testing.T, kv.Store, func(time.Duration)) (int, string){
		"mixed": func(t *testing.T, s kv.Store, advance func(time.Duration)) (int, string) {
			return kvtest.Histories(t, s, advance, checked, 1)
		},
		"eight writers": func(t *testing.T, s kv.Store, advance func(time.Duration)) (int, string) {
			return kvtest.CrowdedHistories(t, s, advance, 1, checked, 1)
		},
	}
	for name, through := range map[string]bool{"write-through": true, "invalidate after write": false} {
		for of, run := range histories {
			t.Run(name+", "+of, func(t *testing.T) {
				clock := kvtest.NewClock()
				c, err := ristretto.NewCache(&ristretto.Config[string, kv.Value]{NumCounters: 1e5, MaxCost: 1e6, BufferItems: 64})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				s := &naive{backends["over memory"](t, clock.Now), c, clock.Now, through}
				illegal, _ := run(t, s, clock.Advance)
				if illegal == 0 {
					t.Error("no history of a naive cache was found to be wrong")
				}
				t.Logf("%d of %d histories are wrong", illegal, checked)
			})
		}
	}
}
