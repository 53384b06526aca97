package sqlite

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Tx is the write transaction in the hands of one fn.
type Tx struct {
	*Conn
	after []func()
}

// OnCommit has f run in the writer goroutine after the commit is durable and before
// Write returns. It is forgotten when fn or the commit fails. f must be quick and must
// not use the database.
func (tx *Tx) OnCommit(f func()) { tx.after = append(tx.after, f) }

// Write runs fn in the one writer goroutine and returns after its commit is on disk.
//
// Several fns share a commit; each stands in a savepoint of its own, so an error or a
// panic rolls back only that fn. fn must not block and must not call Write. When ctx
// ends before fn was begun, fn never runs and ctx's error is returned; after that,
// Write waits for the outcome.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlite: write: %w", err)
	}
	r := requests.Get().(*request)
	r.ctx, r.fn, r.err = ctx, fn, nil
	r.state.Store(queued)
	if err := db.queue.push(r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		r.ctx, r.fn, r.tx.after = nil, nil, nil
		requests.Put(r)
		return err
	case <-ctx.Done():
	}
	if r.state.CompareAndSwap(queued, cancelled) {
		return fmt.Errorf("sqlite: write: %w", ctx.Err()) // the writer still holds r and drops it
	}
	return <-r.done
}

// DataVersion returns a number that changes when another process has changed the file
// since the last call. Writes of this DB do not change it.
func (db *DB) DataVersion(ctx context.Context) (int64, error) {
	var n int64
	// It has to be the writer's connection: for any other, our own commits are foreign.
	err := db.Write(ctx, func(tx *Tx) error {
		return tx.QueryRow("PRAGMA data_version").Scan(&n)
	})
	return n, err
}

// The states of a request.
const (
	queued int32 = iota
	running
	cancelled
)

type request struct {
	ctx   context.Context
	fn    func(*Tx) error
	tx    Tx
	state atomic.Int32
	err   error
	done  chan error
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan error, 1)} }}

// queue holds the writes that wait. It is as long as there are goroutines in Write.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	wake    chan struct{}
}

func (q *queue) push(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, r)
	if len(q.waiting) == 1 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// take waits until there is something and moves up to limit requests into batch. It
// returns nothing when the queue is closed and empty.
func (q *queue) take(batch []*request, limit int) []*request {
	for {
		q.mu.Lock()
		n, closed := len(q.waiting), q.closed
		q.mu.Unlock()
		if n > 0 {
			break
		}
		if closed {
			return nil
		}
		<-q.wake
	}
	// Writers that are about to ask get one turn: it doubles the size of small batches.
	goruntime.Gosched()
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), limit)
	batch = append(batch, q.waiting[:n]...)
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	return batch
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// serve is the writer goroutine.
func (db *DB) serve() {
	var batch []*request
	defer func() {
		if batch == nil {
			db.writerErr = db.writer.close()
			close(db.ended)
			return
		}
		// A fn ended this goroutine with runtime.Goexit (t.Fatal does). Its batch is
		// undone and another goroutine goes on.
		db.writer.settle()
		_ = db.rollback()
		db.answer(batch, errors.New("sqlite: write: a fn of the same commit ended the goroutine"))
		go db.serve()
	}()
	for {
		batch = db.queue.take(batch[:0], db.maxBatch)
		if len(batch) == 0 {
			batch = nil
			return
		}
		db.answer(batch, db.commit(batch))
		clear(batch)
	}
}

// answer tells every request of the batch its own error, or the batch's.
func (db *DB) answer(batch []*request, err error) {
	for _, r := range batch {
		if r.state.Load() == cancelled {
			continue
		}
		switch {
		case r.err != nil:
			r.done <- r.err
		case err != nil:
			r.done <- err
		default:
			r.done <- nil
		}
	}
}

// commit runs the batch in one transaction. The error it returns is for all requests
// that have none of their own.
func (db *DB) commit(batch []*request) error {
	if p := db.failed.Load(); p != nil {
		return *p
	}
	w := db.writer
	if err := w.run("BEGIN IMMEDIATE"); err != nil {
		return db.broken("begin", err)
	}
	ran := 0
	for _, r := range batch {
		if !r.state.CompareAndSwap(queued, running) {
			continue
		}
		if err := db.runOne(r, ran == 0); err != nil {
			return err
		}
		if r.err == nil {
			ran++
		}
	}
	if err := w.run("COMMIT"); err != nil {
		err = db.broken("commit", err)
		return errors.Join(err, db.rollback())
	}
	db.commits.Add(1)
	db.writes.Add(int64(ran))
	for _, r := range batch {
		if r.err == nil && r.state.Load() == running {
			for _, f := range r.tx.after {
				db.afterCommit(f)
			}
		}
	}
	return nil
}

// runOne runs one fn. Its own error goes to r.err; the returned error ends the batch.
// The first of a batch needs no savepoint: undoing it is undoing everything.
func (db *DB) runOne(r *request, first bool) error {
	w := db.writer
	if !first {
		if err := w.run("SAVEPOINT fn"); err != nil {
			return errors.Join(db.broken("savepoint", err), db.rollback())
		}
	}
	r.tx = Tx{Conn: w}
	w.ctx = r.ctx
	r.err = db.call(r)
	w.settle()
	if w.raw.AutoCommit() {
		// SQLite gave the whole transaction up: disk full, I/O error, out of memory.
		cause := r.err
		if cause == nil {
			cause = errors.New("an error that the fn kept to itself")
		}
		return db.broken("write", fmt.Errorf("transaction was undone: %w", cause))
	}
	if r.err != nil && fatal(r.err) {
		return errors.Join(db.broken("write", r.err), db.rollback())
	}
	var err error
	switch {
	case r.err == nil && !first:
		err = w.run("RELEASE fn")
	case r.err != nil && !first:
		err = errors.Join(w.run("ROLLBACK TO fn"), w.run("RELEASE fn"))
	case r.err != nil:
		err = errors.Join(w.run("ROLLBACK"), w.run("BEGIN IMMEDIATE"))
	}
	if err != nil {
		return errors.Join(db.broken("savepoint", err), db.rollback())
	}
	return nil
}

// call runs fn and turns a panic into an error.
func (db *DB) call(r *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			db.log.Error("sqlite: a write panicked", "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("sqlite: write: panic: %v", p)
		}
	}()
	return r.fn(&r.tx)
}

func (db *DB) afterCommit(f func()) {
	defer func() {
		if p := recover(); p != nil {
			db.log.Error("sqlite: an OnCommit function panicked", "err", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// rollback undoes the open transaction, if there still is one.
func (db *DB) rollback() error {
	if db.writer.raw.AutoCommit() {
		return nil
	}
	return wrap("rollback", db.path, db.writer.run("ROLLBACK"))
}

// broken wraps an error that hit the whole batch, and stops all writing if the file
// cannot be trusted any more.
func (db *DB) broken(act string, err error) error {
	wrapped := wrap(act, db.path, err)
	if fatal(err) {
		stop := fmt.Errorf("%w: %w", ErrFailed, wrapped)
		if db.failed.CompareAndSwap(nil, &stop) {
			db.log.Error("sqlite: writing stopped", "err", wrapped)
		}
		return stop
	}
	return wrapped
}
