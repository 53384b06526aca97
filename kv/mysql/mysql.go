// Package mysql is the kv.Store on a MySQL or MariaDB server that several machines share.
//
//	<namespace>_rows   k, sub -> n, v, size, expires, fence
//	<namespace>_meta   name   -> val           the tables' version, the floor of fences
//
// k is the prefix's octet and the name; sub tells what is under one key apart: "" is the value or counter, "L" the
// lease, "R" and a rule its allowance. A value that kv.ParseCounter reads stands in n, any other in v, so counting is
// arithmetic of the server and Go alone decides what a number is. expires is in unix milliseconds; 0 is never, 1 is a
// row that was given up. There is no index on it: Purge walks the primary key.
//
//	Get, Set, Add, Incr, Delete ...   one statement, committed by itself, on one row by its primary key
//	Rate, Lock                        one that reads, one that writes if nothing has changed since
//
// Invariants: time is the server's and one moment within a statement: a read takes it before it looks, so a row that is
// written anew never looks expired; a write takes it when it has the row, so no row expires while it waits. A row whose
// time is over is absent for every statement. A statement that may have run is never sent again. Everything is as
// durable as the server's commits are: see DESIGN.md.
package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/sluice-mail/sluice/kv"
)

// Options says where the server is. Everything but URLs has a default.
type Options struct {
	// URLs is one: mysql://user@host:3306/database or mysql://user@localhost/database?socket=/path. A parameter tls is
	// true, false, preferred or skip-verify.
	URLs []string
	// Username and Password go over what the URL says.
	Username, Password string
	// TLS goes over what the URL says.
	TLS *tls.Config
	// Namespace is how the tables' names begin, at most 48 letters, digits and _; default "sluice".
	Namespace string
	// Timeout bounds dialling and each call whose context has no deadline; default 1s.
	Timeout time.Duration
	// Pool is the most connections; default 16.
	Pool int
	// Now is the time that rows are judged by. Nil is the server's clock, so that several machines agree.
	Now func() time.Time
	// Logger hears of settings of the server that weaken a promise; default none.
	Logger *slog.Logger
}

// Store is a kv.Store on a server. Its methods may be called from many goroutines.
type Store struct {
	db      *sql.DB
	clock   *kv.Clock // nil: the server's
	timeout time.Duration
	log     *slog.Logger
	tables  names

	statements statements
	schema     schema
	turns      [turns]chan struct{}
	tries      int // of an optimistic write, before the row is locked
	trash      trash
	purge      purgePlace

	closed atomic.Bool
	life   context.Context // of what goes on beside calls
	end    context.CancelFunc
	beside sync.WaitGroup
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
)

// Defaults of Options.
const (
	defaultNamespace = "sluice"
	defaultTimeout   = time.Second
	defaultPool      = 16
	maxPool          = 10_000
)

// Open refuses settings that cannot work. It does not ask the server: connections and tables are made when they are
// needed, and until the server is there calls return kv.ErrUnavailable. Ping asks.
func Open(_ context.Context, o Options) (*Store, error) {
	s, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("kv/mysql: open: %w", err)
	}
	return s, nil
}

func open(o Options) (*Store, error) {
	if len(o.URLs) != 1 {
		return nil, fmt.Errorf("%w: %d urls, want one", kv.ErrInvalid, len(o.URLs))
	}
	c, err := ParseURL(o.URLs[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kv.ErrInvalid, err)
	}
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
	}
	if err := checkNamespace(o.Namespace); err != nil {
		return nil, fmt.Errorf("%w: %w", kv.ErrInvalid, err)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Pool == 0 {
		o.Pool = defaultPool
	}
	if o.Timeout < 0 || o.Pool < 0 || o.Pool > maxPool {
		return nil, fmt.Errorf("%w: timeout %v, pool of %d; want a timeout above 0 and a pool of 1 to %d", kv.ErrInvalid, o.Timeout, o.Pool, maxPool)
	}
	if o.Username != "" {
		c.User = o.Username
	}
	if o.Password != "" {
		c.Passwd = o.Password
	}
	if c.User == "" {
		return nil, fmt.Errorf("%w: no user name", kv.ErrInvalid)
	}
	if o.TLS != nil {
		c.TLS = o.TLS.Clone()
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// What the driver reports comes back as errors, too.
	c.Logger = &driver.NopLogger{}
	// Then the count of a conditional UPDATE is of rows that met the condition, changed or not.
	c.ClientFoundRows = true
	inner, err := driver.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("%w: url does not say how to connect", kv.ErrInvalid)
	}
	s := &Store{
		db:      sql.OpenDB(&connector{inner: inner, timeout: o.Timeout, log: log}),
		timeout: o.Timeout,
		log:     log,
		tables:  names{rows: "`" + o.Namespace + "_rows`", meta: "`" + o.Namespace + "_meta`"},
		tries:   optimisticTries,
		trash:   trash{keys: make([][]byte, 0, trashKeys)},
		purge:   newPurgePlace(),
	}
	s.db.SetMaxOpenConns(o.Pool)
	s.db.SetMaxIdleConns(o.Pool)
	s.db.SetConnMaxIdleTime(5 * time.Minute)
	if o.Now != nil {
		s.clock = kv.NewClock(o.Now, 0)
	}
	for i := range s.turns {
		s.turns[i] = make(chan struct{}, 1)
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Ping asks the server and makes the tables if they are not there.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "ping", func(ctx context.Context) error { return s.db.PingContext(ctx) })
}

// Flush does nothing: every acknowledged write is committed.
func (s *Store) Flush(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("kv/mysql: flush: %w", kv.ErrClosed)
	}
	return ctx.Err()
}

// Close gives the connections back. Calls that are under way come to their end.
func (s *Store) Close() error {
	s.schema.mu.Lock() // so that nobody begins to make tables from here on
	was := s.closed.Swap(true)
	s.schema.mu.Unlock()
	if was {
		return nil
	}
	s.end()
	err := s.db.Close()
	s.beside.Wait()
	if err != nil {
		return fmt.Errorf("kv/mysql: close: %w", errors.New("a connection did not close"))
	}
	return nil
}

// call runs fn with a bounded context and the tables in place, and says in the words of package kv what went wrong.
func (s *Store) call(ctx context.Context, act string, fn func(ctx context.Context) error) error {
	if s.closed.Load() {
		return fmt.Errorf("kv/mysql: %s: %w", act, kv.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("kv/mysql: %s: %w", act, err)
	}
	bounded := ctx
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	err := s.ready(bounded)
	if err == nil {
		err = s.deadlocks(bounded, fn)
	}
	if err == nil {
		return nil
	}
	return s.fail(ctx, act, err)
}
