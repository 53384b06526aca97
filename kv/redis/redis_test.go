package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/peers"
)

// The servers that all tests of this package share; each is started when it is first asked for.
var (
	server  = sync.OnceValues(func() (*peers.Redis, error) { return peers.StartRedis(context.Background()) })
	cluster = sync.OnceValues(func() (*peers.RedisCluster, error) { return peers.StartRedisCluster(context.Background()) })

	used   struct{ server, cluster atomic.Bool }
	spaces atomic.Int64
)

// TestMain ends the shared servers.
func TestMain(m *testing.M) {
	code := m.Run()
	if used.server.Load() {
		if r, err := server(); err == nil {
			r.Close()
		}
	}
	if used.cluster.Load() {
		if c, err := cluster(); err == nil {
			c.Close()
		}
	}
	os.Exit(code)
}

func needServer(t testing.TB) *peers.Redis {
	t.Helper()
	used.server.Store(true)
	r, err := server()
	peers.Need(t, err)
	return r
}

func needCluster(t testing.TB) *peers.RedisCluster {
	t.Helper()
	used.cluster.Store(true)
	c, err := cluster()
	peers.Need(t, err)
	return c
}

// space returns a namespace that no other store has.
func space() string { return fmt.Sprintf("test-%d", spaces.Add(1)) }

// open opens a store that the test closes.
func open(t testing.TB, o redis.Options) *redis.Store {
	t.Helper()
	if o.Namespace == "" {
		o.Namespace = space()
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second // the machine may be busy
	}
	s, err := redis.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func value(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

func suite(urls ...string) kvtest.Suite {
	return kvtest.Suite{Remote: true, Open: func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		return open(t, redis.Options{URLs: urls, Now: clock.Now}), clock.Advance
	}}
}

func TestStoreOnOneServer(t *testing.T) { suite(needServer(t).URL).Run(t) }

func TestStoreOnACluster(t *testing.T) { suite(needCluster(t).URLs()...).Run(t) }

// eventually asks until ok, for at most half a minute.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

// The server's own clock expires rows, leases and allowances, and nothing of them is left.
func TestTheServersClockEndsRowsLeasesAndAllowances(t *testing.T) {
	for name, urls := range map[string][]string{"single": {needServer(t).URL}, "cluster": needCluster(t).URLs()} {
		t.Run(name, func(t *testing.T) {
			ctx, s := t.Context(), open(t, redis.Options{URLs: urls})
			const short = 300 * time.Millisecond
			before := time.Now()
			if err := s.Set(ctx, value("a"), []byte("1"), short); err != nil {
				t.Fatal(err)
			}
			v, err := s.Get(ctx, value("a"))
			if err != nil {
				t.Fatal(err)
			}
			if d := v.Expires.Sub(before); d < short || d > short+time.Minute {
				t.Errorf("expires %v after the call, want %v or a little more", d, short)
			}
			if n, err := s.Incr(ctx, value("n"), 7, short); n != 7 || err != nil {
				t.Errorf("Incr: %d, %v", n, err)
			}
			l, err := s.Lock(ctx, value("a"), short, false)
			if err != nil {
				t.Fatal(err)
			}
			rule := kv.Rule{Limit: 2, Per: short}
			if d, err := s.Rate(ctx, value("a"), rule, 2, false); !d.Allowed || err != nil {
				t.Errorf("%+v, %v", d, err)
			}
			if err := s.Set(ctx, value("stays"), []byte("12"), time.Hour); err != nil {
				t.Fatal(err)
			}
			if err := s.Set(ctx, value("for ever"), nil, 0); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the value is gone", func() bool {
				_, err := s.Get(ctx, value("a"))
				return errors.Is(err, kv.ErrNotFound)
			})
			eventually(t, "the counter begins anew", func() bool {
				n, err := s.Counter(ctx, value("n"))
				return n == 0 && err == nil
			})
			eventually(t, "the lease ends", func() bool {
				_, err := s.Lease(ctx, value("a"))
				return errors.Is(err, kv.ErrNotFound)
			})
			if err := s.Unlock(ctx, l); !errors.Is(err, kv.ErrNotOwner) {
				t.Errorf("Unlock of a lease that is over: %v", err)
			}
			eventually(t, "the allowance is whole", func() bool {
				d, err := s.Rate(ctx, value("a"), rule, 0, true)
				return d.Remaining == 2 && err == nil
			})
			items, _, err := s.List(ctx, kv.Script, "", "", 10)
			if err != nil || len(items) != 2 || items[0].Key.Name != "for ever" || items[1].Key.Name != "stays" {
				t.Errorf("%+v, %v", items, err)
			}
			// The server has dropped the rows, and the index learns it.
			if err := s.Set(ctx, value("a"), []byte("anew"), 0); err != nil {
				t.Fatal(err)
			}
			eventually(t, "only live rows are counted", func() bool {
				stats, err := s.Stats(ctx)
				return err == nil && len(stats) == 1 && stats[0] == kv.PrefixStats{Prefix: kv.Script, Rows: 3, Octets: 8 + 7 + 5}
			})
			for more := true; more; {
				var err error
				if _, more, err = s.Purge(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := s.DeletePrefix(ctx, kv.Script, ""); n != 3 || err != nil {
				t.Errorf("deleted %d, %v", n, err)
			}
			if stats, err := s.Stats(ctx); len(stats) != 0 || err != nil {
				t.Errorf("%+v, %v", stats, err)
			}
		})
	}
}

// Rows that the server drops by itself and that are written anew, with and without expiry, are counted once.
func TestTotalsHoldWhateverTheServerDrops(t *testing.T) {
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{needServer(t).URL}})
	names := []string{"a", "b", "c"}
	for round := range 60 {
		name := names[round%3]
		ttl := []time.Duration{time.Millisecond, 0, 3 * time.Millisecond, time.Nanosecond, time.Hour}[round%5]
		if err := s.Set(ctx, value(name), []byte(strings.Repeat("x", round%4)), ttl); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Incr(ctx, value("n"+name), 9, time.Duration(round%3)*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if round%7 == 0 {
			if _, err := s.Delete(ctx, value(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "totals and rows agree", func() bool {
		items, _, err := s.List(ctx, kv.Script, "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		want := kv.PrefixStats{Prefix: kv.Script}
		for _, it := range items {
			want.Rows++
			want.Octets += int64(len(it.Key.Name) + len(it.Value.Bytes))
		}
		stats, err := s.Stats(ctx)
		return err == nil && len(stats) == 1 && stats[0] == want
	})
}

func TestTwoStoresOnOneServerShareValuesLimitsAndLocks(t *testing.T) {
	ctx, ns, url := t.Context(), space(), needServer(t).URL
	a := open(t, redis.Options{URLs: []string{url}, Namespace: ns})
	b := open(t, redis.Options{URLs: []string{url}, Namespace: ns})
	other := open(t, redis.Options{URLs: []string{url}})
	if err := a.Set(ctx, value("v"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if v, err := b.Get(ctx, value("v")); string(v.Bytes) != "1" || err != nil {
		t.Errorf("%q, %v", v.Bytes, err)
	}
	if _, err := other.Get(ctx, value("v")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another namespace: %v", err)
	}
	l, err := a.Lock(ctx, value("v"), time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lock(ctx, value("v"), time.Hour, true); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if is, err := b.Lease(ctx, value("v")); err != nil || !l.Holds(is) {
		t.Errorf("%+v, %v", is, err)
	}
	if err := b.Unlock(ctx, l); err != nil { // the lease says who holds it, not the store
		t.Error(err)
	}
	rule, allowed := kv.Rule{Limit: 10, Per: time.Hour}, 0
	for i := range 30 {
		s := []*redis.Store{a, b}[i%2]
		if d, err := s.Rate(ctx, value("v"), rule, 1, false); err != nil {
			t.Fatal(err)
		} else if d.Allowed {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("two stores allowed %d of 10", allowed)
	}
}
