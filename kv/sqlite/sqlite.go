// Package sqlite is the embedded kv.Store: one SQLite file.
//
//	kv    k -> v, exp, fence, sum   values and counters; v is NULL if the value is in big
//	big   k -> v, exp               values over 1 KiB, so that pages of keys stay dense
//	rate  k -> state, exp           allowances; k ends in NUL and the rule
//	lock  k -> owner, fence, exp
//	meta  clock · fence · purge
//
// k is the prefix's octet and the name; exp is in unix milliseconds, 0 is never. There
// is no index on exp: a purge walks the primary key, and every write keeps its speed.
//
// Every write is acknowledged after it is on disk, so the store gives all classes the
// durable one. Reads take the clock before the row: the other way round a row could be
// taken for expired that was written anew in between. Fencing numbers come from one
// counter of the file, so they grow for ever although rows of old locks are removed.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// Options says how a file is opened. The zero value works.
type Options struct {
	// Now is the time; nil is the machine's clock.
	Now func() time.Time
	// Readers is the most read connections; default 4.
	Readers int
	// Cache is how many octets of pages each connection keeps at most; default 8 MiB. There
	// is one connection more than readers.
	Cache int
	// Logger hears of I/O errors; default none.
	Logger *slog.Logger
}

var schema = []string{`
CREATE TABLE kv   (k BLOB PRIMARY KEY, v BLOB, exp INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE big  (k BLOB PRIMARY KEY, v BLOB NOT NULL, exp INTEGER NOT NULL DEFAULT 0);
CREATE TABLE rate (k BLOB PRIMARY KEY, state BLOB NOT NULL, exp INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE lock (k BLOB PRIMARY KEY, owner TEXT NOT NULL, fence INTEGER NOT NULL, exp INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, v NOT NULL) WITHOUT ROWID;
`, `ALTER TABLE kv ADD COLUMN fence INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE kv ADD COLUMN sum INTEGER`}

// checkpoint is the pages in the WAL, 32 MiB, at which its content is moved to the file. Small rows at
// random places of a large file cost a page each there, and a sync for all of them.
const checkpoint = 8000

// smallValue is the largest value that stands beside its key.
const smallValue = 1 << 10

// Store is a kv.Store in a file. Its methods may be called from many goroutines.
type Store struct {
	db    *sqlite.DB
	clock *kv.Clock
	saved int64 // clock high-water mark in the file; the writer's

	// Whether the side tables may hold rows; see uses.
	anyBig, anyRate, anyLock atomic.Bool

	purge       purgePlace // the writer's
	purgeStride stride     // the writer's
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseKeeper = (*Store)(nil)
)

// Open opens or creates the file at path.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Schema: schema, Readers: o.Readers, Cache: o.Cache, Checkpoint: checkpoint, Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("kv/sqlite: %w", err)
	}
	s := &Store{db: db, purge: purgePlace{key: []byte{}}}
	if err := s.load(ctx, o.Now); err != nil {
		return nil, errors.Join(fail("open", err), db.Close())
	}
	return s, nil
}

// load reads what the file remembers about time, side tables and an unfinished purge.
func (s *Store) load(ctx context.Context, now func() time.Time) error {
	return s.db.Read(ctx, func(c *sqlite.Conn) error {
		if err := meta(c, "clock", &s.saved); err != nil {
			return err
		}
		s.clock = kv.NewClock(now, s.saved)
		for table, flag := range map[string]*atomic.Bool{"big": &s.anyBig, "rate": &s.anyRate, "lock": &s.anyLock} {
			var any bool
			if err := c.QueryRow(`SELECT EXISTS (SELECT 1 FROM ` + table + `)`).Scan(&any); err != nil {
				return err
			}
			flag.Store(any)
		}
		var place []byte
		if err := meta(c, "purge", &place); err != nil {
			return err
		}
		return s.purge.restore(place)
	})
}

// meta reads a row of meta into dest, and leaves dest alone if there is none.
func meta(c *sqlite.Conn, name string, dest any) error {
	err := c.QueryRow(`SELECT v FROM meta WHERE name = ?`, name).Scan(dest)
	if errors.Is(err, sqlite.ErrNoRows) {
		return nil
	}
	return err
}

func setMeta(tx *sqlite.Tx, name string, v any) error {
	_, err := tx.Exec(`INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET v = excluded.v`, name, v)
	return err
}

// fail names the act, and says whether the store or the caller is the reason.
func fail(act string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite.ErrClosed):
		return fmt.Errorf("kv/sqlite: %s: %w", act, kv.ErrClosed)
	case errors.Is(err, sqlite.ErrFull):
		return fmt.Errorf("kv/sqlite: %s: %w: %w", act, kv.ErrFull, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("kv/sqlite: %s: %w", act, err)
	}
	for _, own := range []error{kv.ErrNotCounter, kv.ErrOverflow, kv.ErrInvalid, kv.ErrLocked, kv.ErrNotOwner, kv.ErrNotFound} {
		if errors.Is(err, own) {
			return err
		}
	}
	return fmt.Errorf("kv/sqlite: %s: %w: %w", act, kv.ErrUnavailable, err)
}

// write runs fn in the writer with the store's time, which it reads there, so that
// times are in the order of the writes.
func (s *Store) write(ctx context.Context, act string, fn func(tx *sqlite.Tx, now int64) error) error {
	return fail(act, s.db.Write(ctx, s.timed(fn)))
}

// background is write for a step of a longer work, which yields to others.
func (s *Store) background(ctx context.Context, act string, fn func(tx *sqlite.Tx, now int64) error) error {
	return fail(act, s.db.Background(ctx, s.timed(fn)))
}

// timed gives fn the time, and writes it down when the file's copy is a second old: that
// is how far it may be behind after a crash.
func (s *Store) timed(fn func(tx *sqlite.Tx, now int64) error) func(tx *sqlite.Tx) error {
	return func(tx *sqlite.Tx) error {
		now := s.clock.Milli()
		if now >= s.saved+1000 {
			if err := tx.Guard(); err != nil {
				return err
			}
			if err := setMeta(tx, "clock", now); err != nil {
				return err
			}
			tx.OnCommit(func() { s.saved = max(s.saved, now) })
		}
		return fn(tx, now)
	}
}

// Flush does nothing: every acknowledged write is on disk.
func (s *Store) Flush(ctx context.Context) error { return ctx.Err() }

// Close writes down the time, and where a purge goes on, and closes the file.
func (s *Store) Close() error {
	err := s.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		return errors.Join(setMeta(tx, "clock", s.clock.Milli()), setMeta(tx, "purge", s.purge.octets()))
	})
	if errors.Is(err, sqlite.ErrClosed) || errors.Is(err, sqlite.ErrFailed) {
		err = nil // closed before, or a failed file: its time is the least of its troubles
	}
	return errors.Join(fail("close", err), s.db.Close())
}

// Clock returns the store's time, for others that have to agree with it.
func (s *Store) Clock() *kv.Clock { return s.clock }

// DataVersion returns a number that changes when another process has written to the
// file.
func (s *Store) DataVersion(ctx context.Context) (int64, error) {
	n, err := s.db.DataVersion(ctx)
	return n, fail("data version", err)
}

// Writer returns what the file's writer did so far.
func (s *Store) Writer() sqlite.Stats { return s.db.Stats() }

// BackupTo writes a copy of one moment to path.
func (s *Store) BackupTo(ctx context.Context, path string) error {
	return fail("backup", s.db.BackupTo(ctx, path))
}

// Check walks the whole file and reports damage.
func (s *Store) Check(ctx context.Context) error { return fail("check", s.db.Check(ctx)) }
