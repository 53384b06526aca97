//go:build rocksdb

package rocksdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

const stripes = 256

// Store is a kv.Store in a directory. Its methods may be called from many goroutines.
type Store struct {
	db     *grocksdb.DB
	native *native
	filter *filter // its floor is the clock that is on disk
	saving atomic.Bool
	clock  *kv.Clock
	logger *slog.Logger
	seed   maphash.Seed

	life   sync.RWMutex // shared by all calls under way; Close waits for them
	closed bool

	gate    sync.RWMutex // see the package comment
	stripes [stripes]sync.Mutex

	fences struct {
		sync.Mutex
		next, end uint64 // the numbers that this process may give out
		high      uint64 // the last number that the file has given to anybody
	}
	purge struct {
		sync.Mutex
		place []byte // the key behind which the next step begins
		round int    // rows removed in this round
	}
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseKeeper = (*Store)(nil)
	_ kv.Batcher     = (*Store)(nil)
)

// Rows of the meta space.
var (
	metaFormat = []byte("mformat")
	metaClock  = []byte("mclock")
	metaFence  = []byte("mfence")
	metaPurge  = []byte("mpurge")
)

const format = 1

// Open opens or makes the directory.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Cache == 0 {
		o.Cache = defaultCache
	}
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Path == "" || strings.ContainsRune(o.Path, 0):
		return nil, fmt.Errorf("kv/rocksdb: open: %w: path is missing or has a NUL", kv.ErrInvalid)
	case o.Cache < 0 || o.Buffer < minBuffer:
		return nil, fmt.Errorf("kv/rocksdb: open: %w: cache may not be negative, buffer has at least %d octets", kv.ErrInvalid, minBuffer)
	}
	if err := os.MkdirAll(o.Path, 0o700); err != nil {
		return nil, fmt.Errorf("kv/rocksdb: open: %w", err)
	}
	s := &Store{filter: &filter{}, logger: o.Logger, seed: maphash.MakeSeed()}
	s.native = newNative(o, s.filter)
	var err error
	if s.db, err = grocksdb.OpenDb(s.native.opts, o.Path); err != nil {
		s.native.free()
		return nil, openError(o.Path, err)
	}
	if err := s.load(o.Now); err != nil {
		s.release()
		return nil, openError(o.Path, err)
	}
	return s, nil
}

func openError(path string, err error) error {
	hint := ""
	switch text := err.Error(); {
	case strings.Contains(text, "lock hold by current process"), strings.Contains(text, "While lock file"):
		hint = " (it is in use)"
	case strings.HasPrefix(text, "Corruption"), strings.Contains(text, errRow.Error()):
		hint = " (it is damaged: restore a backup)"
	}
	return fmt.Errorf("kv/rocksdb: open %s%s: %w", path, hint, err)
}

// load reads what the directory remembers, and writes its format into a new one.
func (s *Store) load(now func() time.Time) error {
	is, err := s.meta(metaFormat)
	if err != nil {
		return err
	}
	if is == nil {
		it := s.db.NewIterator(s.native.walk)
		it.SeekToFirst()
		used, err := it.Valid(), it.Err()
		it.Close()
		if err != nil {
			return err
		}
		if used {
			return errors.New("the database in it was not made by this program")
		}
		if err := s.db.Put(s.native.synced, metaFormat, number(format)); err != nil {
			return err
		}
	} else if n, err := numberOf(is); err != nil {
		return err
	} else if n != format {
		return fmt.Errorf("format %d in it is not %d, which this program knows", n, format)
	}
	clock, err := s.metaNumber(metaClock)
	if err != nil {
		return err
	}
	s.filter.floor.Store(int64(clock))
	s.clock = kv.NewClock(now, int64(clock))
	if s.fences.high, err = s.metaNumber(metaFence); err != nil {
		return err
	}
	s.purge.place, err = s.meta(metaPurge)
	return err
}

// meta returns a row of the meta space, nil if there is none.
func (s *Store) meta(key []byte) ([]byte, error) {
	h, err := s.db.GetPinned(s.native.read, key)
	if err != nil {
		return nil, err
	}
	defer h.Destroy()
	return slices.Clone(h.Data()), nil
}

func (s *Store) metaNumber(key []byte) (uint64, error) {
	b, err := s.meta(key)
	if b == nil || err != nil {
		return 0, err
	}
	return numberOf(b)
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numberOf(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errRow
	}
	return binary.BigEndian.Uint64(b), nil
}

// begin keeps the store open until the returned function is called. It refuses calls on a closed store or
// with a context that is over.
func (s *Store) begin(ctx context.Context, act string) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("kv/rocksdb: %s: %w", act, err)
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return nil, fmt.Errorf("kv/rocksdb: %s: %w", act, kv.ErrClosed)
	}
	return s.life.RUnlock, nil
}

// fail names the act, and says whether the store or the caller is the reason.
func (s *Store) fail(act string, err error) error {
	if err == nil {
		return nil
	}
	for _, own := range []error{kv.ErrNotCounter, kv.ErrOverflow, kv.ErrInvalid, kv.ErrLocked, kv.ErrNotOwner, kv.ErrNotFound} {
		if errors.Is(err, own) {
			return err
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("kv/rocksdb: %s: %w", act, err)
	case strings.Contains(err.Error(), "No space left on device"), strings.Contains(err.Error(), "Disk quota exceeded"):
		err = fmt.Errorf("kv/rocksdb: %s: %w: %w", act, kv.ErrFull, err)
	default:
		err = fmt.Errorf("kv/rocksdb: %s: %w: %w", act, kv.ErrUnavailable, err)
	}
	s.logger.Error("the key-value store fails", "err", err)
	return err
}

// stripe returns which lock k has.
func (s *Store) stripe(k kv.Key) uint8 {
	return uint8(maphash.String(s.seed, k.Name)>>56) ^ uint8(k.Prefix)*151
}

// clockStep is how far the time on disk may be behind, in ms, when there are writes.
const clockStep = 1000

// commit writes the batch and, every second, the time. The gate is held.
func (s *Store) commit(wb *grocksdb.WriteBatch, how *grocksdb.WriteOptions, now int64) error {
	// One batch at a time carries the time, so that it never goes back on disk.
	if now >= s.filter.floor.Load()+clockStep && s.saving.CompareAndSwap(false, true) {
		defer s.saving.Store(false)
		wb.Put(metaClock, number(uint64(now)))
		if err := s.db.Write(how, wb); err != nil {
			return err
		}
		s.filter.floor.Store(max(now, s.filter.floor.Load()))
		return nil
	}
	return s.db.Write(how, wb)
}

// edit runs change with k's stripe held and commits what it put into the batch, with the time, which
// is read under the lock, so that times of a key are in the order of its writes.
func (s *Store) edit(ctx context.Context, act string, k kv.Key, change func(wb *grocksdb.WriteBatch, now int64) error) error {
	if err := k.Check(); err != nil {
		return err
	}
	end, err := s.begin(ctx, act)
	if err != nil {
		return err
	}
	defer end()
	s.gate.RLock()
	defer s.gate.RUnlock()
	mu := &s.stripes[s.stripe(k)]
	mu.Lock()
	defer mu.Unlock()
	if err := ctx.Err(); err != nil {
		return s.fail(act, err)
	}
	wb := grocksdb.NewWriteBatch()
	defer wb.Destroy()
	now := s.clock.Milli()
	err = change(wb, now)
	if err == nil && wb.Count() > 0 {
		err = s.commit(wb, s.native.synced, now)
	}
	return s.fail(act, err)
}

// Clock returns the store's time, for others that have to agree with it.
func (s *Store) Clock() *kv.Clock { return s.clock }

// Flush does nothing: every acknowledged write is on disk.
func (s *Store) Flush(ctx context.Context) error {
	end, err := s.begin(ctx, "flush")
	if err == nil {
		end()
	}
	return err
}

// Close waits for the calls under way, writes the time down and closes the directory.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	now := max(s.clock.Milli(), s.filter.floor.Load())
	err := s.fail("close", s.db.Put(s.native.synced, metaClock, number(uint64(now))))
	s.release()
	return err
}

// release gives all memory back that is not Go's.
func (s *Store) release() {
	s.db.CancelAllBackgroundWork(true)
	s.db.Close()
	s.native.free()
}
