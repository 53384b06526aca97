package main

import (
	"context"
	"database/sql"

	"github.com/sluice-mail/sluice/kv/engine"
)

// k2 compares reads that go to the file with Redis and with a prepared SELECT.
func k2(ctx context.Context, t *table) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close(&err)
	rows := fileRows(t)
	e, err := b.engine(ctx, rows, engine.Options{CacheBytes: -1})
	if err != nil {
		return err
	}
	client, err := b.redis(ctx)
	if err == nil {
		err = fillRedis(ctx, client, rows)
	}
	if err != nil {
		return err
	}
	db, err := b.bare(ctx, rows, 8)
	if err != nil {
		return err
	}
	get, err := db.PrepareContext(ctx, `SELECT v, exp FROM kv WHERE k = ?`)
	if err != nil {
		return err
	}
	b.after = append(b.after, get.Close)
	keys, names := someKeys(rows)
	for _, n := range []int{1, 8} {
		err := t.compare(ctx, goroutines(n), nil,
			&side{goroutines: n, op: getFrom(e, keys)},
			&side{name: "Redis GET", goroutines: n, op: getFromRedis(client, names), bar: 1.3},
			&side{name: "bare SELECT", goroutines: n, op: selectFrom(get, names), bar: 0.5})
		if err != nil {
			return err
		}
	}
	return nil
}

// fileRows is how many rows a file has.
func fileRows(t *table) int {
	if t.quick {
		return 10_000
	}
	return 100_000
}

// selectFrom reads value and expiry, as a store has to. The context is one that cannot end: with another the
// driver would start a goroutine for each query.
func selectFrom(get *sql.Stmt, names []string) func(context.Context, int, int) error {
	return func(_ context.Context, goroutine, i int) error {
		var v []byte
		var exp int64
		return get.QueryRow(bareKey(names[(i+goroutine*1000)%len(names)])).Scan(&v, &exp)
	}
}
