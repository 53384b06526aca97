package kv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ownerOctets is the size of an owner token, before it is written in hex.
const ownerOctets = 16

// randomness is asked for by the dozen: a lock costs less than a call of the kernel.
type randomness struct {
	octets [64 * ownerOctets]byte
	left   []byte
}

var ready = sync.Pool{New: func() any { return new(randomness) }}

// NewOwner returns a random owner token for a lease: 128 bits in hex.
func NewOwner() string {
	r := ready.Get().(*randomness)
	defer ready.Put(r)
	if len(r.left) == 0 {
		_, _ = rand.Read(r.octets[:]) // never fails; the program ends if the kernel has no randomness
		r.left = r.octets[:]
	}
	var text [2 * ownerOctets]byte
	hex.Encode(text[:], r.left[:ownerOctets])
	clear(r.left[:ownerOctets])
	r.left = r.left[ownerOctets:]
	return string(text[:])
}

// Holds reports whether l is the lease that row describes.
func (l Lease) Holds(row Lease) bool {
	return l.Key == row.Key && l.Owner == row.Owner && l.Fence == row.Fence
}

// LiveAt reports whether the lease still runs at now, in unix milliseconds.
func (l Lease) LiveAt(now int64) bool {
	return l.Expires.IsZero() || l.Expires.UnixMilli() > now
}

// Held says who holds a lease until when, without naming the owner.
func (l Lease) Held() error {
	if l.Expires.IsZero() {
		return fmt.Errorf("%w: %s for ever", ErrLocked, l.Key.Prefix)
	}
	return fmt.Errorf("%w: %s until %s", ErrLocked, l.Key.Prefix, l.Expires.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// LeaseReader is implemented by stores that can show a lease without taking it.
type LeaseReader interface {
	// Lease returns the running lease of k, or ErrNotFound.
	Lease(ctx context.Context, k Key) (Lease, error)
}

// SetOwned writes the value under k if l is the running lease of its key and no later owner has
// written k; else it returns ErrNotOwner.
//
// The lease and the row are two steps, since they may be on two machines. In between the lease can run
// out and somebody else can take it, but then its larger fence decides: what a later owner wrote is never
// overwritten.
func SetOwned(ctx context.Context, s Store, l Lease, k Key, v []byte, ttl time.Duration) error {
	r, ok := s.(LeaseReader)
	if !ok {
		return ErrUnsupported
	}
	is, err := r.Lease(ctx, l.Key)
	if errors.Is(err, ErrNotFound) || err == nil && !l.Holds(is) {
		return ErrNotOwner
	}
	if err != nil {
		return err
	}
	return s.SetFenced(ctx, k, v, ttl, l.Fence)
}

// LeaseKeeper is implemented by stores that keep durable copies of leases for an
// engine of the same process that decides about them in memory.
type LeaseKeeper interface {
	LeaseReader
	// SaveLease writes l in place of what is kept under its key, unless that has a
	// larger fence.
	SaveLease(ctx context.Context, l Lease) error
	// Leases returns all running leases.
	Leases(ctx context.Context) ([]Lease, error)
	// ReserveFences returns a number after which the next n fencing numbers were never
	// given out by this file and never will be by anybody else.
	ReserveFences(ctx context.Context, n uint64) (after uint64, err error)
}
