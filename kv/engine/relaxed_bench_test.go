package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// each runs act in one goroutine and in eight; act gets numbers that go up.
func each(b *testing.B, act func(b *testing.B, i int) error) {
	b.Run("goroutines=1", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := act(b, i); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("goroutines=8", func(b *testing.B) {
		var next atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(4) // of GOMAXPROCS, two on the usual machine
		b.RunParallel(func(pb *testing.PB) {
			for i := int(next.Add(1)) * 1_000_003; pb.Next(); i++ {
				if err := act(b, i); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRelaxedIncr(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int
		ttl  time.Duration
	}{{"hot", 1, 0}, {"hot with ttl", 1, time.Hour}, {"4096 keys", 4096, 0}, {"100000 keys", 100_000, 0}} {
		b.Run(c.name, func(b *testing.B) {
			e := open(b, engine.Options{})
			keys := relaxedKeys(c.keys)
			each(b, func(b *testing.B, i int) error {
				_, err := e.Incr(b.Context(), keys[i%len(keys)], 1, c.ttl)
				return err
			})
			m := e.Metrics()
			b.ReportMetric(float64(m.FlushedRows)/float64(max(m.Flushes, 1)), "rows/flush")
		})
	}
}

func BenchmarkRelaxedSet(b *testing.B) {
	e := open(b, engine.Options{})
	keys := relaxedKeys(4096)
	v := make([]byte, 64)
	each(b, func(b *testing.B, i int) error { return e.Set(b.Context(), keys[i%len(keys)], v, time.Hour) })
}

func BenchmarkRelaxedGet(b *testing.B) {
	e := open(b, engine.Options{}.Tuned(engine.Tune{Keep: time.Hour}))
	keys := relaxedKeys(4096)
	for i := range keys {
		keys[i].Prefix = kv.Greylist
		if err := e.Set(b.Context(), keys[i], make([]byte, 64), 0); err != nil {
			b.Fatal(err)
		}
	}
	each(b, func(b *testing.B, i int) error {
		_, err := e.Get(b.Context(), keys[i%len(keys)])
		return err
	})
}

// BenchmarkRelaxedGetCached reads rows that have no cell any more.
func BenchmarkRelaxedGetCached(b *testing.B) {
	e := open(b, engine.Options{}.Tuned(engine.Tune{Keep: -1}))
	keys := relaxedKeys(2000)
	for i := range keys {
		keys[i].Prefix = kv.Greylist
		if err := e.Set(b.Context(), keys[i], make([]byte, 64), 0); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	get := func(b *testing.B, i int) error {
		_, err := e.Get(b.Context(), keys[i%len(keys)])
		return err
	}
	for i := range 20 * len(keys) {
		if err := get(b, i); err != nil {
			b.Fatal(err)
		}
	}
	each(b, get)
}

func relaxedKeys(n int) []kv.Key {
	keys := make([]kv.Key, n)
	for i := range keys {
		keys[i] = kv.Key{Prefix: kv.ScriptCounter, Name: fmt.Sprintf("a key of usual length/%06d", i)}
	}
	return keys
}

// A message of 900 tokens, by one call and by one for each.
func BenchmarkRelaxedIncrMany(b *testing.B) {
	adds := func(round int) []kv.Addition {
		all := make([]kv.Addition, 900)
		for i := range all {
			all[i] = kv.Addition{Key: kv.Key{Prefix: kv.BayesModelGlobal, Name: fmt.Sprint("t", (round*450+i)%20_000)}, By: 1}
		}
		return all
	}
	for name, do := range map[string]func(*engine.Engine, []kv.Addition) error{
		"one call": func(e *engine.Engine, all []kv.Addition) error {
			_, err := e.IncrMany(b.Context(), all, 0)
			return err
		},
		"one each": func(e *engine.Engine, all []kv.Addition) error {
			for _, a := range all {
				if _, err := e.Incr(b.Context(), a.Key, a.By, 0); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			e, err := engine.Open(b.Context(), engine.Options{Path: b.TempDir() + "/kv.db"})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			round := 0
			b.ReportAllocs()
			for b.Loop() {
				round++
				if err := do(e, adds(round)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
