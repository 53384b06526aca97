// Package rocksdb is an embedded kv.Store of one process: a directory that RocksDB keeps. It needs the
// C++ library and is there only when the program was built with the tag rocksdb; without it, Open says so.
//
// One key space holds four, told apart by their first octet:
//
//	k prefix name              values and counters
//	r prefix name' 0 1 rule    allowances; in name' a 0 is written as 0 255, so that names end somewhere
//	l prefix name              leases
//	m …                        format · clock · fence · purge
//
// Rows of the first three begin alike: 1 version, 8 expiry in unix ms (0 never), 8 fence, then what the row holds.
//
// A call that changes one key holds the key's stripe from reading to commit. A commit is one synced write batch;
// RocksDB puts those of many callers into one fsync. Calls that change many keys at once (Purge, DeletePrefix) keep all
// others from writing for as long as a batch takes.
//
//	Set, Incr, Lock, … ──> gate (shared) ──> stripe of the key ──┐
//	Apply              ──> gate (shared) ──> stripes in order  ──┼──> synced write batch
//	Purge, DeletePrefix ─> gate (alone) ─────────────────────────┘
//	Get, List, Stats   ──> clock, then the row (never the other way round)
//
// Expiry: reads compare it, Purge walks all keys in small steps, and a compaction filter drops expired rows
// whenever RocksDB rewrites its files. The filter does not look at the time but at the high-water mark of the store's
// clock that is on disk: from no later state of the store can such a row be read, whatever happens to the machine's clock.
//
// Memory is bounded by Options: the cache also holds indexes and filters of files.
package rocksdb

import (
	"errors"
	"log/slog"
	"time"
)

// ErrNotBuilt says that this program has no RocksDB in it.
var ErrNotBuilt = errors.New("this program was built without RocksDB; build it with -tags rocksdb (needs librocksdb-dev 7.8)")

// Options says where the store is and what it may use.
type Options struct {
	// Path is the directory; it is made if it is not there, and belongs to one process at a time.
	Path string
	// Now is the time; nil is the machine's clock.
	Now func() time.Time
	// Cache is the most memory for parts of files, in octets. Default 16 MiB.
	Cache int64
	// Buffer is how much is written before it goes to a file, in octets; up to three times as much is in memory. Default
	// 8 MiB, at least 64 KiB.
	Buffer int64
	// Logger hears of I/O errors; default none.
	Logger *slog.Logger
}
