package sqlite

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// value is never the one before: an unchanged row would cost no fsync.
func value(n int64) []byte { return fmt.Appendf(nil, "%064d", n) }

func upsert(c *Conn, n int64) error {
	_, err := c.Exec(`INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`, fmt.Sprint(n%10_000), value(n))
	return err
}

// BenchmarkBareUpsert is the yardstick: one connection, one statement, one commit each.
func BenchmarkBareUpsert(b *testing.B) {
	path := filepath.Join(b.TempDir(), "test.db")
	db := openAt(b, path, Options{})
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	c, err := connect(path, true, defaultCache)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.close() }()
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		if err := upsert(c, n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", writers), func(b *testing.B) {
			db := openTest(b, Options{})
			var n atomic.Int64
			write := func() {
				i := n.Add(1)
				if err := db.Write(b.Context(), func(tx *Tx) error { return upsert(tx.Conn, i) }); err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			if writers == 1 {
				for b.Loop() {
					write()
				}
			} else {
				b.SetParallelism(writers / 2) // of GOMAXPROCS, two on the usual machine
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						write()
					}
				})
			}
			s := db.Stats()
			b.ReportMetric(float64(s.Writes)/float64(max(s.Commits, 1)), "writes/commit")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	db := openTest(b, Options{})
	for n := range int64(1000) {
		if err := db.Write(b.Context(), func(tx *Tx) error { return upsert(tx.Conn, n) }); err != nil {
			b.Fatal(err)
		}
	}
	for name, read := range map[string]func(func(*Conn) error) error{
		"snapshot": func(fn func(*Conn) error) error { return db.Read(b.Context(), fn) },
		"once":     func(fn func(*Conn) error) error { return db.ReadOnce(b.Context(), fn) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var v []byte
				if err := read(func(c *Conn) error { return c.QueryRow(`SELECT v FROM t WHERE k = ?`, fmt.Sprint(i%1000)).Scan(&v) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
