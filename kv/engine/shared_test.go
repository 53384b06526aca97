package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
)

// staleOK is a row that may be a little stale, and fresh one that may not.
var (
	staleOK = kv.Key{Prefix: kv.ReputationIP, Name: "192.0.2.1"}
	fresh   = kv.Key{Prefix: kv.Greylist, Name: "192.0.2.1"}
)

// pair makes two engines on one server and a clock.
func pair(t *testing.T) (s *server, one, two *engine.Engine, clock *kvtest.Clock) {
	t.Helper()
	clock = kvtest.NewClock()
	s = &server{Store: memory.New(memory.Options{Now: clock.Now})}
	o := engine.Options{Now: clock.Now}
	return s, on(t, s, o), on(t, s, o), clock
}

// text is what e says is under k.
func text(t *testing.T, e *engine.Engine, k kv.Key) string {
	t.Helper()
	v, err := e.Get(t.Context(), k)
	if errors.Is(err, kv.ErrNotFound) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Bytes)
}

// cachedIn reads k until the server is not asked.
func cachedIn(t *testing.T, e *engine.Engine, s *server, k kv.Key) {
	t.Helper()
	for range 1_000_000 {
		before := s.calls.Load()
		if text(t, e, k); s.calls.Load() == before {
			return
		}
	}
	t.Fatal("it is never cached")
}

func put(t *testing.T, e *engine.Engine, k kv.Key, v string, ttl time.Duration) {
	t.Helper()
	if err := e.Set(t.Context(), k, []byte(v), ttl); err != nil {
		t.Fatal(err)
	}
}

func TestRowsOfASharedStoreAreAsStaleAsTheirPrefixSays(t *testing.T) {
	s, one, two, clock := pair(t)
	limit := staleOK.Prefix.Info().StaleOK
	put(t, one, staleOK, "old", 0)
	cachedIn(t, two, s, staleOK)
	put(t, one, staleOK, "new", 0)
	if got := text(t, one, staleOK); got != "new" {
		t.Errorf("who wrote it sees %q", got)
	}
	clock.Advance(limit - time.Millisecond)
	if got := text(t, two, staleOK); got != "old" {
		t.Errorf("before its time: %q", got)
	}
	clock.Advance(time.Millisecond)
	if got := text(t, two, staleOK); got != "new" {
		t.Errorf("after its time: %q", got)
	}
	// The same of a row that is absent, of a batch, and of a prefix delete.
	if _, err := one.DeletePrefix(t.Context(), staleOK.Prefix, ""); err != nil {
		t.Fatal(err)
	}
	if got := text(t, one, staleOK); got != "absent" {
		t.Errorf("who deleted it sees %q", got)
	}
	clock.Advance(limit)
	cachedIn(t, two, s, staleOK)
	put(t, one, staleOK, "there", 0)
	if got := text(t, two, staleOK); got != "absent" {
		t.Errorf("absence was not cached: %q", got)
	}
	clock.Advance(limit)
	vs, err := two.GetMany(t.Context(), []kv.Key{staleOK, fresh})
	if err != nil || string(vs[0].Bytes) != "there" || vs[1].Bytes != nil {
		t.Errorf("got %v, %v", vs, err)
	}
}

func TestACachedRowOfASharedStoreEndsWithItsExpiry(t *testing.T) {
	s, one, two, clock := pair(t)
	put(t, one, staleOK, "short", time.Second)
	cachedIn(t, two, s, staleOK)
	clock.Advance(time.Second - time.Millisecond)
	if got := text(t, two, staleOK); got != "short" {
		t.Errorf("got %q", got)
	}
	clock.Advance(time.Millisecond)
	if got := text(t, two, staleOK); got != "absent" {
		t.Errorf("got %q", got)
	}
}

func TestWhatMayNotBeStaleIsAlwaysAsked(t *testing.T) {
	s, one, two, _ := pair(t)
	for _, k := range []kv.Key{fresh, {Prefix: kv.Script, Name: "a"}, {Prefix: kv.OAuth, Name: "a"}, {Prefix: kv.TokenRevision, Name: "a"}, {Prefix: 200, Name: "a"}} {
		for i := range 50 {
			want := fmt.Sprint(i)
			put(t, one, k, want, time.Minute)
			before := s.calls.Load()
			if got := text(t, two, k); got != want || s.calls.Load() == before {
				t.Errorf("%s: got %q, want %q", k.Prefix, got, want)
			}
		}
	}
}

func TestAWriteThatLandsLateIsSeenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Store: memory.New(memory.Options{})}
		e := on(t, s, engine.Options{})
		put(t, e, staleOK, "old", 0)
		s.become(hangs) // the write is on its way
		if err := e.Set(t.Context(), staleOK, []byte("new"), 0); !errors.Is(err, kv.ErrUnavailable) {
			t.Fatal(err)
		}
		s.become(none)
		cachedIn(t, e, s, staleOK)
		if err := s.Store.Set(t.Context(), staleOK, []byte("new"), 0); err != nil { // and lands
			t.Fatal(err)
		}
		time.Sleep(staleOK.Prefix.Info().StaleOK)
		if got := text(t, e, staleOK); got != "new" {
			t.Errorf("got %q", got)
		}
		// One that landed, and whose answer was lost, is seen at once.
		cachedIn(t, e, s, staleOK)
		s.become(late)
		if err := e.Set(t.Context(), staleOK, []byte("newer"), 0); !errors.Is(err, kv.ErrUnavailable) {
			t.Fatal(err)
		}
		s.become(none)
		if got := text(t, e, staleOK); got != "newer" {
			t.Errorf("got %q", got)
		}
	})
}

func TestManyWhoMissTheSameRowAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Store: memory.New(memory.Options{})}
		e := on(t, s, engine.Options{Timeout: time.Minute})
		put(t, e, staleOK, "old", 0)
		s.calls.Store(0)
		release := s.hold()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := text(t, e, staleOK); got != "old" {
					t.Errorf("got %q", got)
				}
			})
		}
		synctest.Wait()
		if n := s.calls.Load(); n != 1 {
			t.Errorf("the server was asked %d times", n)
		}
		// Who comes after a write has an answer of after the write.
		put(t, e, staleOK, "new", 0)
		before := s.calls.Load()
		for range 10 {
			wg.Go(func() {
				if got := text(t, e, staleOK); got != "new" {
					t.Errorf("after the write: %q", got)
				}
			})
		}
		synctest.Wait()
		if n := s.calls.Load() - before; n != 1 {
			t.Errorf("after the write the server was asked %d times", n)
		}
		release()
		wg.Wait()
	})
}

func TestAFollowerOutlivesTheCallThatItFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Store: memory.New(memory.Options{})}
		e := on(t, s, engine.Options{BreakerFailures: 2})
		s.become(hangs)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := e.Get(ctx, staleOK); !errors.Is(err, context.Canceled) {
				t.Errorf("who leaves: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() {
				var err error
				// 150 ms behind the first, and 50 by themselves.
				if d := took(func() { _, err = e.Get(t.Context(), staleOK) }); !errors.Is(err, kv.ErrUnavailable) || d != 200*time.Millisecond {
					t.Errorf("%v after %v", err, d)
				}
			})
		}
		wg.Go(func() {
			own, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := e.Get(own, staleOK); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who has little time: %v", err)
			}
		})
		time.Sleep(150 * time.Millisecond)
		leave()
		wg.Wait()
		if m := e.Metrics(); m.BreakerOpened != 0 || m.Unavailable != 10 || m.UnavailableOpen != 10 {
			t.Errorf("%+v", m)
		}
	})
}

func TestARowThatExpiredBeforeACallIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.New(memory.Options{})
		s := &server{Store: m}
		e := on(t, slowly{s}, engine.Options{Timeout: time.Minute})
		put(t, e, staleOK, "short", time.Second)
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := text(t, e, staleOK); got != "short" {
				t.Errorf("got %q", got)
			}
		})
		time.Sleep(time.Second + time.Millisecond)
		wg.Go(func() {
			if got := text(t, e, staleOK); got != "absent" {
				t.Errorf("got %q", got)
			}
		})
		wg.Wait()
	})
}

// slowly answers two seconds after it read.
type slowly struct{ *server }

func (s slowly) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	v, err := s.server.Get(ctx, k)
	time.Sleep(2 * time.Second)
	return v, err
}

// shifted shows rows of a prefix that may be stale under KV_SCRIPT, which the contract's tests use.
type shifted struct {
	*engine.Engine
}

func shift(p, from, to kv.Prefix) kv.Prefix {
	switch p {
	case from:
		return to
	case to:
		return from
	}
	return p
}

func there(k kv.Key) kv.Key {
	k.Prefix = shift(k.Prefix, kv.Script, kv.ReputationIP)
	return k
}

func (s shifted) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	return s.Engine.Get(ctx, there(k))
}

func (s shifted) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	moved := make([]kv.Key, len(ks))
	for i, k := range ks {
		moved[i] = there(k)
	}
	return s.Engine.GetMany(ctx, moved)
}

func (s shifted) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.Engine.Set(ctx, there(k), v, ttl)
}

func (s shifted) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	return s.Engine.SetFenced(ctx, there(k), v, ttl, fence)
}

func (s shifted) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.Engine.Add(ctx, there(k), v, ttl)
}

func (s shifted) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	return s.Engine.CompareAndSwap(ctx, there(k), old, next, ttl)
}

func (s shifted) Delete(ctx context.Context, k kv.Key) (bool, error) {
	return s.Engine.Delete(ctx, there(k))
}

func (s shifted) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	return s.Engine.DeletePrefix(ctx, shift(p, kv.Script, kv.ReputationIP), name)
}

func (s shifted) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	items, next, err := s.Engine.List(ctx, shift(p, kv.Script, kv.ReputationIP), name, cursor, limit)
	for i := range items {
		items[i].Key = there(items[i].Key)
	}
	return items, next, err
}

func (s shifted) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	return s.Engine.Incr(ctx, there(k), by, ttl)
}

func (s shifted) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return s.Engine.Counter(ctx, there(k))
}

func (s shifted) Rate(ctx context.Context, k kv.Key, r kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	return s.Engine.Rate(ctx, there(k), r, cost, peek)
}

func (s shifted) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	l, err := s.Engine.Lock(ctx, there(k), ttl, durable)
	l.Key = there(l.Key)
	return l, err
}

func (s shifted) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	l.Key = there(l.Key)
	l, err := s.Engine.Renew(ctx, l, ttl)
	l.Key = there(l.Key)
	return l, err
}

func (s shifted) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	moved := slices.Clone(adds)
	for i := range moved {
		moved[i].Key = there(moved[i].Key)
	}
	return s.Engine.IncrMany(ctx, moved, ttl)
}

func (s shifted) Unlock(ctx context.Context, l kv.Lease) error {
	l.Key = there(l.Key)
	return s.Engine.Unlock(ctx, l)
}

func (s shifted) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	l, err := s.Engine.Lease(ctx, there(k))
	l.Key = there(l.Key)
	return l, err
}

func (s shifted) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	stats, err := s.Engine.Stats(ctx)
	for i := range stats {
		stats[i].Prefix = shift(stats[i].Prefix, kv.Script, kv.ReputationIP)
	}
	slices.SortFunc(stats, func(a, b kv.PrefixStats) int { return int(a.Prefix) - int(b.Prefix) })
	return stats, err
}

func TestForOneProcessACacheOfASharedStoreIsNeverStale(t *testing.T) {
	var made []*engine.Engine
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		e, err := engine.New(memory.New(memory.Options{Now: clock.Now}), engine.Options{Now: clock.Now, Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, e)
		return shifted{e}, clock.Advance
	})
	hits := int64(0)
	for _, e := range made {
		hits += e.Metrics().Hits
	}
	if hits == 0 {
		t.Error("the cache was never used")
	}
}

func TestEnginesOnOneServerShareLimitsLocksAndGreylist(t *testing.T) {
	_, one, two, clock := pair(t)
	engines := []*engine.Engine{one, two}
	ctx := t.Context()
	// A limit of ten is ten for both.
	rule := kv.Rule{Limit: 10, Per: time.Minute}
	allowed := 0
	for i := range 30 {
		d, err := engines[i%2].Rate(ctx, kv.Key{Prefix: kv.RateLimitAuth, Name: "192.0.2.1"}, rule, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("%d of 10 were allowed", allowed)
	}
	// One holds a lock, of whatever class; who comes later has the larger fence.
	for _, p := range []kv.Prefix{kv.LockHousekeeper, kv.LockQueueMessage, kv.ScriptLock} {
		k := kv.Key{Prefix: p, Name: "a"}
		first, err := one.Lock(ctx, k, time.Minute, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := two.Lock(ctx, k, time.Minute, false); !errors.Is(err, kv.ErrLocked) {
			t.Errorf("%s: got %v", p, err)
		}
		clock.Advance(time.Minute)
		second, err := two.Lock(ctx, k, time.Minute, false)
		if err != nil || second.Fence <= first.Fence {
			t.Errorf("%s: fence %d after %d, %v", p, second.Fence, first.Fence, err)
		}
		row := kv.Key{Prefix: kv.Script, Name: p.String()}
		if err := kv.SetOwned(ctx, two, second, row, []byte("second"), 0); err != nil {
			t.Error(err)
		}
		if err := kv.SetOwned(ctx, one, first, row, []byte("first"), 0); !errors.Is(err, kv.ErrNotOwner) {
			t.Errorf("%s: got %v", p, err)
		}
		if err := one.Unlock(ctx, first); !errors.Is(err, kv.ErrNotOwner) {
			t.Errorf("%s: got %v", p, err)
		}
	}
	// The retry of a greylisted sender may come to the other one.
	if ok, err := one.Add(ctx, fresh, []byte("1"), time.Hour); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if ok, err := two.Add(ctx, fresh, []byte("1"), time.Hour); ok || err != nil || text(t, two, fresh) != "1" {
		t.Errorf("%v, %v", ok, err)
	}
	// Counts come together.
	var wg sync.WaitGroup
	for _, e := range engines {
		for range 4 {
			wg.Go(func() {
				for range 100 {
					if _, err := e.Incr(ctx, kv.Key{Prefix: kv.BayesModelGlobal, Name: "a"}, 1, 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, e := range engines {
		if n, err := e.Counter(ctx, kv.Key{Prefix: kv.BayesModelGlobal, Name: "a"}); n != 800 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
}

func TestEnginesLoseAndFindTheirServerEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Store: memory.New(memory.Options{})}
		one, two := on(t, s, engine.Options{}), on(t, s, engine.Options{})
		put(t, one, staleOK, "known", 0)
		cachedIn(t, one, s, staleOK)
		s.become(hangs)
		lock := func(e *engine.Engine) error {
			_, err := e.Lock(t.Context(), kv.Key{Prefix: kv.LockHousekeeper, Name: "a"}, time.Minute, false)
			return err
		}
		for range 20 {
			if err := lock(one); !errors.Is(err, kv.ErrUnavailable) || kv.LockHousekeeper.FailsOpen(err) || !kv.Greylist.FailsOpen(err) {
				t.Fatal(err)
			}
		}
		if d := took(func() { lock(one) }); d != 0 {
			t.Errorf("it took %v", d)
		}
		if d := took(func() { lock(two) }); d != 200*time.Millisecond {
			t.Errorf("the other one took %v", d)
		}
		if got := text(t, one, staleOK); got != "known" {
			t.Errorf("what is cached is %q", got)
		}
		s.become(none)
		if err := lock(two); err != nil && !errors.Is(err, kv.ErrLocked) {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if err := lock(one); !errors.Is(err, kv.ErrLocked) || strings.Contains(err.Error(), "unavailable") {
			t.Errorf("got %v", err)
		}
	})
}
