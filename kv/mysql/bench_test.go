package mysql

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// The bare statement beside the store's shows what the store adds to a commit.
func BenchmarkStore(b *testing.B) {
	s := try(b, Options{})
	ctx := b.Context()
	rule := kv.Rule{Limit: kv.MaxUnits, Per: time.Hour}
	var n atomic.Int64
	key := func() kv.Key { return value(fmt.Sprint(n.Add(1) % 1000)) }
	for range 1000 {
		if err := s.Set(ctx, key(), []byte("0123456789"), 0); err != nil {
			b.Fatal(err)
		}
	}
	bare, err := s.db.PrepareContext(ctx, s.tables.in("INSERT INTO {rows} (k, sub, v, size, expires, fence) VALUES (?, '', ?, 10, 0, 0) ON DUPLICATE KEY UPDATE v = VALUES(v)"))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"Get", func() error { _, err := s.Get(ctx, key()); return err }},
		{"Set", func() error { return s.Set(ctx, key(), fmt.Appendf(nil, "v%09d", n.Load()), time.Hour) }},
		{"BareUpsert", func() error {
			_, err := bare.ExecContext(ctx, key().Octets(), fmt.Appendf(nil, "v%09d", n.Load()))
			return err
		}},
		{"Incr", func() error {
			_, err := s.Incr(ctx, kv.Key{Prefix: kv.ScriptCounter, Name: key().Name}, 1, time.Hour)
			return err
		}},
		{"Rate", func() error { _, err := s.Rate(ctx, key(), rule, 1, false); return err }},
		{"LockUnlock", func() error {
			l, err := s.Lock(ctx, kv.Key{Prefix: kv.ScriptLock, Name: fmt.Sprint(n.Add(1))}, time.Hour, false)
			if err != nil {
				return err
			}
			return s.Unlock(ctx, l)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/8", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(4) // of two processors
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.run(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
