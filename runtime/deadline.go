package runtime

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends after a time, as one of context.WithTimeout does. Its timer
// is only made for those who wait for its end: most runs ask nobody and look at the clock.
//
// Many goroutines may use it.
type deadline struct {
	parent context.Context
	at     time.Time
	began  time.Time
	after  time.Duration // from began to at: to measure that is quicker than to ask for the time

	mu     sync.Mutex
	inner  context.Context // with a timer, once Done was asked for
	cancel context.CancelFunc
	err    error // once it has ended without an inner one
}

// start sets what ends the context, counted from now. It is called before anybody else uses it.
func (d *deadline) start(parent context.Context, now time.Time, after time.Duration) {
	d.parent, d.began, d.after = parent, now, after
	d.at = d.began.Add(after)
	if p, ok := parent.Deadline(); ok && p.Before(d.at) {
		d.at, d.after = p, p.Sub(d.began)
	}
}

// Deadline returns when the context ends.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done returns a channel that is closed when the context ends.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		d.inner, d.cancel = context.WithDeadline(d.parent, d.at)
		if d.err != nil {
			d.cancel()
		}
	}
	return d.inner.Done()
}

// Err says whether the context has ended, and why.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
	case d.inner != nil:
		d.err = d.inner.Err()
	case d.parent.Err() != nil:
		d.err = d.parent.Err()
	case time.Since(d.began) >= d.after:
		d.err = context.DeadlineExceeded
	}
	return d.err
}

// Value returns the parent's value.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	inner := d.inner
	d.mu.Unlock()
	if inner != nil {
		return inner.Value(key) // so that contexts made of this one end without a goroutine
	}
	return d.parent.Value(key)
}

// stop ends the context.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = context.Canceled
	}
	if d.cancel != nil {
		d.cancel()
	}
}
