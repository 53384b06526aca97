// Package kvtest is the contract of kv.Store as tests, which every backend runs:
//
//	func TestStore(t *testing.T) {
//		kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
//			clock := kvtest.NewClock()
//			s := memory.New(memory.Options{Now: clock.Now})
//			return s, clock.Advance
//		})
//	}
//
// Nobody sleeps: the clock is the test's. Besides the sentences of the contract, Run
// makes many short concurrent histories and has porcupine search each for an order of
// the operations that explains every answer, time included.
package kvtest

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Clock is a time that only the test moves. It may be used by many goroutines.
type Clock struct{ ns atomic.Int64 }

// NewClock returns a clock that stands at some round moment.
func NewClock() *Clock {
	c := new(Clock)
	c.ns.Store(time.Unix(1_800_000_000, 0).UnixNano())
	return c
}

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Unix(0, c.ns.Load()) }

// Advance moves the time, back if d is negative.
func (c *Clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

// Open makes an empty store and a function that moves its clock. Run closes the store.
type Open func(t *testing.T) (s kv.Store, advance func(time.Duration))

// env is what a test of the contract works with.
type env struct {
	*testing.T
	ctx     context.Context
	kv      kv.Store
	advance func(time.Duration)
	suite   Suite
}

// Feature is a part of the contract that a backend may lack.
type Feature uint8

// The features. A backend that lacks one returns kv.ErrUnsupported for its methods.
const (
	Locks   Feature = 1 << iota // Lock, Renew, Unlock, Lease; SetFenced
	Lists                       // List, DeletePrefix, Stats
	Purging                     // Purge finds what is expired; without it the backend gives expired rows back by itself
)

// Suite is the contract for a backend that lacks features, or that is slower than memory.
type Suite struct {
	Open  Open
	Lacks Feature
	// Remote says that each call crosses to a server: random runs and histories are fewer.
	Remote bool
}

// Proof says that the full counts are asked for.
func Proof() bool { return os.Getenv("SLUICE_PROOF") != "" }

// Histories is how many concurrent histories Run checks.
const histories = 200

// Run tests the whole contract.
func Run(t *testing.T, open Open) { Suite{Open: open}.Run(t) }

// Run tests what the backend does not lack.
func (suite Suite) Run(t *testing.T) {
	open := suite.Open
	for _, group := range [][]test{valueTests, scanTests, counterTests, addTests, rateTests, lockTests, raceTests, {randomTest}} {
		for _, c := range group {
			if c.needs&suite.Lacks != 0 {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				s, advance := open(t)
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				c.run(&env{t, t.Context(), s, advance, suite})
			})
		}
	}
	for _, c := range []struct {
		name string
		shape
		n int
	}{
		{"every concurrent history has an order that explains it", mixed, histories},
		{"every history of eight writers of one key has an order that explains it", crowd, suite.crowds()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, advance := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			if illegal, example := suite.histories(t, s, advance, c.shape, c.n, uint64(time.Now().UnixNano())); illegal > 0 {
				t.Errorf("%d of %d histories have none, for example:\n%s", illegal, c.n, example)
			}
		})
	}
}

// crowds is how many histories have eight writers.
func (suite Suite) crowds() int {
	if suite.Remote && !Proof() {
		return histories / 4
	}
	return histories
}

type test struct {
	name  string
	needs Feature
	run   func(*env)
}

// The keys of the four kinds.
func value(name string) kv.Key   { return kv.Key{Prefix: kv.Script, Name: name} }
func counter(name string) kv.Key { return kv.Key{Prefix: kv.ScriptCounter, Name: name} }
func allow(name string) kv.Key   { return kv.Key{Prefix: kv.ScriptRate, Name: name} }
func lock(name string) kv.Key    { return kv.Key{Prefix: kv.ScriptLock, Name: name} }

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) is(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("got error %v, want %v", err, want)
	}
}

func (e *env) set(k kv.Key, v string, ttl time.Duration) {
	e.Helper()
	e.ok(e.kv.Set(e.ctx, k, []byte(v), ttl))
}

// has checks that k holds v.
func (e *env) has(k kv.Key, v string) {
	e.Helper()
	got, err := e.kv.Get(e.ctx, k)
	if err != nil || string(got.Bytes) != v || got.Bytes == nil {
		e.Errorf("%q holds %q, %v, want %q", k.Name, got.Bytes, err, v)
	}
}

// lacks checks that k is absent for every way of reading.
func (e *env) lacks(k kv.Key) {
	e.Helper()
	if got, err := e.kv.Get(e.ctx, k); !errors.Is(err, kv.ErrNotFound) {
		e.Errorf("%q holds %q, %v, want ErrNotFound", k.Name, got.Bytes, err)
	}
	if many, err := e.kv.GetMany(e.ctx, []kv.Key{k}); err != nil || len(many) != 1 || many[0].Bytes != nil {
		e.Errorf("GetMany of %q gave %v, %v", k.Name, many, err)
	}
	if e.suite.Lacks&Lists != 0 {
		return
	}
	items, _, err := e.kv.List(e.ctx, k.Prefix, k.Name, "", 10)
	e.ok(err)
	for _, it := range items {
		if it.Key == k {
			e.Errorf("%q is listed", k.Name)
		}
	}
}

// names lists everything below name in pages of the given size.
func (e *env) names(p kv.Prefix, name string, page int) []string {
	e.Helper()
	names := []string{}
	for cursor := ""; ; {
		items, next, err := e.kv.List(e.ctx, p, name, cursor, page)
		e.ok(err)
		if len(items) > page {
			e.Fatalf("a page of %d has %d rows", page, len(items))
		}
		for _, it := range items {
			names = append(names, it.Key.Name)
		}
		if next == "" {
			return names
		}
		if len(items) == 0 || len(names) > 10_000 {
			e.Fatalf("listing goes on without getting anywhere")
		}
		cursor = next
	}
}

// purgeAll purges to the end and returns how many rows went.
func (e *env) purgeAll() (removed int) {
	e.Helper()
	for range 10_000 {
		n, more, err := e.kv.Purge(e.ctx)
		e.ok(err)
		removed += n
		if !more {
			return removed
		}
	}
	e.Fatal("purging never ends")
	return 0
}

func (e *env) rows(p kv.Prefix) kv.PrefixStats {
	e.Helper()
	stats, err := e.kv.Stats(e.ctx)
	e.ok(err)
	i := slices.IndexFunc(stats, func(s kv.PrefixStats) bool { return s.Prefix == p })
	if i < 0 {
		return kv.PrefixStats{Prefix: p}
	}
	return stats[i]
}
