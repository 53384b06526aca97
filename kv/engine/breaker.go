package engine

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultFailures = 5
	defaultPause    = time.Second
	longestPause    = 30 * time.Second
)

// breaker decides whether a store is asked at all.
//
//	closed ── so many failures in a row ──> open ── pause over ──> probing
//	   ▲                                     ▲                        │
//	   │                                     └── failed, pause × 2 ───┤
//	   └───────────────────────── answered ───────────────────────────┘
//
// One call at a time is the probe. A probe that says nothing, since its caller left, gives its
// place to the next call. What calls of before the opening say no longer matters.
type breaker struct {
	limit int           // failures in a row
	first time.Duration // pause after the opening
	log   *slog.Logger

	open     atomic.Bool
	failures atomic.Int64 // in a row, while closed
	opened   atomic.Int64 // openings

	mu      sync.Mutex
	pause   time.Duration
	until   time.Time // no probe before
	since   time.Time
	probing bool
}

func newBreaker(o Options) *breaker {
	b := &breaker{limit: o.BreakerFailures, first: o.BreakerPause, log: o.Logger}
	if b.limit <= 0 {
		b.limit = defaultFailures
	}
	if b.first <= 0 {
		b.first = defaultPause
	}
	return b
}

// verdict is what the end of a call says about the store.
type verdict uint8

const (
	silent   verdict = iota // nothing: the store was not asked, or the caller left
	answered                // the store is there, also if it said no
	failed                  // it is not, or not in time
)

// enter says whether the call may be made, and whether it is the probe. A call that may has to be
// followed by leave.
func (b *breaker) enter() (probe, ok bool) {
	if !b.open.Load() {
		return false, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open.Load():
		return false, true
	case b.probing || time.Now().Before(b.until):
		return false, false
	}
	b.probing = true
	return true, true
}

// leave tells how a call that entered has ended.
func (b *breaker) leave(probe bool, v verdict, err error) {
	if !probe {
		switch {
		case v == answered && b.failures.Load() != 0:
			b.failures.Store(0)
		case v == failed && b.failures.Add(1) >= int64(b.limit):
			b.trip(err)
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch v {
	case answered:
		b.failures.Store(0)
		b.open.Store(false)
		b.log.Info("store answers again", "took", time.Since(b.since))
	case failed:
		b.pause = min(2*b.pause, max(longestPause, b.first))
		b.until = time.Now().Add(jitter(b.pause))
	}
}

// trip opens a closed breaker.
func (b *breaker) trip(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Load() {
		return
	}
	b.since = time.Now()
	b.pause = b.first
	b.until = b.since.Add(jitter(b.pause))
	b.opened.Add(1)
	b.open.Store(true)
	b.log.Error("store does not answer, and is left alone for a while", "err", err)
}

// jitter spreads pauses over nine to eleven tenths, so that a crowd of processes does not come back
// in step.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
