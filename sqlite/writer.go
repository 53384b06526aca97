package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// Tx is the write transaction in the hands of one fn.
type Tx struct {
	*Conn
	after  []func()
	budget time.Duration
	loose  bool // no savepoint stands before this fn
}

// Guard makes what fn writes from here on undone as a whole if fn fails. WriteLoose has it
// called before the first of several changes; after Write it does nothing.
func (tx *Tx) Guard() error {
	if !tx.loose {
		return nil
	}
	if err := tx.run("SAVEPOINT fn"); err != nil {
		return wrap("savepoint", tx.path, err)
	}
	tx.loose = false
	return nil
}

// OnCommit has f run after the commit is durable and before Write returns, and before
// any later fn runs. It is forgotten when fn or the commit fails. f must be quick and must
// not use the database.
func (tx *Tx) OnCommit(f func()) { tx.after = append(tx.after, f) }

// Write runs fn alone with the one writing connection and returns after its commit is
// on disk. fn runs in the goroutine of the caller if nobody else writes, or else in that
// of the writer.
//
// Several fns share a commit; each stands in a savepoint of its own, so an error or a
// panic rolls back only that fn. fn must not block and must not call Write. When ctx
// ends before fn was begun, fn never runs and ctx's error is returned; after that,
// Write waits for the outcome.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return db.write(ctx, fn, false, false)
}

// WriteLoose is Write for an fn that makes one change at most, by its last statement: such a
// statement happens as a whole or not at all, so fn needs no savepoint, which costs as much as
// the statement does. An fn that goes on to make several changes calls Tx.Guard first; one that
// fails after a change without it undoes the whole commit, with the writes of others.
func (db *DB) WriteLoose(ctx context.Context, fn func(*Tx) error) error {
	return db.write(ctx, fn, false, true)
}

func (db *DB) write(ctx context.Context, fn func(*Tx) error, passing, loose bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlite: write: %w", err)
	}
	r := newRequest(ctx, fn)
	r.passing, r.loose, r.budget = passing, loose, besideBudget
	lead, err := db.queue.push(r)
	switch {
	case err != nil:
		return err
	case lead:
		return db.lead(r)
	}
	return db.wait(r)
}

// wait returns what the writer goroutine answers.
func (db *DB) wait(r *request) error {
	select {
	case err := <-r.done:
		r.free()
		return err
	case <-r.ctx.Done():
	}
	if r.state.CompareAndSwap(queued, cancelled) {
		return fmt.Errorf("sqlite: write: %w", r.ctx.Err()) // the writer still holds r and drops it
	}
	return <-r.done
}

// lead commits r in the goroutine of its caller, who found nobody else.
func (db *DB) lead(r *request) error {
	ended := true // by runtime.Goexit in fn
	defer func() {
		if ended {
			db.abandon()
		}
		db.left = db.left || !r.passing
		db.queue.release(!r.passing)
		if !ended {
			r.free()
		}
	}()
	err := db.commit(r.alone[:])
	ended = false
	if r.err != nil {
		return r.err
	}
	return err
}

// abandon undoes what a fn left that ended its goroutine.
func (db *DB) abandon() {
	db.writer.settle()
	_ = db.rollback()
}

// DataVersion returns a number that changes when another process has changed the file
// since the last call. Writes of this DB do not change it.
func (db *DB) DataVersion(ctx context.Context) (int64, error) {
	var n int64
	// It has to be the writer's connection: for any other, our own commits are foreign.
	err := db.write(ctx, func(tx *Tx) error {
		return tx.QueryRow("PRAGMA data_version").Scan(&n)
	}, true, true)
	return n, err
}

// serve is the writer goroutine.
func (db *DB) serve() {
	var batch []*request
	var step bool
	defer func() {
		if batch == nil {
			db.writerErr = db.writer.close()
			close(db.ended)
			return
		}
		// A fn ended this goroutine with runtime.Goexit (t.Fatal does). Its batch is
		// undone and another goroutine goes on.
		db.abandon()
		db.answer(batch, errors.New("sqlite: write: a fn of the same commit ended the goroutine"))
		if step {
			db.queue.releaseStep(0)
		} else {
			db.queue.release(true)
		}
		go db.serve()
	}()
	for {
		batch, step = db.queue.take(batch[:0], db.maxBatch)
		if len(batch) == 0 {
			batch = nil
			return
		}
		if step {
			db.catchUp(batch[0])
			began := time.Now()
			err := db.commitStep(batch)
			d := time.Since(began)
			db.countStep(d)
			db.answer(batch, err)
			db.queue.releaseStep(d)
		} else {
			err := db.commit(batch)
			wrote := slices.ContainsFunc(batch, func(r *request) bool { return !r.passing })
			db.left = db.left || wrote
			db.answer(batch, err)
			db.queue.release(wrote)
		}
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
// The first of a batch needs no savepoint: undoing it is undoing everything. Nor does
// one that makes a single change.
func (db *DB) runOne(r *request, first bool) error {
	w := db.writer
	if !first && !r.loose {
		if err := w.run("SAVEPOINT fn"); err != nil {
			return errors.Join(db.broken("savepoint", err), db.rollback())
		}
	}
	r.tx = Tx{Conn: w, budget: r.budget, loose: !first && r.loose}
	w.ctx, w.changed = r.ctx, false
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
	case r.tx.loose && (r.err == nil || !w.changed):
	case r.tx.loose:
		err := db.broken("write", fmt.Errorf("a loose write failed after a change: %w", r.err))
		return errors.Join(err, db.rollback())
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
