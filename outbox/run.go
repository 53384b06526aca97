package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// perSession is how many messages go over one connection.
	perSession = 100
	// keepOpen is how long a connection waits for the next message.
	keepOpen = 2 * time.Second
	// look is the longest wait between two looks at the queue.
	look = time.Minute
	// sweepEvery is how often old keys are forgotten.
	sweepEvery = time.Hour
)

// Run sends what is due until ctx ends; then it returns nil after the attempts under way
// have been broken off. They count as attempts.
func (b *Outbox) Run(ctx context.Context) error {
	jobs := make(chan *item)
	var workers sync.WaitGroup
	for range b.o.Workers {
		workers.Go(func() { b.work(ctx, jobs) })
	}
	defer workers.Wait()
	defer close(jobs)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-timer.C:
		}
		if now := b.o.Now(); now.Sub(swept) >= sweepEvery {
			swept = now
			b.sweepAll(ctx)
		}
		wait := look
		b.mu.Lock()
		items, next, err := b.claim(ctx, b.o.Workers)
		for _, it := range items {
			b.inFlight[it.id] = true
		}
		b.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			b.o.Logger.Error("outbox: queue cannot be read", slog.Any("err", err))
		}
		for _, it := range items {
			select {
			case jobs <- it:
			case <-ctx.Done():
				return nil
			}
		}
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(b.o.Now()), time.Millisecond))
		}
		timer.Reset(wait)
	}
}

func (b *Outbox) sweepAll(ctx context.Context) {
	for {
		more, err := b.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			b.o.Logger.Error("outbox: old keys cannot be forgotten", slog.Any("err", err))
		}
		if err != nil || !more {
			return
		}
	}
}

// work sends messages over a connection of its own, which it keeps for a while.
func (b *Outbox) work(ctx context.Context, jobs <-chan *item) {
	var s *session
	drop := func() {
		if s != nil {
			s.quit()
			s = nil
		}
	}
	defer drop()
	idle := time.NewTimer(keepOpen)
	defer idle.Stop()
	for {
		select {
		case it, ok := <-jobs:
			if !ok {
				return
			}
			s = b.attempt(ctx, s, it)
			if s != nil && (s.used >= perSession || s.relay != b.relay.Load()) {
				drop()
			}
			idle.Reset(keepOpen)
		case <-idle.C:
			drop()
		}
	}
}

// attempt tries one message and returns the session if it can be used again.
func (b *Outbox) attempt(ctx context.Context, s *session, it *item) *session {
	defer func() {
		b.mu.Lock()
		delete(b.inFlight, it.id)
		b.mu.Unlock()
		b.poke() // it, or what came of it, may be due already
	}()
	var err error
	it.raw, err = b.load(ctx, it.id)
	if err != nil {
		b.o.Logger.Error("outbox: message cannot be read", slog.Any("err", err))
		return s
	}
	if it.raw == nil {
		return s // removed by hand
	}
	if !it.bounce || !b.local(ctx, it) {
		s = b.deliver(ctx, s, it)
	}
	if ctx.Err() != nil && !settled(it) {
		return s // stopped in the middle: the claim stands as an attempt
	}
	// What the relay answered is kept even when the server goes down meanwhile.
	if err := b.finish(context.WithoutCancel(ctx), it); err != nil {
		b.o.Logger.Error("outbox: result cannot be kept", slog.Any("err", err))
	}
	b.note(it)
	return s
}

// deliver sends over s, or a new session where s is nil or turns out to be dead.
func (b *Outbox) deliver(ctx context.Context, s *session, it *item) *session {
	for fresh := s == nil; ; fresh = true {
		if s == nil {
			var err error
			if s, err = b.connect(ctx); err != nil {
				for i := range it.to {
					it.to[i].result = temporaryOf(err)
				}
				return nil
			}
		}
		if s.send(it, b.o.Now()) {
			return s
		}
		started := !s.idleClosed(it)
		s.close()
		s = nil
		if fresh || started {
			return nil
		}
		for i := range it.to {
			it.to[i].result = result{}
		}
	}
}

// idleClosed says whether the relay closed a kept connection before it took anything of
// the message: nothing was answered for anybody.
func (s *session) idleClosed(it *item) bool {
	for _, t := range it.to {
		if t.result.fromRelay || t.result.kind != temporary {
			return false
		}
	}
	return !s.begun
}

// temporaryOf reads an error from before the message was begun: even a 5xx there, such
// as a refused login, says nothing of the message.
func temporaryOf(err error) result {
	r := resultOf(err)
	r.kind = temporary
	if errors.Is(err, ErrNoRelay) {
		r.message = ErrNoRelay.Error()
	}
	return r
}

// local gives a bounce to a sender of ours.
func (b *Outbox) local(ctx context.Context, it *item) bool {
	if b.o.Bounce == nil {
		return false
	}
	known, err := b.o.Bounce(ctx, it.to[0].address, it.raw)
	if !known && err == nil {
		return false
	}
	r := result{kind: delivered, message: "delivered here"}
	if err != nil {
		r = result{kind: temporary, message: err.Error()}
	}
	it.to[0].result = r
	return true
}

func settled(it *item) bool {
	for _, t := range it.to {
		if t.result.kind == delivered || t.result.kind == permanent {
			return true
		}
	}
	return false
}

// note counts and logs the results.
func (b *Outbox) note(it *item) {
	for _, t := range it.to {
		switch t.result.kind {
		case delivered:
			b.sent.Add(1)
			b.o.Logger.Info("sent", slog.Int64("message_id", it.id))
		case permanent:
			b.failed.Add(1)
			b.o.Logger.Warn("refused by the relay", slog.Int64("message_id", it.id), slog.String("err", t.result.text()))
		case temporary:
			b.deferred.Add(1)
			b.o.Logger.Warn(fmt.Sprintf("not sent at attempt %d", t.attempts), slog.Int64("message_id", it.id), slog.String("err", t.result.text()))
		}
	}
}
