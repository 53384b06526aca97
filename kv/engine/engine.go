// Package engine is the key-value store that scripts and server see: it knows for each
// prefix what its class is, keeps what may be volatile in memory, and caches what may be
// cached in front of the backend.
//
//	Get ── cacheable? ──> ristretto, if the stripe's generation is still the entry's
//	          │                │ no
//	          │                ▼
//	          └──────────> backend                           counters, values
//	relaxed ─────────────> cells in memory, if there is one for the key, written behind;
//	                       else as above
//	volatile ────────────> memory                            rate limits, counters
//	leases ──────────────> memory, with a copy in the backend where they are durable
//
// It promises what kv.Store does, also for cached rows: a read never returns what was
// overwritten before it began, however late, lost or reordered ristretto's own work is
// (generation.go says why). Counters, allowances and leases are never cached.
//
// Relaxed prefixes are written behind an embedded backend's back (relaxed.go); any other backend
// gives them its own class.
// A backend that several processes write to is opened with Shared: then nothing is kept in
// memory, only what may be a little stale is cached (shared.go), and a guard bounds what a
// server that is slow or away can cost (guard.go).
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// Options says how an engine is made.
type Options struct {
	// Path is the file of the embedded backend; New does not use it.
	Path string
	// Now is the time; nil is the machine's clock.
	Now func() time.Time
	// CacheBytes bounds the cache, about; default 32 MiB, negative is no cache.
	CacheBytes int64
	// MaxVolatile is the most rows in memory of one prefix; default 1,000,000.
	MaxVolatile int
	// MaxDirtyRows and MaxDirtyOctets bound what relaxed writes may leave to be written later;
	// beyond that they wait. As much again is kept for reading. Defaults: 200,000 and 64 MiB.
	MaxDirtyRows   int
	MaxDirtyOctets int64
	// Shared says that other processes write to the backend, too: it is a server, which may be
	// slow or away. The fields below it are for such a backend.
	Shared bool
	// Name is the store's id, for errors.
	Name string
	// Timeout bounds a call on named keys; default 200 ms. Calls that walk through rows have
	// 10 s for each page or step.
	Timeout time.Duration
	// BreakerFailures is after how many calls in a row without an answer the store is left
	// alone; default 5.
	BreakerFailures int
	// BreakerPause is for how long, about; default 1 s, and twice as long each time that it
	// does not answer then, up to 30 s.
	BreakerPause time.Duration
	// Logger hears of trouble; default none. Which store it is about, the logger has to say.
	Logger *slog.Logger

	tune tuning
}

// Engine is a kv.Store. Its methods may be called from many goroutines.
type Engine struct {
	backend kv.Store
	guard   *guard         // the backend, if it is shared or limited
	volatil *memory.Store  // nil if shared
	keeper  kv.LeaseKeeper // nil if leases belong to the backend alone
	clock   *kv.Clock
	cache   *cache   // nil if there is none
	relaxed *relaxed // nil if relaxed prefixes are written at once
	log     *slog.Logger
	fences  fences

	owner     *os.File // the locked file of an embedded engine
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

var (
	_ kv.Store       = (*Engine)(nil)
	_ kv.LeaseReader = (*Engine)(nil)
)

// Open opens the embedded engine: a SQLite file that belongs to this process alone while
// it is open. It returns ErrOwned if another process has it, and ErrNetworkFS.
func Open(ctx context.Context, o Options) (*Engine, error) {
	path, owner, err := claim(o.Path)
	if err != nil {
		return nil, err
	}
	if err := finishRestore(path, o.Logger); err != nil {
		return nil, errors.Join(err, owner.Close())
	}
	backend, err := sqlite.Open(ctx, path, sqlite.Options{Now: o.Now, Logger: o.Logger})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("kv/engine: open: %w", err), owner.Close())
	}
	e, err := New(backend, o)
	if err != nil {
		return nil, errors.Join(err, backend.Close(), owner.Close())
	}
	e.owner = owner
	return e, nil
}

// New puts an engine in front of backend, which belongs to it from then on.
func New(backend kv.Store, o Options) (*Engine, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{backend: backend, log: o.Logger}
	if _, limited := backend.(kv.Limited); o.Shared || limited {
		e.guard = newGuard(backend, o)
		e.backend = e.guard
	}
	if o.Shared {
		return e.share(o)
	}
	if timed, ok := backend.(interface{ Clock() *kv.Clock }); ok {
		e.clock = timed.Clock()
	} else {
		e.clock = kv.NewClock(o.Now, 0)
	}
	e.keeper, _ = backend.(kv.LeaseKeeper)
	m := memory.Options{Clock: e.clock, MaxRows: o.MaxVolatile}
	if e.keeper != nil {
		e.fences.keeper = e.keeper
		m.Fences = e.fences.next
	}
	e.volatil = memory.New(m)
	if err := e.restoreLeases(); err != nil {
		return nil, fmt.Errorf("kv/engine: open: %w", err)
	}
	if o.CacheBytes >= 0 {
		var err error
		if e.cache, err = newCache(o.CacheBytes, backend, e.clock, o.Now == nil); err != nil {
			return nil, fmt.Errorf("kv/engine: open: %w", err)
		}
	}
	e.relaxed = newRelaxed(e, backend, o)
	return e, nil
}

// at returns the store that has p's values, counters and allowances.
func (e *Engine) at(p kv.Prefix) kv.Store {
	if e.volatil != nil && p.Info().Class == kv.Volatile {
		return e.volatil
	}
	return e.backend
}

// cached reports whether rows of p go through the cache.
func (e *Engine) cached(p kv.Prefix) bool {
	if e.cache == nil {
		return false
	}
	info := p.Info()
	return info.Cacheable && (e.cache.remote == nil || info.StaleOK > 0)
}

// change runs fn, which writes to k. While it runs, k is read from the backend only, and
// what the cache has of k is dead from then on.
func (e *Engine) change(k kv.Key, fn func(s kv.Store) error) error {
	if e.closed.Load() {
		return kv.ErrClosed
	}
	if err := k.Check(); err != nil {
		return err
	}
	s := e.at(k.Prefix)
	if !e.cached(k.Prefix) {
		return fn(s)
	}
	g := e.cache.generation(k)
	g.begin()
	defer g.end()
	return fn(s)
}

// Flush returns when every acknowledged write is durable.
func (e *Engine) Flush(ctx context.Context) error {
	if e.closed.Load() {
		return kv.ErrClosed
	}
	if err := e.written(ctx); err != nil {
		return err
	}
	return e.backend.Flush(ctx)
}

// written returns when the backend has every acknowledged write of the relaxed class.
func (e *Engine) written(ctx context.Context) error {
	if e.relaxed == nil {
		return nil
	}
	return e.relaxed.flush(ctx)
}

// Close flushes and releases backend and file.
func (e *Engine) Close() error {
	e.closeOnce.Do(func() {
		e.closed.Store(true)
		if e.relaxed != nil {
			e.closeErr = e.relaxed.close()
		}
		if e.cache != nil {
			e.cache.close()
		}
		if e.volatil != nil {
			e.closeErr = errors.Join(e.closeErr, e.volatil.Close())
		}
		e.closeErr = errors.Join(e.closeErr, e.backend.Close())
		if e.owner != nil {
			e.closeErr = errors.Join(e.closeErr, e.owner.Close()) // and with it the lock
		}
	})
	return e.closeErr
}

// BackupTo writes a copy of one moment of the backend to path, if it can do that. It has every
// write that was acknowledged before.
func (e *Engine) BackupTo(ctx context.Context, path string) error {
	backend := e.backend
	if e.guard != nil {
		backend = e.guard.backend
	}
	b, ok := backend.(interface {
		BackupTo(ctx context.Context, path string) error
	})
	if !ok {
		return fmt.Errorf("kv/engine: backup: %w", kv.ErrUnsupported)
	}
	if err := e.written(ctx); err != nil {
		return err
	}
	return b.BackupTo(ctx, path)
}
