package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var (
	// ErrUnknownJob says that there is no work of that name.
	ErrUnknownJob = errors.New("unknown job")
	// ErrRunning says that the work is running, here or on another node.
	ErrRunning = errors.New("already running")
	// ErrNoDryRun says that the work cannot tell beforehand what it would remove.
	ErrNoDryRun = errors.New("dry run is not possible")
)

const (
	// lease is how long a node that died keeps others from a work.
	lease = 5 * time.Minute
	// look is the longest sleep, so that a clock that was put or stood still is noticed.
	look = time.Minute
	// maxYield bounds the wait between two batches.
	maxYield = 100 * time.Millisecond
)

// Locker is what the scheduler needs of a kv.Store.
type Locker interface {
	Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error)
	Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error)
	Unlock(ctx context.Context, l kv.Lease) error
}

// Options says how a Scheduler works. The zero value works for one node without memory.
type Options struct {
	Lock     Locker         // where nodes meet; nil: this process is alone
	History  History        // nil: forgotten at exit
	Location *time.Location // of schedules; nil: time.Local
	Now      func() time.Time
	Logger   *slog.Logger
	// Yield waits between two batches, the last of which took that long; nil: as long
	// again, at most 100 ms.
	Yield func(ctx context.Context, took time.Duration) error
}

// Scheduler runs works when they are due. All methods may be called from many goroutines.
type Scheduler struct {
	o     Options
	works []*work
	named map[string]*work
}

type work struct {
	Work
	name     string
	job      Job
	schedule Schedule
	running  sync.Mutex // held while it runs in this process

	mu   sync.Mutex
	next time.Time
}

// Status is what is known of a work.
type Status struct {
	Name     string    `json:"name"`
	Doc      string    `json:"doc"`
	Setting  string    `json:"setting"`
	Schedule string    `json:"schedule"`
	Next     time.Time `json:"next"`
	Running  bool      `json:"running"`
	Last     *Run      `json:"last,omitempty"`
}

// New returns a scheduler of all registered jobs that have something to work on. The
// error joins what is wrong with each schedule, by its setting.
func New(o Options, d Deps) (*Scheduler, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.History == nil {
		o.History = &memoryHistory{past: map[string]Past{}}
	}
	if o.Yield == nil {
		o.Yield = yield
	}
	d.Now = o.Now
	s := &Scheduler{o: o, named: map[string]*work{}}
	var errs []error
	for name := range d.Schedules {
		if _, ok := registered[name]; !ok {
			errs = append(errs, fmt.Errorf("housekeeping: %w %q", ErrUnknownJob, name))
		}
	}
	for _, j := range Jobs() {
		for _, w := range j.New(d) {
			k := &work{Work: w, job: j, name: j.Name}
			if w.Target != "" {
				k.name += ":" + w.Target
			}
			text := first(w.Schedule, d.Schedules[j.Name], j.Schedule)
			schedule, err := ParseSchedule(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("housekeeping: %s: %w", k.name, err))
			}
			k.schedule = schedule
			s.works = append(s.works, k)
			s.named[k.name] = k
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// Status returns all works in the order of their names.
func (s *Scheduler) Status(ctx context.Context) ([]Status, error) {
	var all []Status
	for _, w := range s.works {
		past, err := s.o.History.Load(ctx, w.name)
		if err != nil {
			return nil, err
		}
		st := Status{Name: w.name, Doc: w.job.Doc, Setting: w.job.Setting, Schedule: w.schedule.String()}
		st.Next = w.schedule.Next(later(past.Served, s.now()))
		if st.Running = !w.running.TryLock(); !st.Running {
			w.running.Unlock()
		}
		if n := len(past.Runs); n > 0 {
			st.Last = &past.Runs[n-1]
		}
		all = append(all, st)
	}
	return all, nil
}

// Past returns the history of a work, or ErrUnknownJob.
func (s *Scheduler) Past(ctx context.Context, name string) (Past, error) {
	if s.named[name] == nil {
		return Past{}, fmt.Errorf("housekeeping: %w %q", ErrUnknownJob, name)
	}
	return s.o.History.Load(ctx, name)
}

// now returns the time in the location of schedules.
func (s *Scheduler) now() time.Time { return s.o.Now().In(s.o.Location) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a.In(b.Location())
	}
	return b
}

// Run runs works when they are due, one after the other, until ctx ends; then it
// returns nil. The run that is under way is cancelled and waited for.
func (s *Scheduler) Run(ctx context.Context) error {
	for _, w := range s.works {
		if err := s.begin(ctx, w); err != nil {
			s.o.Logger.Error("housekeeping: history", slog.String("job", w.name), slog.Any("err", err))
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		wait := look
		for _, w := range s.works {
			if due := w.due(); !due.After(s.now()) && !due.IsZero() {
				s.serve(ctx, w)
			}
			if left := w.due().Sub(s.o.Now()); !w.due().IsZero() {
				wait = min(wait, max(left, time.Millisecond))
			}
		}
		timer.Reset(wait)
	}
}

func (w *work) due() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

func (w *work) setDue(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = t
}

// begin finds a work's first due time: one that was missed if there is one. A work that
// was never seen has missed nothing, and that it was seen is remembered.
func (s *Scheduler) begin(ctx context.Context, w *work) error {
	now := s.now()
	w.setDue(w.schedule.Next(now))
	past, err := s.o.History.Load(ctx, w.name)
	if err != nil {
		return err
	}
	// A time ahead of the clock was written under a wrong clock.
	if past.Served.IsZero() || past.Served.After(now) {
		past.Served = now
		return s.o.History.Save(ctx, w.name, past)
	}
	w.setDue(w.schedule.Next(past.Served.In(s.o.Location)))
	return nil
}

// serve runs a due work and moves on to its next due time. What was missed up to now is
// served with it.
func (s *Scheduler) serve(ctx context.Context, w *work) {
	due := w.due()
	_, err := s.run(ctx, w, due)
	if err != nil && !errors.Is(err, ErrRunning) && ctx.Err() == nil {
		s.o.Logger.Error("job failed", slog.String("job", w.name), slog.Any("err", err))
	}
	if ctx.Err() != nil {
		return // not served: the next start catches up
	}
	w.setDue(w.schedule.Next(s.now()))
}

// RunNow runs a work at once, whatever its schedule, and returns what it did. With dry
// it only counts what it would remove (ErrNoDryRun where that cannot be told).
//
// It returns ErrUnknownJob, ErrRunning, or the work's own error.
func (s *Scheduler) RunNow(ctx context.Context, name string, dry bool) (Run, error) {
	w := s.named[name]
	if w == nil {
		return Run{}, fmt.Errorf("housekeeping: %w %q", ErrUnknownJob, name)
	}
	if !dry {
		return s.run(ctx, w, time.Time{})
	}
	if w.Count == nil {
		return Run{}, fmt.Errorf("housekeeping: %s: %w", name, ErrNoDryRun)
	}
	r := Run{Started: s.o.Now(), Dry: true}
	n, err := w.Count(ctx)
	r.Removed, r.Took = n, s.o.Now().Sub(r.Started)
	if err != nil {
		return r, fmt.Errorf("housekeeping: %s: %w", name, err)
	}
	return r, nil
}
