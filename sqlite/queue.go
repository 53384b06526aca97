package sqlite

import (
	"context"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The states of a request.
const (
	queued int32 = iota
	running
	cancelled
)

// request is one call of Write or Background.
type request struct {
	ctx     context.Context
	fn      func(*Tx) error
	tx      Tx
	passing bool // changes nothing, so that background writes need not yield to it
	loose   bool // see WriteLoose
	budget  time.Duration
	state   atomic.Int32
	err     error
	done    chan error
	alone   [1]*request // a batch of the request itself
}

var requests = sync.Pool{New: func() any {
	r := &request{done: make(chan error, 1)}
	r.alone[0] = r
	return r
}}

func newRequest(ctx context.Context, fn func(*Tx) error) *request {
	r := requests.Get().(*request)
	r.ctx, r.fn, r.err, r.passing, r.loose = ctx, fn, nil, false, false
	r.state.Store(queued)
	return r
}

// free gives r back when nobody else knows it any more.
func (r *request) free() {
	r.ctx, r.fn, r.tx = nil, nil, Tx{}
	requests.Put(r)
}

// queue decides who uses the writer's connection and for what. It is as long as there
// are goroutines in Write and Background.
//
//	free ── push finds nobody else ──────────> the caller commits by itself ─ release ─┐
//	  └──── something waits, and is due ─────> the writer goroutine commits ─ release ─┤
//	  ^                                                                                │
//	  └────────────────────────────────────────────────────────────────────────────────┘
type queue struct {
	mu      sync.Mutex
	busy    bool       // somebody uses the connection
	waiting []*request // foreground
	steps   []*request // background
	pace    pace
	closed  bool
	wake    chan struct{} // for the writer goroutine
}

// push queues r, or tells the caller to commit it by itself: when it is the only one,
// the ways to another goroutine and back would be a good part of the time of its write.
func (q *queue) push(r *request) (lead bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, ErrClosed
	}
	if !q.busy && len(q.waiting) == 0 && !q.stepDue() {
		q.busy = true
		q.mu.Unlock()
		goruntime.Gosched() // as in take
		q.mu.Lock()
		if len(q.waiting) == 0 {
			return true, nil
		}
		// There are others. Their fns are not for this goroutine: one of them may end it.
		q.busy = false
		q.waiting = slices.Insert(q.waiting, 0, r)
		q.rouse()
		return false, nil
	}
	q.waiting = append(q.waiting, r)
	if !q.busy {
		q.rouse()
	}
	return false, nil
}

// pushStep queues a background request.
func (q *queue) pushStep(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.steps = append(q.steps, r)
	q.rouse()
	return nil
}

// stepDue reports whether it is the turn of a background request. A caller that would
// commit by itself again and again must not keep it from its turn.
func (q *queue) stepDue() bool {
	return len(q.steps) > 0 && q.pace.wait(time.Now(), true) <= 0
}

func (q *queue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits until there is something to do and the connection is free. It moves up to
// limit requests into batch, or a single background one. It returns nothing when the
// queue is closed and empty.
func (q *queue) take(batch []*request, limit int) (_ []*request, step bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.steps) > 0 && q.steps[0].state.Load() == cancelled {
			q.steps = slices.Delete(q.steps, 0, 1)
		}
		var due <-chan time.Time
		if len(q.steps) > 0 {
			wait := q.pace.wait(time.Now(), len(q.waiting) > 0)
			if !q.busy && (wait <= 0 || q.closed && len(q.waiting) == 0) {
				r := q.steps[0]
				q.steps = slices.Delete(q.steps, 0, 1)
				r.budget = q.pace.budget(len(q.waiting) > 0)
				q.busy = true
				return append(batch, r), true
			}
			if wait > 0 { // otherwise release tells
				due = time.After(wait)
			}
		}
		switch {
		case q.busy:
		case len(q.waiting) > 0:
			q.busy = true
			q.mu.Unlock()
			// Writers that are about to ask get one turn: it doubles the size of small batches.
			goruntime.Gosched()
			q.mu.Lock()
			n := min(len(q.waiting), limit)
			batch = append(batch, q.waiting[:n]...)
			rest := copy(q.waiting, q.waiting[n:])
			clear(q.waiting[rest:])
			q.waiting = q.waiting[:rest]
			return batch, false
		case q.closed && len(q.steps) == 0:
			return nil, false
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-due:
		}
		q.mu.Lock()
	}
}

// release ends the use of the connection for a foreground batch. wrote says that
// background writes have to yield to it.
func (q *queue) release(wrote bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	q.pace.beside = q.pace.beside || wrote
	// Also for a step that is not due: while the connection was busy it was, and take may have set no
	// timer for it.
	if len(q.waiting) > 0 || q.closed || len(q.steps) > 0 {
		q.rouse()
	}
}

// releaseStep ends the use of the connection for a background step that took d.
func (q *queue) releaseStep(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	q.pace.ran(time.Now(), d)
	// Only the writer goroutine runs steps, and it looks at the queue next.
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
	q.rouse()
}
