package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
)

// spy counts what reaches a backend.
type spy struct {
	kv.Store
	gets atomic.Int64
}

func (s *spy) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	s.gets.Add(1)
	return s.Store.Get(ctx, k)
}

func (s *spy) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	s.gets.Add(int64(len(ks)))
	return s.Store.GetMany(ctx, ks)
}

func spied(t *testing.T, o engine.Options) (*engine.Engine, *spy) {
	t.Helper()
	s := &spy{Store: memory.New(memory.Options{Now: o.Now})}
	e, err := engine.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, s
}

// untilCached reads until a read does not reach the backend: ristretto works later.
func untilCached(t *testing.T, s *spy, read func()) {
	t.Helper()
	for range 1_000_000 {
		before := s.gets.Load()
		if read(); s.gets.Load() == before {
			return
		}
	}
	t.Fatal("it is never cached")
}

func TestRowsAndTheirAbsenceAreCachedUntilTheyChange(t *testing.T) {
	clock := kvtest.NewClock()
	e, s := spied(t, engine.Options{Now: clock.Now})
	k := kv.Key{Prefix: kv.Greylist, Name: "a"}
	get := func() string {
		v, err := e.Get(t.Context(), k)
		if err != nil {
			return err.Error()
		}
		return string(v.Bytes)
	}
	check := func(want string) {
		t.Helper()
		for range 3 {
			if got := get(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			untilCached(t, s, func() { get() })
		}
	}
	check("not found")
	for _, act := range []struct {
		do   func() error
		want string
	}{
		{func() error { return e.Set(t.Context(), k, []byte("1"), time.Minute) }, "1"},
		{func() error {
			_, err := e.CompareAndSwap(t.Context(), k, []byte("1"), []byte("2"), time.Minute)
			return err
		}, "2"},
		{func() error { _, err := e.Incr(t.Context(), k, 5, 0); return err }, "7"},
		{func() error { clock.Advance(time.Minute); return nil }, "not found"},
		{func() error { _, err := e.Add(t.Context(), k, []byte("3"), 0); return err }, "3"},
		{func() error { _, err := e.Delete(t.Context(), k); return err }, "not found"},
		{func() error { return e.Set(t.Context(), k, []byte("4"), 0) }, "4"},
		{func() error { _, err := e.DeletePrefix(t.Context(), k.Prefix, ""); return err }, "not found"},
	} {
		if err := act.do(); err != nil {
			t.Fatal(err)
		}
		check(act.want)
	}
	many := func() {
		got, err := e.GetMany(t.Context(), []kv.Key{k, {Prefix: kv.Greylist, Name: "b"}})
		if err != nil || got[0].Bytes != nil || got[1].Bytes != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
	untilCached(t, s, many)
}

func TestCountersAreNeverCached(t *testing.T) {
	e, s := spied(t, engine.Options{})
	k := kv.Key{Prefix: kv.ScriptCounter, Name: "a"}
	for i := range 100 {
		if _, err := e.Get(t.Context(), k); err == nil {
			t.Fatal("there is something")
		}
		if got := s.gets.Load(); got != int64(i+1) {
			t.Fatalf("%d of %d reads reached the backend", got, i+1)
		}
	}
	if got := e.Metrics(); got.Hits != 0 || got.Misses != 0 {
		t.Errorf("the cache was asked: %+v", got)
	}
}

func TestNothingIsCachedOnASharedStore(t *testing.T) {
	e, s := spied(t, engine.Options{Shared: true})
	for range 100 {
		_, _ = e.Get(t.Context(), kv.Key{Prefix: kv.Greylist, Name: "a"})
	}
	if got := s.gets.Load(); got != 100 {
		t.Errorf("%d of 100 reads reached the backend", got)
	}
}

func TestTheCacheIsBoundedByOctetsAlsoWhenRowsGrow(t *testing.T) {
	const limit = 1 << 20
	e, _ := spied(t, engine.Options{CacheBytes: limit})
	for _, size := range []int{10, 1000, 20_000, 100, 70_000} {
		v := bytes.Repeat([]byte("x"), size)
		for i := range 1000 {
			k := kv.Key{Prefix: kv.Script, Name: fmt.Sprint(i)}
			if err := e.Set(t.Context(), k, v, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Get(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			if e.WaitCache(); e.Metrics().CacheOctets > limit {
				t.Fatalf("%d octets in use after row %d of %d octets, limit %d", e.Metrics().CacheOctets, i, size, limit)
			}
		}
	}
}
