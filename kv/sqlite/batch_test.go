package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

func opened(t testing.TB) (*sqlite.Store, *kvtest.Clock) {
	clock := kvtest.NewClock()
	return at(t, filepath.Join(t.TempDir(), "kv.db"), clock), clock
}

func change(name, v string, expires time.Time, fence uint64) kv.Change {
	return kv.Change{Key: key(name), Value: kv.Value{Bytes: []byte(v), Expires: expires, Fence: fence}}
}

func TestABatchMakesRowsExactlyWhatItSays(t *testing.T) {
	s, clock := opened(t)
	now := clock.Now()
	fat := strings.Repeat("x", 5000)
	for name, ttl := range map[string]time.Duration{"live": time.Hour, "for ever": 0, "expired": time.Second, "gone": 0} {
		if err := s.SetFenced(t.Context(), key(name), []byte(fat), ttl, 7); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Minute)
	want := []kv.Change{
		change("live", "small now", now.Add(2*time.Hour), 3),
		change("for ever", "", now.Add(time.Hour), 0),
		change("expired", "again", time.Time{}, 1),
		change("new", fat, now.Add(time.Hour+time.Millisecond), 9),
		change("limit", strings.Repeat("y", 1024), time.Time{}, 0),
		change("over", strings.Repeat("z", 1025), time.Time{}, 0),
		change("largest", strings.Repeat("z", kv.MaxValue), time.Time{}, 1<<63-1),
		{Key: key("gone")},
		{Key: key("never was")},
	}
	check := func() {
		t.Helper()
		for _, c := range want {
			v, err := s.Get(t.Context(), c.Key)
			if c.Value.Bytes == nil {
				if !errors.Is(err, kv.ErrNotFound) {
					t.Errorf("%s: %v", c.Key.Name, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(v.Bytes, c.Value.Bytes) || !v.Expires.Equal(c.Value.Expires) || v.Fence != c.Value.Fence {
				t.Errorf("%s: %d octets until %v, fence %d, %v", c.Key.Name, len(v.Bytes), v.Expires, v.Fence, err)
			}
		}
	}
	for range 2 { // the second time nothing changes
		if err := s.Apply(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		check()
	}
	stats, err := s.Stats(t.Context())
	if err != nil || len(stats) != 1 || stats[0].Rows != 7 {
		t.Errorf("%+v, %v", stats, err)
	}
	// A fence that a batch took back is no longer in the way.
	if err := s.SetFenced(t.Context(), key("live"), nil, 0, 4); err != nil {
		t.Error(err)
	}
}

func TestABatchIsMadeWhollyOrNotAtAll(t *testing.T) {
	s, _ := opened(t)
	good := change("a", "1", time.Time{}, 0)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		last kv.Change
		want error
	}{
		"a name over its limit":  {t.Context(), change(strings.Repeat("k", kv.MaxName+1), "", time.Time{}, 0), kv.ErrTooLarge},
		"a value over its limit": {t.Context(), change("b", strings.Repeat("v", kv.MaxValue+1), time.Time{}, 0), kv.ErrTooLarge},
		"a fence over its limit": {t.Context(), change("b", "", time.Time{}, 1<<63), kv.ErrInvalid},
		"a context that is over": {over, good, context.Canceled},
	} {
		if err := s.Apply(c.ctx, []kv.Change{good, c.last}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Get(t.Context(), good.Key); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: the first change was made: %v", name, err)
		}
	}
	if err := s.Apply(t.Context(), nil); err != nil {
		t.Errorf("no changes: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []kv.Change{good}); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestWhatIsBesideAValueGoesWithoutIt(t *testing.T) {
	s, clock := opened(t)
	rule := kv.Rule{Limit: 10, Per: time.Minute}
	gone := func(name string, want bool) {
		t.Helper()
		if got, err := s.DeleteBeside(t.Context(), key(name)); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", name, got, err, want)
		}
	}
	if err := s.Set(t.Context(), key("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	gone("a", false)
	for _, name := range []string{"a", "a\x00b", "aa"} {
		if _, err := s.Rate(t.Context(), key(name), rule, 4, false); err != nil {
			t.Fatal(err)
		}
	}
	gone("a", true)
	gone("a", false)
	if v, err := s.Get(t.Context(), key("a")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("the value: %q, %v", v.Bytes, err)
	}
	for name, left := range map[string]int64{"a": 10, "a\x00b": 6, "aa": 6} {
		if d, err := s.Rate(t.Context(), key(name), rule, 0, true); err != nil || d.Remaining != left {
			t.Errorf("%q has %d left, %v, want %d", name, d.Remaining, err, left)
		}
	}
	l, err := s.Lock(t.Context(), key("l"), time.Minute, true)
	if err != nil {
		t.Fatal(err)
	}
	gone("l", true)
	if err := s.Unlock(t.Context(), l); !errors.Is(err, kv.ErrNotOwner) {
		t.Errorf("the lease: %v", err)
	}
	if _, err := s.Lock(t.Context(), key("l"), time.Minute, true); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	gone("l", false) // it had expired
	if _, err := s.DeleteBeside(t.Context(), key(strings.Repeat("k", kv.MaxName+1))); !errors.Is(err, kv.ErrTooLarge) {
		t.Errorf("a name over its limit: %v", err)
	}
}

func BenchmarkApply(b *testing.B) {
	for _, rows := range []int{1, 400} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			s, _ := opened(b)
			changes := make([]kv.Change, rows)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				for i := range changes {
					changes[i] = change(fmt.Sprint((n*rows+i*7919)%100_000), fmt.Sprint(n), time.Time{}, 0)
				}
				if err := s.Apply(b.Context(), changes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
