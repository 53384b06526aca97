package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How background steps share the writer with others.
const (
	aloneBudget  = 3 * time.Millisecond // what a step should take when nobody else writes
	besideBudget = time.Millisecond     // and beside foreground writes
	yieldFactor  = 4                    // foreground time for each part of background time
	longestYield = time.Second          // nobody waits longer than this for the next step
)

// Background is Write for one step of a longer work that nobody waits for, such as a
// purge. A step has a commit of its own. Beside foreground writes it may use a fifth of
// the writer's time: after a step that took d the next one begins not before 4d have
// passed, at most a second; while nobody else writes it begins at once.
//
// fn should do as much as takes Tx.Budget. When ctx ends before fn was begun, fn never
// runs and ctx's error is returned.
func (db *DB) Background(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlite: write: %w", err)
	}
	r := newRequest(ctx, fn)
	if err := db.queue.pushStep(r); err != nil {
		return err
	}
	return db.wait(r)
}

// Budget is how long fn should take at most: less in Background beside foreground
// writes, which have to wait for it.
func (tx *Tx) Budget() time.Duration { return tx.budget }

// pace is when background steps may run. It is the queue's, under its lock.
type pace struct {
	next   time.Time // the next step, beside foreground writes
	beside bool      // there was a foreground write since the last step
}

// wait returns how long the next step has to wait.
func (p *pace) wait(now time.Time, others bool) time.Duration {
	if !p.beside && !others {
		return 0
	}
	return p.next.Sub(now)
}

// budget is what the step that begins now should take.
func (p *pace) budget(others bool) time.Duration {
	if p.beside || others {
		return besideBudget
	}
	return aloneBudget
}

// ran notes a step that took d and ended now.
func (p *pace) ran(now time.Time, d time.Duration) {
	p.next = now.Add(min(yieldFactor*d, longestYield))
	p.beside = false
}

// commitStep is commit for a background request, with another limit of the WAL at which
// the commit is followed by a checkpoint: beside others they do that, so that a step is
// never much longer than it should be; alone it is done often, in small parts.
func (db *DB) commitStep(batch []*request) error {
	limit := stepCheckpoint
	if batch[0].budget < aloneBudget {
		limit = 0
	}
	if err := db.writer.checkpointAt(limit); err != nil {
		return wrap("checkpoint", db.path, err)
	}
	err := db.commit(batch)
	return errors.Join(err, wrap("checkpoint", db.path, db.writer.checkpointAt(db.checkpoint)))
}

// catchUp checkpoints what foreground writes have left in the WAL, before a step that runs
// alone: that step would have to do it otherwise, and be as long.
func (db *DB) catchUp(step *request) {
	if db.left && step.budget >= aloneBudget {
		db.left = false
		_ = db.writer.execBatch("PRAGMA wal_checkpoint(PASSIVE)") // what it could not do, the next one does
	}
}

// countStep adds a step to the statistics. Only who uses the connection calls it.
func (db *DB) countStep(d time.Duration) {
	db.steps.Add(1)
	db.stepTime.Add(int64(d))
	db.longestStep.Store(max(db.longestStep.Load(), int64(d)))
}
