package gateway

import (
	"context"
	"log/slog"
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

// isDue says whether a delivery failed before and is to be tried again now.
func (l *later) isDue(serial string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.due[serial]
	return r != nil && !r.at.After(now)
}

// next returns how long nothing is due; a long time if nothing waits.
func (l *later) next(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := time.Hour
	for _, r := range l.due {
		wait = min(wait, max(r.at.Sub(now), 0))
	}
	return wait
}

// apply does what d promises and tells the journal. What fails is tried again by Run.
func (in *Intake) apply(ctx context.Context, d *runtime.Delivery) {
	err := runtime.Apply(ctx, in.target(d), d)
	if err == nil {
		in.later.drop(d.Serial)
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
	if in.later.len() == 0 {
		return
	}
	for d := range in.o.Journal.All() {
		if ctx.Err() != nil {
			return
		}
		if in.later.isDue(d.Serial, in.o.Now()) {
			in.apply(ctx, d)
		}
	}
}
