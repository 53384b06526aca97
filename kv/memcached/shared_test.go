package memcached_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memcached"
)

func TestTwoStoresShareValuesCountersAndLimits(t *testing.T) {
	ns := space()
	a, b := with(t, memcached.Options{Namespace: ns}), with(t, memcached.Options{Namespace: ns})
	other := with(t, memcached.Options{})
	if err := a.Set(t.Context(), value("k"), []byte("1"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if v, err := b.Get(t.Context(), value("k")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("%q, %v", v.Bytes, err)
	}
	if _, err := other.Get(t.Context(), value("k")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another namespace: %v", err)
	}
	var wg sync.WaitGroup
	var allowed atomic.Int64
	rule := kv.Rule{Limit: 30, Per: time.Hour}
	for w := range 8 {
		s := []*memcached.Store{a, b}[w%2]
		wg.Go(func() {
			for range 25 {
				if _, err := s.Incr(t.Context(), counter("n"), 1, 0); err != nil {
					t.Error(err)
				}
				d, err := s.Rate(t.Context(), allow("r"), rule, 1, false)
				if err != nil {
					t.Error(err)
				}
				if d.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n, err := a.Counter(t.Context(), counter("n")); n != 200 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	if allowed.Load() != 30 {
		t.Errorf("allowed %d, want 30", allowed.Load())
	}
}

func TestRowsAreSpreadOverServersAndOneDeadServerTakesOnlyItsOwn(t *testing.T) {
	m1, m2 := own(t), own(t)
	s := with(t, memcached.Options{URLs: []string{m1.URL(), m2.URL()}})
	var ks []kv.Key
	for i := range 200 {
		k := value(fmt.Sprint(i))
		ks = append(ks, k)
		if err := s.Set(t.Context(), k, []byte(k.Name), 0); err != nil {
			t.Fatal(err)
		}
	}
	many, err := s.GetMany(t.Context(), ks)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range many {
		if string(v.Bytes) != ks[i].Name {
			t.Fatalf("%q holds %q", ks[i].Name, v.Bytes)
		}
	}
	m2.Kill()
	here, gone := 0, 0
	for _, k := range ks {
		switch _, err := s.Get(t.Context(), k); {
		case err == nil:
			here++
		case errors.Is(err, kv.ErrUnavailable):
			gone++
		default:
			t.Error(err)
		}
	}
	if here < 50 || gone < 50 {
		t.Errorf("%d here, %d gone", here, gone)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Ping: %v", err)
	}
}

// The server's own clock, and ours: rows go when they expire, for ours to the millisecond.
func TestRowsExpireByTheRealClock(t *testing.T) {
	s := with(t, memcached.Options{})
	began := time.Now()
	const ttl = 100 * time.Millisecond
	if err := s.Set(t.Context(), value("a"), []byte("1"), ttl); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Incr(t.Context(), counter("a"), 5, ttl); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if err := s.Set(t.Context(), value("far"), []byte("1"), 100*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), value("never"), []byte("1"), 100*365*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of the row", func() bool {
		_, err := s.Get(t.Context(), value("a"))
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			t.Fatal(err)
		}
		return err != nil
	})
	if lived := time.Since(began); lived < ttl {
		t.Errorf("it lived for %v", lived)
	}
	until(t, "the end of the counter", func() bool { n, err := s.Counter(t.Context(), counter("a")); return err == nil && n == 0 })
	for _, name := range []string{"far", "never"} {
		if _, err := s.Get(t.Context(), value(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnyNameOfAnyLengthIsAKey(t *testing.T) {
	clock := kvtest.NewClock()
	s := with(t, memcached.Options{Now: clock.Now})
	var ks []kv.Key
	for i := range kv.MaxMany {
		name := fmt.Sprintf("%d ", i) + strings.Repeat("\x00 \xff\r\n", i%200)
		if i%3 == 0 {
			name = strings.Repeat("p", i%300) + fmt.Sprint(i) // some of these are taken as they are
		}
		ks = append(ks, value(name))
		if err := s.Set(t.Context(), ks[i], fmt.Append(nil, i), 0); err != nil {
			t.Fatal(err)
		}
	}
	many, err := s.GetMany(t.Context(), ks)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range many {
		if string(v.Bytes) != fmt.Sprint(i) {
			t.Errorf("%.40q holds %q", ks[i].Name, v.Bytes)
		}
	}
	long := value(strings.Repeat("\xff", kv.MaxName))
	big := bytes.Repeat([]byte("\r\nEND"), kv.MaxValue/5)
	if err := s.Set(t.Context(), long, big, 0); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(t.Context(), long); err != nil || !bytes.Equal(v.Bytes, big) {
		t.Errorf("%d octets, %v", len(v.Bytes), err)
	}
}

func TestAKeyHasSoManyRulesAndNoMoreUntilTheyEnd(t *testing.T) {
	clock := kvtest.NewClock()
	s := with(t, memcached.Options{Now: clock.Now})
	rule := func(i int) kv.Rule { return kv.Rule{Limit: int64(i + 1), Per: time.Minute} }
	for i := range 256 {
		if _, err := s.Rate(t.Context(), allow("a"), rule(i), 1, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Rate(t.Context(), allow("a"), rule(256), 1, false); !errors.Is(err, kv.ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Rate(t.Context(), allow("a"), rule(255), 1, false); err != nil {
		t.Errorf("one of them: %v", err)
	}
	clock.Advance(2 * time.Minute)
	if _, err := s.Rate(t.Context(), allow("a"), rule(256), 1, false); err != nil {
		t.Errorf("after their end: %v", err)
	}
}

func bench(b *testing.B, call func(s *memcached.Store) error) {
	s := with(b, memcached.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := call(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := with(b, memcached.Options{})
	if err := s.Set(b.Context(), value("a"), make([]byte, 64), time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), value("a")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	bench(b, func(s *memcached.Store) error {
		return s.Set(b.Context(), value("a"), make([]byte, 64), time.Hour)
	})
}

func BenchmarkIncr(b *testing.B) {
	bench(b, func(s *memcached.Store) error {
		_, err := s.Incr(b.Context(), counter("a"), 1, time.Hour)
		return err
	})
}

func BenchmarkRate(b *testing.B) {
	bench(b, func(s *memcached.Store) error {
		_, err := s.Rate(b.Context(), allow("a"), kv.Rule{Limit: 1 << 40, Per: time.Minute}, 1, false)
		return err
	})
}

func TestADeleteTakesARowWhoseTimeIsOverSoThatNobodyBuildsOnIt(t *testing.T) {
	clock := kvtest.NewClock()
	before := clock.Now()
	s := with(t, memcached.Options{Namespace: "over", Now: clock.Now})
	late := with(t, memcached.Options{Namespace: "over", Now: func() time.Time { return before }}) // whose call began then
	k := value("a")
	if err := s.Set(t.Context(), k, []byte("1"), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	if there, err := s.Delete(t.Context(), k); there || err != nil {
		t.Errorf("a row whose time is over is deleted with %v, %v", there, err)
	}
	if done, err := late.CompareAndSwap(t.Context(), k, []byte("1"), []byte("2"), 0); done || err != nil {
		t.Errorf("a swap that began before builds on the row that was deleted: %v, %v", done, err)
	}
}
