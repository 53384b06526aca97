package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// fault is what a server does on command.
type fault int

const (
	none    fault = iota
	refuses       // at once
	hangs         // until the call's context ends
	late          // does what it is asked, but answers as one that hangs
)

// server stands for one that several engines share: our own memory store behind faults. It is not
// closed by those who use it.
type server struct {
	kv.Store
	calls atomic.Int64

	mu   sync.Mutex
	mode fault
	gate chan struct{} // if there is one, reads answer when it opens
}

func (s *server) become(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = f
}

// hold makes reads answer not before the returned function is called.
func (s *server) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.gate = gate
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gate = nil
		close(gate)
	}
}

// at does what a call would do to a server in this state.
func (s *server) at(ctx context.Context, do func() error) error {
	s.calls.Add(1)
	s.mu.Lock()
	mode := s.mode
	s.mu.Unlock()
	switch mode {
	case refuses:
		return fmt.Errorf("%w: connection refused", kv.ErrUnavailable)
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case late:
		err := do()
		<-ctx.Done()
		return errors.Join(ctx.Err(), err)
	}
	return do()
}

func (s *server) Close() error { return nil }

func (s *server) Get(ctx context.Context, k kv.Key) (v kv.Value, err error) {
	err = s.at(ctx, func() (err error) { v, err = s.Store.Get(ctx, k); return err })
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return v, err
}

func (s *server) GetMany(ctx context.Context, ks []kv.Key) (vs []kv.Value, err error) {
	err = s.at(ctx, func() (err error) { vs, err = s.Store.GetMany(ctx, ks); return err })
	return vs, err
}

func (s *server) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.at(ctx, func() error { return s.Store.Set(ctx, k, v, ttl) })
}

func (s *server) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (ok bool, err error) {
	err = s.at(ctx, func() (err error) { ok, err = s.Store.Add(ctx, k, v, ttl); return err })
	return ok, err
}

func (s *server) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (n int64, err error) {
	err = s.at(ctx, func() (err error) { n, err = s.Store.Incr(ctx, k, by, ttl); return err })
	return n, err
}

func (s *server) Counter(ctx context.Context, k kv.Key) (n int64, err error) {
	err = s.at(ctx, func() (err error) { n, err = s.Store.Counter(ctx, k); return err })
	return n, err
}

func (s *server) Rate(ctx context.Context, k kv.Key, r kv.Rule, cost int64, peek bool) (d kv.Decision, err error) {
	err = s.at(ctx, func() (err error) { d, err = s.Store.Rate(ctx, k, r, cost, peek); return err })
	return d, err
}

func (s *server) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (l kv.Lease, err error) {
	err = s.at(ctx, func() (err error) { l, err = s.Store.Lock(ctx, k, ttl, durable); return err })
	return l, err
}

func (s *server) Unlock(ctx context.Context, l kv.Lease) error {
	return s.at(ctx, func() error { return s.Store.Unlock(ctx, l) })
}

func (s *server) Lease(ctx context.Context, k kv.Key) (l kv.Lease, err error) {
	err = s.at(ctx, func() (err error) { l, err = s.Store.(kv.LeaseReader).Lease(ctx, k); return err })
	return l, err
}

func (s *server) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) (items []kv.Item, next string, err error) {
	err = s.at(ctx, func() (err error) { items, next, err = s.Store.List(ctx, p, name, cursor, limit); return err })
	return items, next, err
}

func (s *server) Stats(ctx context.Context) (stats []kv.PrefixStats, err error) {
	err = s.at(ctx, func() (err error) { stats, err = s.Store.Stats(ctx); return err })
	return stats, err
}
