// Package sqlite is plumbing over SQLite's raw driver connection: one file, one
// writer with group commit, a few readers with snapshots.
//
//	Write(fn) ───────┐                         ┌── Read(fn)      snapshot
//	Write(fn) ───────┼─> queue ─> writer ─┐ ┌──┼── Read(fn)      snapshot
//	Write(fn) ───────┤   BEGIN IMMEDIATE  │ │  └── ReadOnce(fn)  newest commit
//	Background(fn) ──┘   SAVEPOINT per fn │ │
//	a fifth of the time  COMMIT + fsync   ▼ ▼
//	                                 file, -wal, -shm
//
// It promises:
//
//   - a Write that returned nil is on disk (WAL with synchronous=FULL, set on every
//     connection, read back, and refused if it is not in force);
//   - an error or panic of one fn undoes only that fn; a failed COMMIT fails every fn
//     of its batch, and nobody was told otherwise before;
//   - after an I/O error nothing more is written: an fsync that failed once is never
//     tried again, since the kernel may have dropped the pages already;
//   - a Read sees one moment: all of a commit or nothing of it.
//
// Statements are prepared once per connection and cached by their text, so texts
// have to be constants with ? parameters. Column types timestamp, datetime, date and
// boolean make the driver convert values; use INTEGER, TEXT and BLOB.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a database is opened. The zero value works for a file without
// a schema.
type Options struct {
	// Schema holds statement batches: entry i brings version i to i+1. PRAGMA
	// user_version holds the version; a file with a newer one is refused.
	Schema []string
	// Readers is the most read connections, opened when needed; default 4.
	Readers int
	// Cache is how many octets of pages each connection keeps at most; default 8 MiB. A
	// reader drops them all when somebody has written since its last read.
	Cache int
	// Checkpoint is the pages in the WAL at which a commit is followed by a checkpoint; default
	// 1000. More of them write a page of the file once for more of its changes, and make that
	// commit longer: by some 5 to 20 us a page.
	Checkpoint int
	// MaxBatch is the most writes in one commit; default 512.
	MaxBatch int
	// Logger hears of I/O errors and panics; default none.
	Logger *slog.Logger
}

// DB is an open database file. All methods may be called from many goroutines.
type DB struct {
	path       string
	log        *slog.Logger
	maxBatch   int
	checkpoint int

	writer *Conn // owned by who made the queue busy
	left   bool  // whether foreground writes may have left much in the WAL; as writer
	queue  queue
	ended  chan struct{} // closed when the writer goroutine has closed its connection
	failed atomic.Pointer[error]

	readers pool

	closeOnce sync.Once
	closeErr  error
	writerErr error // of closing the writer's connection; read after ended

	commits     atomic.Int64
	writes      atomic.Int64
	steps       atomic.Int64
	stepTime    atomic.Int64
	longestStep atomic.Int64
}

// Stats counts what a DB did since it was opened.
type Stats struct {
	Commits     int64         // transactions committed by the writer
	Writes      int64         // fns that were part of them
	Steps       int64         // of Background
	StepTime    time.Duration // all steps together, commits included
	LongestStep time.Duration
}

// Open opens or creates the file at path, checks its PRAGMAs and brings its schema
// up to date. A new file is readable by its owner only.
//
// It returns ErrNewerSchema, ErrCorrupt, or an error that names the file.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 512
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := create(abs); err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	if o.Cache <= 0 {
		o.Cache = defaultCache
	}
	if o.Checkpoint <= 0 {
		o.Checkpoint = autoCheckpoint
	}
	w, err := connect(abs, true, o.Cache)
	if err != nil {
		return nil, err
	}
	if err := w.checkpointAt(o.Checkpoint); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if err := w.migrate(ctx, o.Schema); err != nil {
		return nil, errors.Join(err, w.close())
	}
	db := &DB{
		path:       abs,
		log:        o.Logger,
		maxBatch:   o.MaxBatch,
		checkpoint: o.Checkpoint,
		writer:     w,
		ended:      make(chan struct{}),
		readers:    pool{path: abs, cache: o.Cache, slots: make(chan struct{}, o.Readers)},
	}
	db.queue.wake = make(chan struct{}, 1)
	go db.serve()
	return db, nil
}

// Path returns the absolute path of the file.
func (db *DB) Path() string { return db.path }

// Stats returns the counts so far.
func (db *DB) Stats() Stats {
	return Stats{
		Commits: db.commits.Load(), Writes: db.writes.Load(),
		Steps: db.steps.Load(), StepTime: time.Duration(db.stepTime.Load()), LongestStep: time.Duration(db.longestStep.Load()),
	}
}

// Close lets queued writes finish, waits for readers and closes the file. Later calls
// of other methods return ErrClosed.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		db.queue.close()
		<-db.ended
		db.closeErr = errors.Join(db.readers.close(), db.writerErr)
	})
	return db.closeErr
}

// create makes an empty file with mode 0600 where there is none, and makes its name
// durable, which SQLite does only for its journals.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
