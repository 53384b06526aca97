// Package local is the embedded mail store: for each account one SQLite file with its
// mailboxes, Emails, UIDs and history, and for each blob one file.
//
//	dir/lock                            held while the store is open
//	dir/accounts/ID.db                  everything but the octets
//	dir/accounts/ID.removed             the account is gone; its data goes in batches
//	dir/accounts/ID.gone                its data is gone too; the id stays used for 90 days
//	dir/blobs/levels                    how many levels of directories the blobs have
//	dir/blobs/ab/cd/abcd….ID            the octets of a blob of account ID
//	dir/blobs/tmp/                      files that are being written
//
//	Import ─> blob file, fsync ─> directory, fsync ─> rows, one commit, fsync ─> answer
//	PurgeBlobs ─> row of a dead blob, commit ─> blob file
//
// It promises:
//
//   - What was answered is on disk, octets and rows, and there is never a row without
//     its file: files come before rows and go after them, and both are done under a
//     lock of that blob.
//   - A blob's file name is a hash over account and octets, and the account, so that a
//     lost database can be rebuilt from the files, and no account can learn from an id
//     what another has. Equal octets of several accounts are hard links of one file.
//   - Octets are never changed. An id, a UID or a state is never used twice.
//   - A database file that was lost does not take the blobs with it: files older than
//     the account's database are never swept.
//
// Spec: RFC 8620, RFC 8621; RFC 3501, RFC 9051 and RFC 7162 for Backend.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
)

// Options says how a store works. The zero value works.
type Options struct {
	// Describe makes a message's ENVELOPE, BODYSTRUCTURE and BODY in wire form, once,
	// when its octets are first filed. nil leaves them empty.
	Describe func(*mail.Message) (envelope, bodyStructure, body []byte)
	// BlobNestedLevels is the number of directories above a blob file, 1 to 4; default 2.
	BlobNestedLevels int
	// BlobTempTTL is how old a file has to be that no row knows before it is swept;
	// default 1 hour.
	BlobTempTTL time.Duration
	// MinFree is the number of free octets of the disk below which nothing is stored
	// (mailstore.ErrNoSpace); default 0.
	MinFree uint64
	// MaxOpen is how many account files stay open when nobody uses them, each with a few file
	// descriptors; default 100.
	MaxOpen int
	// CachedVanishedTTL is how long vanished UIDs are remembered; default 30 days.
	CachedVanishedTTL time.Duration
	// MaxChangelogEntries is what FoldChangelog leaves; default 10000.
	MaxChangelogEntries int
	// MaxMailboxes bounds the mailboxes of an account; default 10000.
	MaxMailboxes int
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand is where ids get their chance from; default crypto/rand. It is read by many
	// goroutines.
	Rand io.Reader
	// Logger; nil is none.
	Logger *slog.Logger
}

// ErrInUse says that another process has the store open.
var ErrInUse = errors.New("store is in use by another process")

// Store is an open mail store. Many goroutines may use it.
type Store struct {
	dir   string
	o     Options
	log   *slog.Logger
	lock  *os.File
	links links
	busy  keyLock
	stats counters

	mu       sync.Mutex
	accounts map[string]*holder
	clock    uint64
	closed   bool

	purgeMu sync.Mutex
	sweep   sweep

	dirMu sync.Mutex
	dirs  map[string]bool // blob directories whose names are durable
}

var _ mailstore.Store = (*Store)(nil)

// counters is what Stats reads.
type counters struct {
	imports, linked, written, opened atomic.Int64
}

// Stats counts what a Store did since it was opened.
type Stats struct {
	Imports      int64 // Emails filed by Import and Append
	BlobsWritten int64 // blob files written
	BlobsLinked  int64 // blob files that were hard links of one that was there
	FilesOpened  int64 // times an account's file was opened
	FilesOpen    int   // account files open now
}

// Stats returns the counts so far.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	open := len(s.accounts)
	s.mu.Unlock()
	return Stats{
		Imports: s.stats.imports.Load(), BlobsWritten: s.stats.written.Load(), BlobsLinked: s.stats.linked.Load(),
		FilesOpened: s.stats.opened.Load(), FilesOpen: open,
	}
}

// Open opens or makes the store in dir. It returns ErrInUse if another process has it.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, o: o, log: o.Logger, accounts: make(map[string]*holder)}
	for _, d := range []string{dir, s.accountDir(), s.blobDir(), s.tempDir()} {
		if err := makeDir(d); err != nil {
			return nil, fmt.Errorf("mailstore/local: open: %w", err)
		}
	}
	if err := s.takeLock(); err != nil {
		return nil, fmt.Errorf("mailstore/local: open: %w", err)
	}
	if err := s.settleLevels(); err != nil {
		return nil, errors.Join(fmt.Errorf("mailstore/local: open: %w", err), s.lock.Close())
	}
	return s, ctx.Err()
}

func (o Options) withDefaults() (Options, error) {
	if o.BlobNestedLevels == 0 {
		o.BlobNestedLevels = 2
	}
	if o.BlobNestedLevels < 1 || o.BlobNestedLevels > 4 {
		return o, fmt.Errorf("mailstore/local: open: %d nested levels for blobs, want 1 to 4", o.BlobNestedLevels)
	}
	if o.BlobTempTTL <= 0 {
		o.BlobTempTTL = time.Hour
	}
	if o.MaxOpen <= 0 {
		o.MaxOpen = 100
	}
	if o.CachedVanishedTTL <= 0 {
		o.CachedVanishedTTL = 30 * 24 * time.Hour
	}
	if o.MaxChangelogEntries <= 0 {
		o.MaxChangelogEntries = 10000
	}
	if o.MaxMailboxes <= 0 {
		o.MaxMailboxes = 10000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func (s *Store) accountDir() string { return filepath.Join(s.dir, "accounts") }
func (s *Store) blobDir() string    { return filepath.Join(s.dir, "blobs") }
func (s *Store) tempDir() string    { return filepath.Join(s.dir, "blobs", "tmp") }

// takeLock takes the lock that the kernel drops when the process ends, however it ends.
func (s *Store) takeLock() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", s.dir, ErrInUse), f.Close())
	}
	s.lock = f
	return nil
}

// settleLevels writes down how deep the blob files lie, once: where files are already,
// their depth counts, whatever the options say now.
func (s *Store) settleLevels() error {
	path := filepath.Join(s.blobDir(), "levels")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		// Synced before it gets its name: an empty one after a power loss would keep the
		// store, and the mail that was taken meanwhile, from being opened.
		if err := writeSynced(path+".new", fmt.Appendln(nil, s.o.BlobNestedLevels)); err != nil {
			return err
		}
		return errors.Join(os.Rename(path+".new", path), syncDir(s.blobDir()))
	}
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 || n > 4 {
		return fmt.Errorf("%s does not hold a number from 1 to 4", path)
	}
	if n != s.o.BlobNestedLevels {
		s.log.Warn("mailstore/local: blobs keep the levels of directories that they have", "err",
			fmt.Sprintf("blob-nested-levels is %d, the files have %d", s.o.BlobNestedLevels, n))
		s.o.BlobNestedLevels = n
	}
	return nil
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// Close closes all account files. Whoever still uses one gets errors.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	open := make([]*holder, 0, len(s.accounts))
	for _, h := range s.accounts {
		open = append(open, h)
	}
	s.mu.Unlock()
	var err error
	for _, h := range open {
		<-h.ready
		if h.acct != nil {
			err = errors.Join(err, h.acct.close())
		}
	}
	return errors.Join(err, s.lock.Close())
}

// makeDir makes a directory, for the owner only, and its name durable.
func makeDir(dir string) error {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return syncDir(filepath.Dir(dir))
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDir(dir)
	default:
		return err
	}
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
