package kv

import (
	"context"
	"errors"
	"time"
)

// Change is a row as it shall be from now on.
type Change struct {
	Key   Key
	Value Value // nil Bytes: absent
}

// Batcher is implemented by stores that can write many rows in one durable commit, for an
// engine of the same process that decides in memory what they are.
type Batcher interface {
	// Apply makes all changes or none. Expiries are absolute, in the store's time.
	Apply(ctx context.Context, changes []Change) error
}

// Limited is implemented by stores that can keep only some prefixes.
type Limited interface {
	// Serves returns nil if the store can keep what p's line says, else ErrUnsupported with the
	// reason.
	Serves(p Info) error
}

// IsUnavailable reports whether err says that the store did not answer, or not in time.
func IsUnavailable(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// FailsOpen reports whether the server's own use of p goes on as if the row were absent, after its
// store answered with err. Any other use of p ends with err.
func (p Prefix) FailsOpen(err error) bool {
	return IsUnavailable(err) && p.Info().Unreachable == FailOpen
}

// Bounded returns the time that an expiry leaves at now, at least a millisecond: what a store
// that counts from now has to be told. The zero expiry is 0, for ever.
func Bounded(expires, now time.Time) time.Duration {
	if expires.IsZero() {
		return 0
	}
	return max(expires.Sub(now).Truncate(time.Millisecond), time.Millisecond)
}
