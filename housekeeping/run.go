package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// run runs w under its lease and writes its history. due is zero for a run by hand.
func (s *Scheduler) run(ctx context.Context, w *work, due time.Time) (r Run, err error) {
	if !w.running.TryLock() {
		return r, fmt.Errorf("housekeeping: %s: %w", w.name, ErrRunning)
	}
	defer w.running.Unlock()
	ctx, release, err := s.lease(ctx, w)
	if err != nil {
		return r, fmt.Errorf("housekeeping: %s: %w", w.name, err)
	}
	defer release()
	past, err := s.o.History.Load(ctx, w.name)
	if err != nil {
		return r, fmt.Errorf("housekeeping: %s: %w", w.name, err)
	}
	if !due.IsZero() && !past.Served.Before(due) {
		return r, nil // another node served it while we waited for our turn
	}
	r = Run{Started: s.o.Now(), Due: due}
	r.Removed, err = s.batches(ctx, w)
	r.Took = s.o.Now().Sub(r.Started)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	if err != nil {
		r.Error = err.Error()
	}
	stopped := ctx.Err() != nil
	past.add(r)
	if !due.IsZero() && !stopped {
		past.Served = s.o.Now()
	}
	// The history is written even when the server goes down.
	if serr := s.o.History.Save(context.WithoutCancel(ctx), w.name, past); serr != nil {
		err = errors.Join(err, serr)
	}
	s.o.Logger.Info(fmt.Sprintf("job removed %d", r.Removed), slog.String("job", w.name), slog.Duration("took", r.Took), slog.Any("err", err))
	if err != nil {
		err = fmt.Errorf("housekeeping: %s: %w", w.name, err)
	}
	return r, err
}

// batches does the work's batches until there are no more, and yields between them.
func (s *Scheduler) batches(ctx context.Context, w *work) (total int64, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("internal error: %v", x)
			s.o.Logger.Error("job panicked", slog.String("job", w.name), slog.Any("err", fmt.Errorf("%v\n%s", x, debug.Stack())))
		}
	}()
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		started := s.o.Now()
		n, more, err := w.Batch(ctx)
		total += int64(n)
		if err != nil || !more {
			return total, err
		}
		if err := s.o.Yield(ctx, s.o.Now().Sub(started)); err != nil {
			return total, err
		}
	}
}

func yield(ctx context.Context, took time.Duration) error {
	t := time.NewTimer(min(max(took, time.Millisecond), maxYield))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// lease takes the work's lease and renews it until release is called. The context that it
// returns ends when the lease is lost.
func (s *Scheduler) lease(ctx context.Context, w *work) (context.Context, func(), error) {
	if s.o.Lock == nil {
		return ctx, func() {}, nil
	}
	key := kv.Key{Prefix: kv.LockHousekeeper, Name: w.name}
	l, err := s.o.Lock.Lock(ctx, key, lease, false)
	if errors.Is(err, kv.ErrLocked) {
		err = ErrRunning
	}
	if err != nil {
		return nil, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			renewed, err := s.o.Lock.Renew(held, l, lease)
			if err != nil && held.Err() == nil {
				cancel(fmt.Errorf("lease lost: %w", err))
				return
			}
			l = renewed
		}
	}()
	release := func() {
		cancel(context.Canceled)
		<-ended
		err := s.o.Lock.Unlock(context.WithoutCancel(ctx), l)
		if err != nil && !errors.Is(err, kv.ErrNotOwner) {
			s.o.Logger.Warn("housekeeping: unlock", slog.String("job", w.name), slog.Any("err", err))
		}
	}
	return held, release, nil
}
