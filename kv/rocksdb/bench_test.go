//go:build rocksdb

package rocksdb_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

func benchStore(b *testing.B) *rocksdb.Store {
	b.Helper()
	s, err := rocksdb.Open(b.Context(), rocksdb.Options{Path: filepath.Join(b.TempDir(), "kv")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func BenchmarkGet(b *testing.B) {
	s := benchStore(b)
	fill(b, s, "", 100_000, time.Hour, make([]byte, 64))
	if err := s.Compact(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := s.Get(b.Context(), key(fmt.Sprintf("%08d", i*7919%100_000))); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkSet is durable writes; with many writers RocksDB puts many of them into one fsync.
func BenchmarkSet(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := benchStore(b)
			b.ReportAllocs()
			next := make(chan int, 1024)
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for i := range next {
						if err := s.Set(b.Context(), key(fmt.Sprintf("%08d", i%10_000)), fmt.Appendf(nil, "%064d", i), 0); err != nil {
							b.Error(err)
						}
					}
				})
			}
			i := 0
			for b.Loop() {
				next <- i
				i++
			}
			close(next)
			wg.Wait()
		})
	}
}

func BenchmarkIncr(b *testing.B) {
	s := benchStore(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Incr(b.Context(), kv.Key{Prefix: kv.ScriptCounter, Name: "a"}, 1, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRate(b *testing.B) {
	s := benchStore(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Rate(b.Context(), key("a"), kv.Rule{Limit: 1 << 40, Per: time.Minute}, 1, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	s := benchStore(b)
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Lock(b.Context(), key("a"), time.Minute, true)
		if err == nil {
			err = s.Unlock(b.Context(), l)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPurge reports rows a second, half of them expired.
func BenchmarkPurge(b *testing.B) {
	const rows = 200_000
	for b.Loop() {
		b.StopTimer()
		clock := kvtest.NewClock()
		s := at(b, filepath.Join(b.TempDir(), "kv"), clock)
		fill(b, s, "a", rows/2, time.Hour, make([]byte, 64))
		fill(b, s, "b", rows/2, 0, make([]byte, 64))
		clock.Advance(2 * time.Hour)
		longest := time.Duration(0)
		b.StartTimer()
		for more := true; more; {
			began := time.Now()
			var err error
			if _, more, err = s.Purge(b.Context()); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(began))
		}
		b.ReportMetric(float64(longest.Microseconds()), "longest-step-µs")
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
