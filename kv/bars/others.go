package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/peers"
)

// bench is a folder on disk with what the bars use. Everything in it ends with close.
type bench struct {
	dir   string
	after []func() error
}

func newBench() (*bench, error) {
	dir, err := os.MkdirTemp("", "sluice-bars-")
	if err != nil {
		return nil, err
	}
	return &bench{dir: dir, after: []func() error{func() error { return os.RemoveAll(dir) }}}, nil
}

// close undoes everything, the last thing first, and joins what went wrong to err.
func (b *bench) close(err *error) {
	for i := len(b.after) - 1; i >= 0; i-- {
		*err = errors.Join(*err, b.after[i]())
	}
}

// redis starts a server and returns a client for as many goroutines as any bar has.
func (b *bench) redis(ctx context.Context, args ...string) (*redis.Client, error) {
	server, err := peers.StartRedis(ctx, args...)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: strings.TrimPrefix(server.URL, "unix://"), PoolSize: 64, MaxRetries: -1})
	b.after = append(b.after, func() error { server.Close(); return nil }, client.Close)
	return client, client.Ping(ctx).Err()
}

// durableRedis is a server that acknowledges a write after fsync.
func (b *bench) durableRedis(ctx context.Context) (*redis.Client, error) {
	return b.redis(ctx, "--appendonly", "yes", "--appendfsync", "always")
}

// fillRedis writes the rows of fill.
func fillRedis(ctx context.Context, client *redis.Client, n int) error {
	const part = 5000
	for from := 0; from < n; from += part {
		pairs := make([]any, 0, 2*part)
		for i := from; i < min(from+part, n); i++ {
			pairs = append(pairs, fillName(i), value(i))
		}
		if err := client.MSet(ctx, pairs...).Err(); err != nil {
			return err
		}
	}
	return nil
}

// engine opens an engine over a file of n rows.
func (b *bench) engine(ctx context.Context, n int, o engine.Options) (*engine.Engine, error) {
	o.Path = filepath.Join(b.dir, fmt.Sprintf("engine%d", len(b.after)), "kv.db")
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, err
	}
	if n > 0 {
		if err := fill(ctx, o.Path, n, false); err != nil {
			return nil, err
		}
	}
	e, err := engine.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	b.after = append(b.after, e.Close)
	return e, nil
}

// bare opens a file of the same n rows through database/sql, with conns connections that stay open. It
// makes sure that synchronous=FULL is in force: the driver's default may lose what was acknowledged.
func (b *bench) bare(ctx context.Context, n, conns int) (*sql.DB, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("bare%d.db", len(b.after)))
	if err := fill(ctx, path, n, false); err != nil {
		return nil, err
	}
	db, err := openBare(ctx, path, conns)
	if err != nil {
		return nil, err
	}
	b.after = append(b.after, db.Close)
	return db, nil
}

// openBare opens a file with database/sql and as many connections, set as a store sets its own.
func openBare(ctx context.Context, path string, conns int) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_cache_size=-8192")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	var mode string
	var synchronous int
	if err := errors.Join(db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode), db.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if mode != "wal" || synchronous != 2 {
		return nil, errors.Join(fmt.Errorf("bare: journal_mode %s, synchronous %d", mode, synchronous), db.Close())
	}
	return db, nil
}

// value is 64 octets that differ for each i.
func value(i int) []byte { return fmt.Appendf(nil, "%064d", i) }
