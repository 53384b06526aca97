package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

// each is how many calls a client of several makes at a time.
const each = 32

// The server of the benchmarks writes to the disk as a real one does.
func BenchmarkStore(b *testing.B) {
	p, err := peers.StartPostgres(b.Context(), peers.PostgresOptions{Fsync: true})
	peers.Need(b, err)
	b.Cleanup(p.Close)
	s := openAt(b, p, postgres.Options{})
	ctx := context.Background()
	value := func(i int) []byte { return fmt.Appendf(nil, "%064d!", i) }
	name := func(i int) string { return fmt.Sprintf("key-%06d", i%10_000) }
	for i := range 10_000 {
		if err := s.Set(ctx, kv.Key{Prefix: kv.Greylist, Name: name(i)}, value(i), 0); err != nil {
			b.Fatal(err)
		}
	}
	perHour := kv.Rule{Limit: 1 << 40, Per: time.Hour}
	bursty := kv.Rule{Limit: 1 << 40, Per: time.Hour, Burst: 1 << 30}
	for _, c := range []struct {
		name string
		do   func(i int) error
	}{
		{"Get", func(i int) error { _, err := s.Get(ctx, kv.Key{Prefix: kv.Greylist, Name: name(i)}); return err }},
		{"SetDurable", func(i int) error { return s.Set(ctx, key(name(i)), value(i), time.Hour) }},
		{"SetRelaxed", func(i int) error {
			return s.Set(ctx, kv.Key{Prefix: kv.Greylist, Name: name(i)}, value(i), time.Hour)
		}},
		{"IncrRelaxed", func(i int) error {
			_, err := s.Incr(ctx, kv.Key{Prefix: kv.ScriptCounter, Name: name(i)}, 1, time.Hour)
			return err
		}},
		{"RateSliding", func(i int) error {
			_, err := s.Rate(ctx, kv.Key{Prefix: kv.ScriptRate, Name: name(i)}, perHour, 1, false)
			return err
		}},
		{"RateBurst", func(i int) error {
			_, err := s.Rate(ctx, kv.Key{Prefix: kv.ScriptRate, Name: name(i)}, bursty, 1, false)
			return err
		}},
		{"LockUnlock", func(i int) error {
			l, err := s.Lock(ctx, kv.Key{Prefix: kv.ScriptLock, Name: name(i)}, time.Hour, false)
			if err != nil {
				return err
			}
			return s.Unlock(ctx, l)
		}},
		{"GetMany100", func(i int) error {
			ks := make([]kv.Key, 100)
			for j := range ks {
				ks[j] = kv.Key{Prefix: kv.Greylist, Name: name(i + j)}
			}
			_, err := s.GetMany(ctx, ks)
			return err
		}},
	} {
		b.Run(c.name+"/clients=1", func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := c.do(i); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
		b.Run(c.name+"/clients=8", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() { // an operation is 32 calls of each client
				var wg sync.WaitGroup
				for w := range 8 {
					wg.Go(func() {
						for i := range each {
							if err := c.do(w*1000 + i); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(8*each), "ns/call")
		})
	}
}
