package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

const (
	// defaultTimeout is for calls on named keys.
	defaultTimeout = 200 * time.Millisecond
	// pageTimeout is for calls whose work is a page or a step.
	pageTimeout = 10 * time.Second
	// wholeTimeout is for calls that walk a prefix or the store to its end.
	wholeTimeout = 5 * time.Minute
)

// guard stands between the engine and a backend on the other side of a wire.
//
//	call ──> served? ──> breaker ──> context with a time limit ──> backend
//	           │ no        │ open
//	           ▼           ▼
//	     ErrUnsupported  ErrUnavailable, at once
//
// It promises that a store which hangs costs a call its time limit and no more, and nothing while
// the breaker is open. It does so in the caller's goroutine: the backend has to heed its context.
// A call whose own context ends says nothing about the store.
//
// A write that ran out of time may still take effect later; it is never made twice.
type guard struct {
	backend kv.Store
	name    string
	timeout time.Duration
	page    time.Duration
	breaker *breaker
	refused [256]error // of prefixes that the backend does not serve

	unavailable, whenOpen, whenClosed atomic.Int64
}

var (
	_ kv.Store       = (*guard)(nil)
	_ kv.LeaseReader = (*guard)(nil)
)

// newGuard guards backend, with o's defaults filled in but for those of the guard itself.
func newGuard(backend kv.Store, o Options) *guard {
	g := &guard{backend: backend, name: o.Name, timeout: o.Timeout, breaker: newBreaker(o)}
	if g.timeout <= 0 {
		g.timeout = defaultTimeout
	}
	g.page = max(pageTimeout, g.timeout)
	if l, ok := backend.(kv.Limited); ok {
		for p := range g.refused {
			info := kv.Prefix(p).Info()
			if err := l.Serves(info); err != nil {
				g.refused[p] = fmt.Errorf("kv/engine: %s: %s: %w", g.what(), info.Name, unsupported(err))
			}
		}
	}
	return g
}

// unsupported makes sure that err is kv.ErrUnsupported.
func unsupported(err error) error {
	if errors.Is(err, kv.ErrUnsupported) {
		return err
	}
	return fmt.Errorf("%w: %w", kv.ErrUnsupported, err)
}

// what names the store in errors.
func (g *guard) what() string {
	if g.name == "" {
		return "store"
	}
	return fmt.Sprintf("store %q", g.name)
}

// errand is one call of the backend.
type errand struct {
	act    string
	limit  time.Duration // as the guard's own, or less if somebody waited before
	prefix kv.Prefix
	policy policies
}

// policies are what those wait for whose prefixes a call is about.
type policies uint8

const (
	nobody policies = iota // the call is about no prefix
	failsOpen
	failsClosed
)

// policyOf returns p's own policy.
func policyOf(p kv.Prefix) policies {
	if p.Info().Unreachable == kv.FailOpen {
		return failsOpen
	}
	return failsClosed
}

// on makes a call about one prefix.
func (g *guard) on(p kv.Prefix, act string, limit time.Duration) errand {
	return errand{act: act, limit: limit, prefix: p, policy: policyOf(p)}
}

// do makes the call, if it may be made now.
func (g *guard) do(ctx context.Context, c errand, fn func(context.Context) error) (err error) {
	if c.policy != nobody && g.refused[c.prefix] != nil {
		return g.refused[c.prefix]
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	probe, ok := g.breaker.enter()
	if !ok {
		g.count(c)
		return fmt.Errorf("kv/engine: %s: %s: %w: not asked, since it did not answer before", g.what(), c.act, kv.ErrUnavailable)
	}
	v := silent
	defer func() { g.breaker.leave(probe, v, err) }() // also if the backend panics

	until := time.Now().Add(c.limit)
	theirs, bounded := ctx.Deadline()
	hurried := bounded && theirs.Before(until)
	// With the standard library's contexts this is a timer, not a goroutine.
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err = fn(limited)
	switch {
	case err == nil:
		v = answered
	case refusal(err):
	case !kv.IsUnavailable(err) && !errors.Is(err, context.Canceled):
		v = answered
	case ctx.Err() != nil:
		err = g.left(c, ctx.Err())
	case hurried && (timedOut(err) || !time.Now().Before(theirs)):
		// The caller's own time is over, of which the context may not know yet.
		err = g.left(c, context.DeadlineExceeded)
	case limited.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		if c.limit >= g.timeout {
			v = failed
		}
		err = g.late(c)
	case kv.IsUnavailable(err):
		v = failed
		g.count(c)
		err = fmt.Errorf("kv/engine: %s: %s: %w", g.what(), c.act, err)
	}
	return err
}

// refusal reports whether err is a refusal for which the store need not have been asked.
func refusal(err error) bool {
	return errors.Is(err, kv.ErrTooLarge) || errors.Is(err, kv.ErrInvalid) || errors.Is(err, kv.ErrUnsupported) || errors.Is(err, kv.ErrClosed)
}

// timedOut reports whether err is a time limit's, a connection's among them.
func timedOut(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// late counts a call that ran out of the guard's time, and makes its error.
func (g *guard) late(c errand) error {
	g.count(c)
	return fmt.Errorf("kv/engine: %s: %s: %w: no answer within %v", g.what(), c.act, kv.ErrUnavailable, max(c.limit, g.timeout))
}

// left is the error of a call whose caller's context ended.
func (g *guard) left(c errand, why error) error {
	return fmt.Errorf("kv/engine: %s: %s: %w", g.what(), c.act, why)
}

// count counts a call that ends with kv.ErrUnavailable.
func (g *guard) count(c errand) {
	g.unavailable.Add(1)
	switch c.policy {
	case failsOpen:
		g.whenOpen.Add(1)
	case failsClosed:
		g.whenClosed.Add(1)
	}
}

// metrics adds the guard's counts to m.
func (g *guard) metrics(m *Metrics) {
	m.Unavailable = g.unavailable.Load()
	m.UnavailableOpen = g.whenOpen.Load()
	m.UnavailableClosed = g.whenClosed.Load()
	m.BreakerOpened = g.breaker.opened.Load()
	if g.breaker.open.Load() {
		m.BreakerOpen = 1
	}
}
