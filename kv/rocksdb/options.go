//go:build rocksdb

package rocksdb

import (
	"sync/atomic"

	"github.com/linxGnu/grocksdb"
)

const (
	defaultCache  = 16 << 20
	defaultBuffer = 8 << 20
	minBuffer     = 64 << 10
)

// native is what RocksDB was opened with: memory that Go does not free.
type native struct {
	cache  *grocksdb.Cache
	table  *grocksdb.BlockBasedTableOptions
	opts   *grocksdb.Options
	read   *grocksdb.ReadOptions
	walk   *grocksdb.ReadOptions // of scans: they leave the cache alone
	synced *grocksdb.WriteOptions
	lazy   *grocksdb.WriteOptions // of what may be lost in a crash
}

// newNative makes the options. The binding keeps a filter for ever, some hundred octets for each Open.
func newNative(o Options, f *filter) *native {
	n := &native{
		cache:  grocksdb.NewLRUCache(uint64(o.Cache)),
		table:  grocksdb.NewDefaultBlockBasedTableOptions(),
		opts:   grocksdb.NewDefaultOptions(),
		read:   grocksdb.NewDefaultReadOptions(),
		walk:   grocksdb.NewDefaultReadOptions(),
		synced: grocksdb.NewDefaultWriteOptions(),
		lazy:   grocksdb.NewDefaultWriteOptions(),
	}
	n.table.SetBlockCache(n.cache)
	n.table.SetCacheIndexAndFilterBlocks(true)
	n.table.SetPinL0FilterAndIndexBlocksInCache(true)
	n.table.SetFilterPolicy(grocksdb.NewBloomFilterFull(10))

	n.opts.SetBlockBasedTableFactory(n.table)
	n.opts.SetCreateIfMissing(true)
	n.opts.SetParanoidChecks(true)
	n.opts.SetCompactionFilter(f)
	n.opts.SetCompression(grocksdb.LZ4Compression)
	// A record that a crash cut off at the end was never acknowledged. Damage anywhere else is an error:
	// the default would go on with what stands before it, and silently lose the rest.
	n.opts.SetWALRecoveryMode(grocksdb.TolerateCorruptedTailRecordsRecovery)
	n.opts.SetWriteBufferSize(uint64(o.Buffer))
	n.opts.SetMaxWriteBufferNumber(3)
	n.opts.SetMaxTotalWalSize(uint64(8 * o.Buffer))
	n.opts.SetTargetFileSizeBase(uint64(max(o.Buffer, 2<<20)))
	n.opts.SetMaxBytesForLevelBase(uint64(4 * max(o.Buffer, 2<<20)))
	n.opts.SetMaxOpenFiles(256)
	n.opts.SetMaxBackgroundJobs(2)
	n.opts.SetInfoLogLevel(grocksdb.WarnInfoLogLevel)
	n.opts.SetMaxLogFileSize(1 << 20)
	n.opts.SetKeepLogFileNum(4)
	n.opts.SetStatsDumpPeriodSec(0)
	n.opts.SetStatsPersistPeriodSec(0)

	n.walk.SetFillCache(false)
	n.synced.SetSync(true)
	return n
}

// free gives everything back. The database must be closed.
func (n *native) free() {
	n.opts.Destroy()
	n.table.Destroy()
	n.cache.Destroy()
	n.read.Destroy()
	n.walk.Destroy()
	n.synced.Destroy()
	n.lazy.Destroy()
}

// filter drops expired rows while RocksDB rewrites files. RocksDB's own threads call it.
//
// floor is the latest time of the store's clock that is on disk, in unix ms: after no crash the clock is behind it.
type filter struct{ floor atomic.Int64 }

// Filter reports whether a row is gone for every reader, now and later.
func (f *filter) Filter(_ int, key, val []byte) (remove bool, newVal []byte) {
	if len(key) == 0 || key[0] == spaceMeta {
		return false, nil
	}
	exp, ok := expiry(val)
	return ok && exp != 0 && exp <= f.floor.Load(), nil
}

// Name is for RocksDB's log.
func (f *filter) Name() string { return "sluice.expired" }

// SetIgnoreSnapshots does nothing: filters never look at snapshots.
func (f *filter) SetIgnoreSnapshots(bool) {}

// Destroy does nothing: there is no memory outside of Go.
func (f *filter) Destroy() {}
