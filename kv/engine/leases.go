package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// With an embedded backend the memory decides about all leases: asking whether one is
// held costs no write. A durable lease is also written to the backend before it is
// acknowledged, and put back into memory when the file is opened again, so a crash does
// not open a lock that somebody outside still relies on.

// durable reports whether a lease has to survive a crash.
func durable(k kv.Key, asked bool) bool { return asked || k.Prefix.Info().Class == kv.Durable }

// leases returns the store that decides about leases.
func (e *Engine) leases() kv.Store {
	if e.keeper != nil {
		return e.volatil
	}
	return e.backend
}

// restoreLeases puts the durable leases of the file into memory.
func (e *Engine) restoreLeases() error {
	if e.keeper == nil {
		return nil
	}
	all, err := e.keeper.Leases(context.Background())
	for _, l := range all {
		e.volatil.Restore(l)
	}
	return err
}

// Lock takes the lease of k for ttl, or returns kv.ErrLocked.
func (e *Engine) Lock(ctx context.Context, k kv.Key, ttl time.Duration, asked bool) (kv.Lease, error) {
	keep := durable(k, asked)
	l, err := e.leases().Lock(ctx, k, ttl, keep)
	if err != nil || !keep || e.keeper == nil {
		return l, err
	}
	if err := e.keeper.SaveLease(ctx, l); err != nil {
		return kv.Lease{}, errors.Join(err, e.volatil.Unlock(context.WithoutCancel(ctx), l))
	}
	return l, nil
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (e *Engine) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	next, err := e.leases().Renew(ctx, l, ttl)
	if err != nil || e.keeper == nil || !e.volatil.Durable(l.Key) {
		return next, err
	}
	if err := e.keeper.SaveLease(ctx, next); err != nil {
		return kv.Lease{}, err
	}
	return next, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (e *Engine) Unlock(ctx context.Context, l kv.Lease) error {
	if e.keeper == nil {
		return e.backend.Unlock(ctx, l)
	}
	copied := e.volatil.Durable(l.Key)
	if err := e.volatil.Unlock(ctx, l); err != nil || !copied {
		return err
	}
	// A copy that is over. If another caller was faster and has the lock already, its
	// copy has the larger fence and stays.
	l.Expires = time.UnixMilli(1)
	return e.keeper.SaveLease(ctx, l)
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (e *Engine) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if r, ok := e.leases().(kv.LeaseReader); ok {
		return r.Lease(ctx, k)
	}
	return kv.Lease{}, kv.ErrUnsupported
}

// copies counts the running leases of which memory and backend both have a row.
func (e *Engine) copies(ctx context.Context, p kv.Prefix, name string) (n int, err error) {
	if e.keeper == nil {
		return 0, nil
	}
	all, err := e.keeper.Leases(ctx)
	for _, l := range all {
		if l.Key.Prefix == p && strings.HasPrefix(l.Key.Name, name) {
			n++
		}
	}
	return n, err
}

// fenceBlock is how many fencing numbers are reserved in the file at a time. A restart
// skips what is left of a block.
const fenceBlock = 1 << 20

// fences gives out fencing numbers of blocks that are reserved on disk.
type fences struct {
	keeper kv.LeaseKeeper

	mu        sync.Mutex
	last, end uint64
}

func (f *fences) next() (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == f.end {
		after, err := f.keeper.ReserveFences(context.Background(), fenceBlock)
		if err != nil {
			return 0, err
		}
		f.last, f.end = after, after+fenceBlock
	}
	f.last++
	return f.last, nil
}
