package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
)

// steps lead from each version of the tables to the next. A step that was released never changes.
var steps = []string{step1}

//go:embed schema1.sql
var step1 string

// oldest is the oldest server that knows what the session asks for.
const oldest = 120_000

// makeTime bounds the making of tables. It is not an operation's timeout: who waits for it may give up earlier, and
// the tables are made all the same.
const makeTime = 30 * time.Second

// attempt is one try to make the tables, which everybody waits for.
type attempt struct {
	done chan struct{}
	err  error // after done
}

// ready returns when the tables are there.
func (s *Store) ready(ctx context.Context) error {
	if s.schema.is.Load() {
		return nil
	}
	s.schema.mu.Lock()
	a := s.schema.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		s.schema.attempt = a
		go s.try(context.WithoutCancel(ctx), a)
	}
	s.schema.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) try(ctx context.Context, a *attempt) {
	ctx, cancel := context.WithTimeout(ctx, makeTime)
	defer cancel()
	a.err = s.make(ctx)
	s.schema.mu.Lock()
	s.schema.attempt = nil
	s.schema.is.Store(a.err == nil)
	s.schema.mu.Unlock()
	close(a.done)
}

// make looks for the tables and makes what is missing. Looking writes nothing, so that a server which may
// only be read can be read.
func (s *Store) make(ctx context.Context) error {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if err := s.judge(ctx, c.Conn()); err != nil {
		return err
	}
	version, err := s.version(ctx, c.Conn())
	if err != nil || version == len(steps) {
		return err
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		// Of several processes that start at once, one makes the tables and the others find them.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('sluice kv ' || $1, 0))`, s.schema.name); err != nil {
			return err
		}
		version, err := s.version(ctx, tx.Conn())
		if err != nil {
			return err
		}
		if version == 0 {
			if err := s.create(ctx, tx); err != nil {
				return err
			}
		}
		for _, step := range steps[version:] {
			if _, err := tx.Conn().PgConn().Exec(ctx, in(s.schema.name, step)).ReadAll(); err != nil {
				return fmt.Errorf("making tables: %w", err)
			}
		}
		_, err = tx.Exec(ctx, in(s.schema.name, `INSERT INTO NS.meta VALUES ('version', $1) ON CONFLICT (name) DO UPDATE SET v = excluded.v`), len(steps))
		return err
	})
}

// create makes the schema if nobody did: one that is there may belong to somebody who lets us make tables.
func (s *Store) create(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, s.schema.name).Scan(&there); err != nil || there {
		return err
	}
	if _, err := tx.Exec(ctx, `CREATE SCHEMA `+quoted(s.schema.name)); err != nil {
		return fmt.Errorf("making schema %s: %w", s.schema.name, err)
	}
	return nil
}

// version returns how many steps the tables have behind them; 0 if there are none. It reads the catalogue as a table: the
// functions that look up a name may answer from memory what was true before the lock was granted.
func (s *Store) version(ctx context.Context, c *pgx.Conn) (int, error) {
	var there bool
	err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = 'meta')`, s.schema.name).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	var version int
	err = c.QueryRow(ctx, in(s.schema.name, `SELECT v FROM NS.meta WHERE name = 'version'`)).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err == nil && version > len(steps) {
		return 0, fmt.Errorf("%w: version %d, this program knows %d: %w", ErrNewer, version, len(steps), kv.ErrUnavailable)
	}
	return version, err
}

// judge refuses a server that is too old, and tells of settings with which less is promised.
func (s *Store) judge(ctx context.Context, c *pgx.Conn) error {
	var version, fsync, delay string
	err := c.QueryRow(ctx, `SELECT current_setting('server_version_num'), current_setting('fsync'),
		(SELECT setting FROM pg_settings WHERE name = 'wal_writer_delay')`).Scan(&version, &fsync, &delay)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(version); err != nil || n < oldest {
		return fmt.Errorf("server version %s, want at least %d", version, oldest)
	}
	if fsync != "on" {
		s.log.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL runs with fsync = off: a power failure can take everything")
	}
	// A commit that does not wait is on disk after three of these at the latest.
	if ms, err := strconv.Atoi(delay); err == nil && ms > 333 {
		s.log.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL's wal_writer_delay is over 333ms: a crash can take more than the last second of relaxed rows")
	}
	return nil
}

// quoted is a schema's name as statements write it.
func quoted(namespace string) string { return pgx.Identifier{namespace}.Sanitize() }

// in puts the schema's name into a statement.
func in(namespace, sql string) string { return strings.ReplaceAll(sql, "NS.", quoted(namespace)+".") }
