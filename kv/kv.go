// Package kv is the key-value contract that scripts and server stand on: what a
// store does, the table of prefixes, rate rules and lock leases.
//
// A key is a prefix (an unsigned number of the table in prefix.go) and a name
// (bytes). Every operation on one key is linearizable. An expired row is absent
// from the moment it expires, purged or not.
package kv

import (
	"context"
	"errors"
	"time"
)

// Limits of every store, in octets; a larger key or value is refused with
// ErrTooLarge before anything is written.
const (
	MaxName  = 1 << 10
	MaxValue = 1 << 20
)

// Limits of one call. GetMany refuses more keys; List gives shorter pages.
const (
	MaxMany       = 1000
	MaxPage       = 10_000
	MaxPageOctets = 8 << 20
)

var (
	// ErrNotFound says that the key is absent or its time is over.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge says that a name or value is over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrNotCounter says that a counter operation met a value that is no counter.
	ErrNotCounter = errors.New("value is not a counter")
	// ErrLocked says that somebody else holds the lease.
	ErrLocked = errors.New("locked by another owner")
	// ErrNotOwner says that the lease is not, or no longer, the caller's.
	ErrNotOwner = errors.New("lease is not held by this owner")
	// ErrUnavailable says that the store cannot be reached; the operation may be tried later.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnsupported says that this backend cannot do the operation at all.
	ErrUnsupported = errors.New("not supported by this store")
	// ErrInvalid says that an argument is outside what the contract allows.
	ErrInvalid = errors.New("invalid argument")
	// ErrOverflow says that a counter would leave the 64-bit numbers; it keeps its old one.
	ErrOverflow = errors.New("counter overflow")
	// ErrFull says that the store holds as many rows as it may.
	ErrFull = errors.New("store is full")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Key names one row.
type Key struct {
	Prefix Prefix
	Name   string // any bytes, at most MaxName
}

// Value is what a row holds. Bytes are shared: neither side changes them.
type Value struct {
	Bytes   []byte
	Expires time.Time // zero: never
	Fence   uint64    // largest fencing number that wrote the row; 0: none did
}

// Item is a row with its name, as List returns it.
type Item struct {
	Key   Key
	Value Value
}

// Store is a key-value store. All methods may be called from many goroutines.
//
// Under one key there may be a value or counter, allowances (one for each rule), and
// a lease; they do not touch each other. Get, List and GetMany see values and counters;
// Delete, DeletePrefix, Purge and Stats mean all of them.
//
// A ttl of 0 means no expiry; a negative one is an error. Durations are exact to
// the millisecond, counted from one moment within the call. The prefix's class (see Prefix.Info) decides when a write is
// acknowledged; a store without that class gives the next stronger one.
type Store interface {
	// Get returns the value under k, or ErrNotFound.
	Get(ctx context.Context, k Key) (Value, error)
	// GetMany returns one value per key, in their order; an absent one has nil Bytes.
	// A present empty value has non-nil empty Bytes.
	GetMany(ctx context.Context, ks []Key) ([]Value, error)
	// Set writes the value, replacing what was there and its expiry.
	Set(ctx context.Context, k Key, v []byte, ttl time.Duration) error
	// SetFenced is Set for a caller that holds a lease with this fencing number: it returns
	// ErrNotOwner if a larger one has written the row. The row remembers the number as long
	// as it lives, also when Set, CompareAndSwap or Incr change it. SetOwned looks at the lease, too.
	SetFenced(ctx context.Context, k Key, v []byte, ttl time.Duration, fence uint64) error
	// Add writes the value only if the key is absent, and says whether it did.
	Add(ctx context.Context, k Key, v []byte, ttl time.Duration) (bool, error)
	// CompareAndSwap writes next only if the key holds old (nil: is absent), and says
	// whether it did. The expiry becomes ttl from now.
	CompareAndSwap(ctx context.Context, k Key, old, next []byte, ttl time.Duration) (bool, error)
	// Delete removes the key and says whether it was there.
	Delete(ctx context.Context, k Key) (bool, error)
	// DeletePrefix removes every key of p whose name starts with name and returns how many.
	DeletePrefix(ctx context.Context, p Prefix, name string) (int, error)
	// List returns up to limit live items of p whose names start with name, in byte
	// order, beginning after the cursor ("": from the start), and the cursor for the
	// next page, which is "" at the end. A cursor is text that callers do not look into;
	// stores make it with Cursor. Rows that live from
	// the first page to the last are seen exactly once.
	List(ctx context.Context, p Prefix, name, cursor string, limit int) (items []Item, next string, err error)

	// Incr adds by to the counter under k and returns the new number. An absent
	// counter starts at 0 and takes its expiry from ttl; a later Incr leaves the
	// expiry alone. A counter is stored as decimal ASCII; overflow is an error.
	Incr(ctx context.Context, k Key, by int64, ttl time.Duration) (int64, error)
	// Counter returns the number under k; absent is 0.
	Counter(ctx context.Context, k Key) (int64, error)

	// Rate asks rule for cost units of k's allowance and takes them if it is allowed.
	// With peek nothing is taken. Each rule has an allowance of its own under k.
	Rate(ctx context.Context, k Key, rule Rule, cost int64, peek bool) (Decision, error)

	// Lock takes the lease of k for ttl, or returns ErrLocked. The lease carries a
	// random owner token and a fencing number that grows for ever per key. A key
	// that is locked with durable set survives a crash of this process.
	Lock(ctx context.Context, k Key, ttl time.Duration, durable bool) (Lease, error)
	// Renew extends the lease to ttl from now, or returns ErrNotOwner.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Unlock gives the lease up, or returns ErrNotOwner.
	Unlock(ctx context.Context, l Lease) error

	// Purge removes expired rows, looking at no more than a few milliseconds' worth of
	// rows, and returns how many it removed and whether there is more to look at. It
	// keeps its place from call to call.
	Purge(ctx context.Context) (removed int, more bool, err error)
	// Stats counts live rows and octets by prefix.
	Stats(ctx context.Context) ([]PrefixStats, error)
	// Flush returns when every acknowledged write of the relaxed class is durable.
	Flush(ctx context.Context) error
	// Close flushes and releases the store.
	Close() error
}

// Lease is a held lock.
type Lease struct {
	Key     Key
	Owner   string // random, 128 bits, hex
	Fence   uint64
	Expires time.Time
}

// PrefixStats is one line of Stats.
type PrefixStats struct {
	Prefix Prefix
	Rows   int64
	Octets int64
}
