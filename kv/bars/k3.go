package main

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"sync/atomic"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// k3 compares writes that are acknowledged after fsync: with one UPSERT a commit from one connection,
// whatever the number of our writers, and with as many writers of Redis.
func k3(ctx context.Context, t *table) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close(&err)
	rows := fileRows(t)
	e, err := b.engine(ctx, rows, engine.Options{})
	if err != nil {
		return err
	}
	client, err := b.durableRedis(ctx)
	if err == nil {
		err = fillRedis(ctx, client, rows)
	}
	if err != nil {
		return err
	}
	db, err := b.bare(ctx, rows, 1)
	if err != nil {
		return err
	}
	put, err := db.PrepareContext(ctx, bareUpsert)
	if err != nil {
		return err
	}
	b.after = append(b.after, put.Close)
	t.awaitQuiet(ctx)
	var n atomic.Int64 // values are never the ones before
	next := func() (string, []byte) { return fillName(rand.IntN(rows)), value(int(n.Add(1))) }
	for _, bars := range []struct {
		writers     int
		bare, redis float64
	}{{1, 0.7, 0}, {8, 3, 1.2}, {64, 6, 0.8}} {
		err := t.compare(ctx, writers(bars.writers), quiet,
			&side{goroutines: bars.writers, op: func(ctx context.Context, _, _ int) error {
				name, v := next()
				return e.Set(ctx, kv.Key{Prefix: kv.Script, Name: name}, v, 0)
			}},
			&side{name: "one bare UPSERT", goroutines: 1, op: upsert(put, next), bar: bars.bare},
			&side{name: "Redis SET, fsync always", goroutines: bars.writers, op: func(ctx context.Context, _, _ int) error {
				name, v := next()
				return client.Set(ctx, name, v, 0).Err()
			}, bar: bars.redis})
		if err != nil {
			return err
		}
	}
	return nil
}

// bareUpsert is the statement that durable writes are compared with. It leaves no checksum, so that a
// store believes what it wrote.
const bareUpsert = `INSERT INTO kv (k, v, exp) VALUES (?, ?, 0) ON CONFLICT (k) DO UPDATE SET v = excluded.v, exp = excluded.exp, sum = NULL`

func writers(n int) string {
	if n == 1 {
		return "1 writer"
	}
	return short(float64(n)) + " writers"
}

func upsert(put *sql.Stmt, next func() (string, []byte)) func(context.Context, int, int) error {
	return func(context.Context, int, int) error {
		name, v := next()
		_, err := put.Exec(bareKey(name), v)
		return err
	}
}

// bareKey is how a store's file spells a key of fill.
func bareKey(name string) []byte { return append([]byte{byte(kv.Script)}, name...) }
