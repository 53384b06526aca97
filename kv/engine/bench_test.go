package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

func fill(b *testing.B, e *engine.Engine, n int) []kv.Key {
	b.Helper()
	keys := make([]kv.Key, n)
	done := make(chan error)
	for i := range keys {
		keys[i] = kv.Key{Prefix: kv.Script, Name: fmt.Sprintf("a key of usual length/%06d", i)}
	}
	const writers = 64
	for w := range writers {
		go func() {
			for i := w; i < n; i += writers {
				if err := e.Set(b.Context(), keys[i], make([]byte, 64), 0); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

func BenchmarkGet(b *testing.B) {
	for _, c := range []struct {
		name  string
		bytes int64
	}{{"cached", 0}, {"uncached", -1}} {
		e := open(b, engine.Options{CacheBytes: c.bytes})
		keys := fill(b, e, 2000)
		for range 20 {
			for _, k := range keys {
				if _, err := e.Get(b.Context(), k); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(c.name+"/goroutines=1", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := e.Get(b.Context(), keys[i%len(keys)]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/goroutines=8", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := e.Get(b.Context(), keys[i%len(keys)]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", writers), func(b *testing.B) {
			e := open(b, engine.Options{})
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism((writers + 1) / 2)
			if writers == 1 {
				for b.Loop() {
					set(b, e, n.Add(1))
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					set(b, e, n.Add(1))
				}
			})
		})
	}
}

// set writes a value that is never the one before, since that would cost no commit.
func set(b *testing.B, e *engine.Engine, n int64) {
	if err := e.Set(b.Context(), kv.Key{Prefix: kv.Script, Name: fmt.Sprint(n % 10_000)}, fmt.Appendf(nil, "%064d", n), 0); err != nil {
		b.Error(err)
	}
}

func BenchmarkIncr(b *testing.B) {
	e := open(b, engine.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Incr(b.Context(), kv.Key{Prefix: kv.ScriptCounter, Name: "a"}, 1, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRate(b *testing.B) {
	e := open(b, engine.Options{})
	rule := kv.Rule{Limit: 1 << 40, Per: time.Hour, Burst: 1 << 20}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Rate(b.Context(), kv.Key{Prefix: kv.ScriptRate, Name: "a"}, rule, 1, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	for _, durable := range []bool{false, true} {
		b.Run(fmt.Sprintf("durable=%v", durable), func(b *testing.B) {
			e := open(b, engine.Options{})
			b.ReportAllocs()
			for b.Loop() {
				l, err := e.Lock(b.Context(), kv.Key{Prefix: kv.ScriptLock, Name: "a"}, time.Minute, durable)
				if err == nil {
					err = e.Unlock(b.Context(), l)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
