package overlay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/overlay"
)

// readOnly fails the test when anything is written.
type readOnly struct {
	*memory.Store
	t *testing.T
}

func (r readOnly) Set(context.Context, kv.Key, []byte, time.Duration) error {
	r.t.Error("the base was set")
	return nil
}

func (r readOnly) Add(context.Context, kv.Key, []byte, time.Duration) (bool, error) {
	r.t.Error("the base was added to")
	return false, nil
}

func (r readOnly) CompareAndSwap(context.Context, kv.Key, []byte, []byte, time.Duration) (bool, error) {
	r.t.Error("the base was swapped")
	return false, nil
}

func (r readOnly) Delete(context.Context, kv.Key) (bool, error) {
	r.t.Error("the base lost a key")
	return false, nil
}

func (r readOnly) DeletePrefix(context.Context, kv.Prefix, string) (int, error) {
	r.t.Error("the base lost keys")
	return 0, nil
}

func (r readOnly) Incr(context.Context, kv.Key, int64, time.Duration) (int64, error) {
	r.t.Error("the base was counted in")
	return 0, nil
}

func (r readOnly) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if !peek {
		r.t.Error("units were taken from the base")
	}
	return r.Store.Rate(ctx, k, rule, cost, true)
}

func (r readOnly) Lock(context.Context, kv.Key, time.Duration, bool) (kv.Lease, error) {
	r.t.Error("the base was locked")
	return kv.Lease{}, nil
}

func (r readOnly) Renew(context.Context, kv.Lease, time.Duration) (kv.Lease, error) {
	r.t.Error("a lease of the base was renewed")
	return kv.Lease{}, nil
}

func (r readOnly) Unlock(context.Context, kv.Lease) error {
	r.t.Error("a lease of the base was given up")
	return nil
}

func (r readOnly) Purge(context.Context) (int, bool, error) {
	r.t.Error("the base was purged")
	return 0, false, nil
}

func (r readOnly) Close() error {
	r.t.Error("the base was closed")
	return nil
}

func TestStore(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		base := readOnly{memory.New(memory.Options{Now: clock.Now}), t}
		return overlay.New(base, overlay.Options{Now: clock.Now}), clock.Advance
	})
}

// over returns a layer over a base that holds a few rows.
func over(t *testing.T) (s *overlay.Store, base *memory.Store, clock *kvtest.Clock) {
	t.Helper()
	clock = kvtest.NewClock()
	base = memory.New(memory.Options{Now: clock.Now})
	for _, n := range []string{"a", "b", "c", "d"} {
		if err := base.Set(t.Context(), key(n), []byte("base "+n), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return overlay.New(readOnly{base, t}, overlay.Options{Now: clock.Now}), base, clock
}

func key(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

// see lists what a store shows, in pages of two.
func see(t *testing.T, s kv.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	for cursor := ""; ; {
		items, next, err := s.List(t.Context(), kv.Script, "", cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if v, err := s.Get(t.Context(), it.Key); err != nil || string(v.Bytes) != string(it.Value.Bytes) || !v.Expires.Equal(it.Value.Expires) {
				t.Errorf("Get and List disagree about %q: %v, %v", it.Key.Name, v, err)
			}
			got[it.Key.Name] = string(it.Value.Bytes)
		}
		if cursor = next; next == "" {
			return got
		}
	}
}

func TestReadsFallThroughAndWritesStay(t *testing.T) {
	s, base, _ := over(t)
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(nil, s.Set(ctx, key("a"), []byte("layer a"), 0))
	must(nil, s.Set(ctx, key("aa"), []byte("layer aa"), 0))
	must(s.Delete(ctx, key("b")))
	must(s.CompareAndSwap(ctx, key("c"), []byte("base c"), []byte("layer c"), 0))
	if ok, err := s.Add(ctx, key("d"), nil, 0); ok || err != nil {
		t.Errorf("added over a row of the base: %v, %v", ok, err)
	}
	if diff := cmp.Diff(map[string]string{"a": "layer a", "aa": "layer aa", "c": "layer c", "d": "base d"}, see(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Get(ctx, key("b")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("a deleted row of the base shows through: %v", err)
	}
	if n, err := s.DeletePrefix(ctx, kv.Script, ""); n != 4 || err != nil {
		t.Errorf("%d, %v, want 4", n, err)
	}
	must(nil, s.Set(ctx, key("d"), []byte("again"), 0))
	if diff := cmp.Diff(map[string]string{"d": "again"}, see(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "base a", "b": "base b", "c": "base c", "d": "base d"}, see(t, base)); diff != "" {
		t.Errorf("the base has changed: %s", diff)
	}
	if stats, err := s.Stats(ctx); err != nil || len(stats) != 1 || stats[0].Rows != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
}

func TestARowOfTheLayerThatExpiresDoesNotBringTheBaseBack(t *testing.T) {
	s, _, clock := over(t)
	if err := s.Set(t.Context(), key("a"), []byte("short"), time.Second); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	if _, _, err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("got %q, %v", v.Bytes, err)
	}
}

func TestARunAtAnotherTimeSeesRowsExpire(t *testing.T) {
	base := memory.New(memory.Options{})
	if err := base.Set(t.Context(), key("a"), []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(2 * time.Hour)
	s := overlay.New(base, overlay.Options{Now: func() time.Time { return later }})
	if got := see(t, s); len(got) != 0 {
		t.Errorf("saw %v", got)
	}
	if n, err := s.Incr(t.Context(), key("a"), 5, 0); n != 5 || err != nil {
		t.Errorf("counted on from an expired row: %d, %v", n, err)
	}
}

func TestCountersGoOnFromTheBase(t *testing.T) {
	s, base, clock := over(t)
	if _, err := base.Incr(t.Context(), key("n"), 40, time.Minute); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Incr(t.Context(), key("n"), 2, time.Hour); n != 42 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := base.Counter(t.Context(), key("n")); n != 40 || err != nil {
		t.Errorf("the base counts %d, %v", n, err)
	}
	clock.Advance(time.Minute)
	if n, err := s.Counter(t.Context(), key("n")); n != 0 || err != nil {
		t.Errorf("%d, %v: the expiry of the base's counter was lost", n, err)
	}
}

func TestLimitsAddUpWithTheBase(t *testing.T) {
	for _, rule := range []kv.Rule{{Limit: 10, Per: time.Minute}, {Limit: 600, Per: time.Minute, Burst: 10}} {
		t.Run(fmt.Sprint(rule), func(t *testing.T) {
			s, base, clock := over(t)
			if _, err := base.Rate(t.Context(), key("r"), rule, 6, false); err != nil {
				t.Fatal(err)
			}
			ask := func(cost int64, peek, allowed bool, left int64) {
				t.Helper()
				d, err := s.Rate(t.Context(), key("r"), rule, cost, peek)
				if err != nil || d.Allowed != allowed || d.Remaining != left || allowed != (d.RetryAfter == 0) {
					t.Errorf("cost %d: %+v, %v, want %v, %d left", cost, d, err, allowed, left)
				}
			}
			ask(0, true, true, 4)
			ask(5, false, false, 4)
			ask(3, true, true, 1)
			ask(3, false, true, 1)
			ask(2, false, false, 1)
			ask(1, false, true, 0)
			if d, err := base.Rate(t.Context(), key("r"), rule, 0, true); d.Remaining != 4 || err != nil {
				t.Errorf("the base has %+v, %v", d, err)
			}
			clock.Advance(10 * time.Minute)
			ask(10, false, true, 0)
			if _, err := s.Delete(t.Context(), key("r")); err != nil {
				t.Fatal(err)
			}
			ask(10, false, true, 0)
		})
	}
}

func TestLeasesOfTheBaseAreRespectedAndLeftAlone(t *testing.T) {
	s, base, clock := over(t)
	held, err := base.Lock(t.Context(), key("l"), time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), key("l"), time.Minute, false); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("got %v", err)
	}
	if err := s.Unlock(t.Context(), held); err != nil {
		t.Errorf("its owner: %v", err)
	}
	mine, err := s.Lock(t.Context(), key("l"), time.Hour, true)
	if err != nil || mine.Fence <= held.Fence {
		t.Errorf("%+v, %v", mine, err)
	}
	if is, err := base.Lease(t.Context(), key("l")); err != nil || !held.Holds(is) {
		t.Errorf("the base has %+v, %v", is, err)
	}
	clock.Advance(time.Minute)
	if _, err := s.Lock(t.Context(), key("l"), time.Minute, false); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("the layer's lease ended with the base's: %v", err)
	}
}
