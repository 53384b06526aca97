// Package postgres is the kv.Store on a PostgreSQL server, which several machines may share.
//
//	schema "sluice"
//	  kv     k -> v or n, exp, fence     values, and counters as numbers
//	  rate   k, rule -> state, exp       allowances; unlogged
//	  lease  k -> owner, fence, exp, durable
//	  meta   version · flush
//	  boot   one row, unlogged: a crash empties it, and the next lease notices
//	  fences a sequence
//
// k is the prefix's octet and the name as bytea, which sorts by octet; exp is in unix milliseconds, 0 is never.
// There is no index on exp: a purge walks the primary key, and writes stay cheap.
//
// Every operation is one statement, or one function of ours, in one round trip and a transaction of its own.
// Rows are judged by the server's clock at the moment that the statement arrived, before its snapshot was taken:
// the other way round a row could be taken for expired that was written anew in between.
//
// No statement locks two rows in an order of its own, so there are no deadlocks, and each needs nothing but READ
// COMMITTED, so none fails for its neighbours. DESIGN.md says what a crash takes.
package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sluice-mail/sluice/kv"
)

// Options says where the rows are. One URL is needed, the rest may be zero.
type Options struct {
	// URLs holds one URL, postgres://user@host:port/database or postgres:///database?host=/directory/of/socket.
	// It may name several hosts of one cluster and target_session_attrs=read-write.
	URLs []string
	// Username and Password go over what the URL says.
	Username, Password string
	// TLS goes over what the URL says; with it there is no connection without TLS, except on a unix socket.
	TLS *tls.Config
	// Namespace is the schema, which keeps several users of one database apart: letters, digits, _ and -.
	// Default sluice.
	Namespace string
	// Timeout bounds a connect, and an operation whose context has no deadline. Default 1s.
	Timeout time.Duration
	// Pool is how many connections there are at most. Default 16.
	Pool int
	// Now is the time that rows are judged by; nil is the server's clock, so that several machines agree.
	Now func() time.Time
	// Logger hears of a server whose settings weaken what is promised. Default none.
	Logger *slog.Logger
}

// Store is a kv.Store in a schema of a PostgreSQL database. Its methods may be called from many goroutines.
type Store struct {
	pool    *pgxpool.Pool
	q       statements
	clock   *kv.Clock // nil: the server's
	timeout time.Duration
	log     *slog.Logger
	closed  atomic.Bool

	schema schema
	purge  purge
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
)

// Open prepares a store. It refuses bad settings, but connects when the store is first used: until the
// server is there, operations return kv.ErrUnavailable.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := o.config()
	if err != nil {
		return nil, fmt.Errorf("kv/postgres: open: %w", err)
	}
	return open(ctx, o, config)
}

func open(ctx context.Context, o Options, config *pgxpool.Config) (*Store, error) {
	s := &Store{q: statementsIn(o.Namespace), timeout: o.Timeout, log: o.Logger}
	if o.Now != nil {
		s.clock = kv.NewClock(o.Now, 0)
	}
	s.schema.name = o.Namespace
	s.purge.reset()
	var err error
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("kv/postgres: open: %w", err)
	}
	return s, nil
}

// Ping asks whether the store can be used: the server answers, and the tables are there.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "ping", s.pool.Ping)
}

// Close ends the connections. It waits for operations that are under way, though not for a server that
// does not answer.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	done := make(chan struct{})
	go func() {
		s.pool.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(s.timeout):
	}
	return nil
}

// do runs one operation with a bound on its time, and makes the tables before the first one. A failure that
// came before anything was sent is no reason to give up: that happens to connections which ended while idle.
func (s *Store) do(ctx context.Context, act string, op func(context.Context) error) error {
	if s.closed.Load() {
		return fmt.Errorf("kv/postgres: %s: %w", act, kv.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("kv/postgres: %s: %w", act, err)
	}
	bounded := ctx
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	err := s.ready(bounded)
	if err == nil {
		if err = op(bounded); err != nil && pgconn.SafeToRetry(err) && bounded.Err() == nil {
			s.pool.Reset()
			err = op(bounded)
		}
	}
	if err == nil {
		return nil
	}
	s.after(err)
	return s.fail(ctx, act, err)
}

// read is do for an operation that only reads, with the time that it goes by. Where the time is ours, the read is made again if time
// went on meanwhile: what it saw was then written later than its time, and may have been over when it was written. The server's
// own time and snapshot are so close that this cannot be.
func (s *Store) read(ctx context.Context, act string, op func(ctx context.Context, now any) error) error {
	return s.do(ctx, act, func(ctx context.Context) error {
		for range maxReads {
			now := s.now()
			if err := op(ctx, now); err != nil && !errors.Is(err, kv.ErrNotFound) || now == s.now() {
				return err
			}
		}
		return op(ctx, s.now())
	})
}

// maxReads bounds how often a read is made again.
const maxReads = 5

// now is the time of rows as a statement's argument: NULL is the server's.
func (s *Store) now() any {
	if s.clock == nil {
		return nil
	}
	return s.clock.Milli()
}

// nano is now in nanoseconds.
func (s *Store) nano() any {
	if s.clock == nil {
		return nil
	}
	return s.clock.Nano()
}

// later says that a write under p need not wait for the disk.
func later(p kv.Prefix) bool { return p.Info().Class != kv.Durable }

// Flush returns when every write that was acknowledged before is on disk: a commit that waits takes with it
// what was written to the log before it.
func (s *Store) Flush(ctx context.Context) error {
	return s.do(ctx, "flush", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, s.q.flush)
		return err
	})
}

// schema is what is known about the tables.
type schema struct {
	name    string
	is      atomic.Bool // they are there
	mu      sync.Mutex
	attempt *attempt // under way, or nil
}
