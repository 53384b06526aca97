package redis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
)

// on runs a benchmark on one server and on a cluster.
func on(b *testing.B, run func(b *testing.B, s *redis.Store)) {
	b.Run("single", func(b *testing.B) {
		run(b, open(b, redis.Options{URLs: []string{needServer(b).URL}}))
	})
	b.Run("cluster", func(b *testing.B) {
		run(b, open(b, redis.Options{URLs: needCluster(b).URLs()}))
	})
}

// loop runs do b.N times.
func loop(b *testing.B, do func(i int) error) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := do(i); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkGet(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		if err := s.Set(b.Context(), value("a"), make([]byte, 64), time.Hour); err != nil {
			b.Fatal(err)
		}
		loop(b, func(int) error { _, err := s.Get(b.Context(), value("a")); return err })
	})
}

func BenchmarkGetMany100(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		var ks []kv.Key
		for i := range 100 {
			ks = append(ks, value(fmt.Sprint(i)))
			if err := s.Set(b.Context(), ks[i], make([]byte, 64), time.Hour); err != nil {
				b.Fatal(err)
			}
		}
		loop(b, func(int) error { _, err := s.GetMany(b.Context(), ks); return err })
	})
}

func BenchmarkSet(b *testing.B) {
	for _, ttl := range []time.Duration{0, time.Hour} {
		b.Run(fmt.Sprint("ttl=", ttl), func(b *testing.B) {
			on(b, func(b *testing.B, s *redis.Store) {
				loop(b, func(i int) error {
					return s.Set(b.Context(), value(fmt.Sprint(i%1000)), fmt.Appendf(nil, "%064d", i), ttl)
				})
			})
		})
	}
}

func BenchmarkSetNew(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		loop(b, func(i int) error {
			return s.Set(b.Context(), value(fmt.Sprint(i)), fmt.Appendf(nil, "%064d", i), time.Hour)
		})
	})
}

func BenchmarkIncr(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		loop(b, func(int) error { _, err := s.Incr(b.Context(), value("n"), 1, time.Hour); return err })
	})
}

func BenchmarkRate(b *testing.B) {
	for name, rule := range map[string]kv.Rule{
		"sliding": {Limit: 1 << 40, Per: time.Minute},
		"burst":   {Limit: 1 << 40, Per: time.Minute, Burst: 1 << 30},
	} {
		b.Run(name, func(b *testing.B) {
			on(b, func(b *testing.B, s *redis.Store) {
				loop(b, func(int) error { _, err := s.Rate(b.Context(), value("r"), rule, 1, false); return err })
			})
		})
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		loop(b, func(int) error {
			l, err := s.Lock(b.Context(), value("l"), time.Minute, false)
			if err != nil {
				return err
			}
			return s.Unlock(b.Context(), l)
		})
	})
}

func BenchmarkList100(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		fill(b, s, kv.Script, "list/", 10_000, 0)
		b.ResetTimer()
		loop(b, func(int) error { _, _, err := s.List(b.Context(), kv.Script, "list/", "", 100); return err })
	})
}

func BenchmarkPurge(b *testing.B) {
	on(b, func(b *testing.B, s *redis.Store) {
		b.Run("idle round", func(b *testing.B) {
			loop(b, func(int) error {
				for {
					if _, more, err := s.Purge(b.Context()); err != nil || !more {
						return err
					}
				}
			})
		})
	})
}
