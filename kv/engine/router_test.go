package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
)

func TestARouterOfTwoStoresIsAStore(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		one, two := memory.New(memory.Options{Now: clock.Now}), memory.New(memory.Options{Now: clock.Now})
		t.Cleanup(func() {
			if err := errors.Join(one.Close(), two.Close()); err != nil {
				t.Error(err)
			}
		})
		r, err := engine.NewRouter(one, map[kv.Prefix]kv.Store{kv.ScriptCounter: two, kv.ScriptLock: two})
		if err != nil {
			t.Fatal(err)
		}
		return r, clock.Advance
	})
}

// limited keeps only some prefixes.
type limited struct {
	kv.Store
	serves func(kv.Info) error
}

func (l *limited) Serves(p kv.Info) error { return l.serves(p) }

var errTooShort = errors.New("rows do not stay long enough")

// cacheOnly serves what may get lost.
func cacheOnly(s kv.Store) *limited {
	return &limited{s, func(p kv.Info) error {
		if p.Class == kv.Durable || p.Kind == kv.KindLock {
			return errTooShort
		}
		return nil
	}}
}

func TestARouterRefusesAStoreThatCannotKeepThePrefix(t *testing.T) {
	m := memory.New(memory.Options{})
	shared, err := engine.New(cacheOnly(m), engine.Options{Shared: true, Name: "short"})
	if err != nil {
		t.Fatal(err)
	}
	type routes map[kv.Prefix]kv.Store
	for _, c := range []struct {
		name string
		def  kv.Store
		by   routes
		want []string // parts of the error; none: it is accepted
		is   error
	}{
		{"none but the default", m, nil, nil, nil},
		{"what may get lost", m, routes{kv.Greylist: cacheOnly(m), kv.RateLimitIMAP: shared}, nil, nil},
		{"a durable prefix", m, routes{kv.OAuth: cacheOnly(m)}, []string{"KV_OAUTH", "do not stay"}, kv.ErrUnsupported},
		{"locks", m, routes{kv.LockHousekeeper: cacheOnly(m)}, []string{"KV_LOCK_HOUSEKEEPER", "do not stay"}, kv.ErrUnsupported},
		{"a durable prefix, through an engine", m, routes{kv.OAuth: shared}, []string{"KV_OAUTH", "do not stay", `"short"`}, errTooShort},
		{"a number without a line", m, routes{200: shared}, []string{"KV_200"}, kv.ErrUnsupported},
		{"a limited default", shared, routes{kv.ACME: m}, []string{"KV_OAUTH", "do not stay", "more prefixes"}, kv.ErrUnsupported},
		{"no store", m, routes{kv.ACME: nil}, []string{"KV_ACME"}, kv.ErrInvalid},
		{"no default", nil, nil, []string{"KV_ACME"}, kv.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := engine.NewRouter(c.def, c.by)
			if !errors.Is(err, c.is) {
				t.Errorf("got %v", err)
			}
			for _, part := range c.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in %v", part, err)
				}
			}
		})
	}
}

// counted counts calls that concern a whole store.
type counted struct {
	kv.Store
	purges, flushes, closes, batches int
	unable                           bool
}

func (c *counted) Purge(ctx context.Context) (int, bool, error) {
	if c.purges++; c.unable {
		return 0, false, kv.ErrUnsupported
	}
	return c.Store.Purge(ctx)
}

func (c *counted) Flush(ctx context.Context) error { c.flushes++; return c.Store.Flush(ctx) }
func (c *counted) Close() error                    { c.closes++; return c.Store.Close() }

func (c *counted) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	c.batches++
	return c.Store.GetMany(ctx, ks)
}

func TestARouterAsksEachStoreOnce(t *testing.T) {
	clock := kvtest.NewClock()
	one := &counted{Store: memory.New(memory.Options{Now: clock.Now})}
	two := &counted{Store: memory.New(memory.Options{Now: clock.Now}), unable: true}
	r, err := engine.NewRouter(one, map[kv.Prefix]kv.Store{kv.Greylist: two, kv.OAuth: two, kv.ACME: one})
	if err != nil {
		t.Fatal(err)
	}
	if r.StoreOf(kv.OAuth) != two || r.StoreOf(kv.ACME) != one || r.StoreOf(99) != one {
		t.Error("a prefix is in the wrong store")
	}
	var want []string
	var ks []kv.Key
	for i, p := range []kv.Prefix{kv.OAuth, kv.Script, kv.Greylist, kv.ACME, kv.OAuth} {
		k := kv.Key{Prefix: p, Name: string(rune('a' + i))}
		ks, want = append(ks, k), append(want, k.Name)
		if err := r.Set(t.Context(), k, []byte(k.Name), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	vs, err := r.GetMany(t.Context(), ks)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range vs {
		got = append(got, string(v.Bytes))
	}
	if diff := cmp.Diff(want, got); diff != "" || one.batches != 1 || two.batches != 1 {
		t.Errorf("%s%d and %d batches", diff, one.batches, two.batches)
	}
	// A row that nobody can find is not counted.
	if err := one.Set(t.Context(), ks[0], []byte("old"), 0); err != nil {
		t.Fatal(err)
	}
	stats, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]kv.PrefixStats{
		{Prefix: kv.ACME, Rows: 1, Octets: 2},
		{Prefix: kv.OAuth, Rows: 2, Octets: 4},
		{Prefix: kv.Greylist, Rows: 1, Octets: 2},
		{Prefix: kv.Script, Rows: 1, Octets: 2},
	}, stats); diff != "" {
		t.Error(diff)
	}
	clock.Advance(time.Hour)
	removed := 0
	for more := true; more; {
		var n int
		if n, more, err = r.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if removed != 2 || two.purges != one.purges {
		t.Errorf("%d rows were purged in %d and %d steps", removed, one.purges, two.purges)
	}
	one.unable = true
	if _, _, err := r.Purge(t.Context()); !errors.Is(err, kv.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(r.Flush(t.Context()), r.Close()); err != nil {
		t.Error(err)
	}
	if one.flushes != 1 || two.flushes != 1 || one.closes+two.closes != 0 {
		t.Errorf("%+v, %+v", one, two)
	}
}
