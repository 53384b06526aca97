package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver of fill's connection

	"github.com/sluice-mail/sluice/kv"
	kvsqlite "github.com/sluice-mail/sluice/kv/sqlite"
)

// fillName is the name of row i of a file made by fill.
func fillName(i int) string { return fmt.Sprintf("%016d", i) }

func fillKey(i int) kv.Key { return kv.Key{Prefix: kv.Script, Name: fillName(i)} }

// fillCounter is the key of a random counter of a file of n rows.
func fillCounter(n int) kv.Key { return fillKey(rand.IntN(n/10)*10 + 3) }

// fill makes a store's file of n rows with values of 64 octets, every tenth a counter (see
// fillCounter), in key order and without fsync; expired says that every second row's time
// is over. It costs some microseconds a row.
func fill(ctx context.Context, path string, n int, expired bool) (err error) {
	s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=OFF&_cache_size=-65536")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	exp := `0`
	if expired {
		exp = `CASE WHEN i % 2 = 0 THEN 1000 ELSE 0 END`
	}
	insert := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
		INSERT INTO kv (k, v, exp) SELECT CAST(char(%d) || printf('%%016d', i) AS BLOB), CASE WHEN i %% 10 = 3 THEN CAST('1' AS BLOB) ELSE randomblob(64) END, %s FROM n`, kv.Script, exp)
	const part = 100_000
	for i := 0; i < n; i += part {
		if _, err := db.ExecContext(ctx, insert, i, min(i+part, n)); err != nil {
			return fmt.Errorf("fill %s: %w", path, err)
		}
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// copyFile copies a closed store's file.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// withCopy runs fn with a store over a copy of the file, which is removed afterwards.
func withCopy(ctx context.Context, from string, fn func(*kvsqlite.Store) error) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(from), "copy")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "kv.db")
	if err := copyFile(from, path); err != nil {
		return err
	}
	s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{})
	if err != nil {
		return err
	}
	return errors.Join(fn(s), s.Close())
}

// middle returns the median of numbers.
func middle[T float64 | time.Duration](of []T) T {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// rank returns the duration below which the given part of all lies.
func rank(of []time.Duration, part float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(int(part*float64(len(of))), len(of)-1)]
}

// fits says whether a figure keeps its bar.
func fits(ok bool) string {
	if ok {
		return "kept"
	}
	return "MISSED"
}
