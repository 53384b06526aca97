package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// The waits between attempts to apply a promise: they double from the first to the last.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// later knows the promises that could not be kept yet, by their serials; their contents
// are in the journal.
type later struct {
	mu   sync.Mutex
	due  map[string]*retry
	wake chan struct{}
}

type retry struct {
	at   time.Time
	wait time.Duration
}

func (l *later) init() {
	l.due = map[string]*retry{}
	l.wake = make(chan struct{}, 1)
}

func (l *later) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.due)
}

// put notes a failed attempt.
func (l *later) put(serial string, now time.Time) {
	l.mu.Lock()
	r := l.due[serial]
	if r == nil {
		r = &retry{wait: firstRetry}
		l.due[serial] = r
	} else {
		r.wait = min(2*r.wait, lastRetry)
	}
	r.at = now.Add(r.wait)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *later) drop(serial string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.due, serial)
}

// dueAt returns the deliveries that failed before and are to be tried again now, the
// longest due first. A time far ahead is of a clock that was set back since.
func (l *later) dueAt(now time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []string
	for serial, r := range l.due {
		if !r.at.After(now) || r.at.After(now.Add(r.wait)) {
			due = append(due, serial)
		}
	}
	slices.SortFunc(due, func(a, b string) int { return l.due[a].at.Compare(l.due[b].at) })
	return due
}

// next returns how long nothing is due; a long time if nothing waits.
func (l *later) next(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := time.Hour
	for _, r := range l.due {
		wait = min(wait, max(r.at.Sub(now), 0), r.wait)
	}
	return wait
}

// attempt does what d promises, within a limit, so that one delivery that hangs does not
// hold up the others. A panic is a failure too: it must not end the server, or every
// start of it from then on.
func (in *Intake) attempt(ctx context.Context, d *runtime.Delivery) (err error) {
	ctx, cancel := context.WithTimeout(ctx, applyWithin)
	defer cancel()
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("gateway: internal error: %v\n%s", x, debug.Stack())
		}
	}()
	return runtime.Apply(ctx, in.target(d), d)
}

// apply does what d promises and tells the journal. What fails is tried again by Run.
func (in *Intake) apply(ctx context.Context, d *runtime.Delivery) {
	err := in.attempt(ctx, d)
	if err == nil {
		in.later.drop(d.Serial)
		in.forgetPipes(d)
		if err := in.o.Journal.Done(d.Serial); err != nil {
			in.log.Error("journal: done", slog.Any("err", err)) // it is applied again, which does nothing
		}
		return
	}
	in.failures.Add(1)
	in.log.Error("accepted mail cannot be delivered yet", slog.String("message_id", d.Serial), slog.Any("err", err))
	in.later.put(d.Serial, in.o.Now())
}

// Recover applies what was promised before this start, once; later calls do nothing. It is
// best called before mail comes in. What fails is left to Run.
func (in *Intake) Recover(ctx context.Context) {
	in.recovered.Do(func() { in.recover(ctx) })
}

func (in *Intake) recover(ctx context.Context) {
	for d := range in.o.Journal.All() {
		if ctx.Err() != nil {
			return
		}
		in.apply(ctx, d)
	}
}

// Run applies what was promised before this start, and then whatever fails, again and
// again until it is done or ctx ends; then it returns nil. Nothing is ever given up: a
// full mailbox or disk may be seen to.
func (in *Intake) Run(ctx context.Context) error {
	in.Recover(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-in.later.wake:
		case <-timer.C:
			in.again(ctx)
		}
		timer.Reset(in.later.next(in.o.Now()))
	}
}

// again tries what is due.
func (in *Intake) again(ctx context.Context) {
	for _, serial := range in.later.dueAt(in.o.Now()) {
		if ctx.Err() != nil {
			return
		}
		d, err := in.o.Journal.Get(serial)
		switch {
		case err != nil:
			in.log.Error("accepted mail cannot be read", slog.String("message_id", serial), slog.Any("err", err))
			in.later.put(serial, in.o.Now())
		case d == nil:
			in.later.drop(serial)
		default:
			in.apply(ctx, d)
		}
	}
}
