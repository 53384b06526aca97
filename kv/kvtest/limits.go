package kvtest

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var (
	perMinute = kv.Rule{Limit: 10, Per: time.Minute}
	bursty    = kv.Rule{Limit: 60, Per: time.Minute, Burst: 5}
)

func (e *env) incr(k kv.Key, by int64, ttl time.Duration, want int64) {
	e.Helper()
	got, err := e.kv.Incr(e.ctx, k, by, ttl)
	if got != want || err != nil {
		e.Errorf("Incr by %d: %d, %v, want %d", by, got, err, want)
	}
}

func (e *env) counts(k kv.Key, want int64) {
	e.Helper()
	if got, err := e.kv.Counter(e.ctx, k); got != want || err != nil {
		e.Errorf("Counter: %d, %v, want %d", got, err, want)
	}
}

var counterTests = []test{
	{"a counter starts at 0 and is decimal ASCII", 0, func(e *env) {
		k := counter("a")
		e.counts(k, 0)
		e.lacks(k)
		e.incr(k, 5, 0, 5)
		e.incr(k, -7, 0, -2)
		e.incr(k, 0, 0, -2)
		e.counts(k, -2)
		e.has(k, "-2")
		e.set(k, "40", 0)
		e.incr(k, 2, 0, 42)
		if ok, err := e.kv.CompareAndSwap(e.ctx, k, []byte("42"), []byte("1"), 0); !ok || err != nil {
			e.Errorf("CompareAndSwap of a counter: %v, %v", ok, err)
		}
		e.counts(k, 1)
	}},
	{"a counter's ttl runs from its first increment and does not slide", 0, func(e *env) {
		k := counter("a")
		e.incr(k, 1, time.Minute, 1)
		e.advance(59 * time.Second)
		e.incr(k, 1, time.Minute, 2)
		e.advance(999 * time.Millisecond)
		e.incr(k, 1, 0, 3)
		e.counts(k, 3)
		e.advance(time.Millisecond)
		e.counts(k, 0)
		e.lacks(k)
		e.incr(k, 1, time.Second, 1)
		e.advance(time.Second)
		e.incr(k, 1, 0, 1)
		e.advance(time.Hour)
		e.counts(k, 1)
		e.set(k, "5", time.Second)
		e.incr(k, 1, time.Hour, 6)
		e.advance(time.Second)
		e.counts(k, 0)
	}},
	{"what is no number is no counter and stays as it is", 0, func(e *env) {
		k := counter("a")
		for _, v := range []string{"", "x", "1.5", "0x1", " 1", "9223372036854775808", "1\n", "+1", "007", "-0", "1\x00"} {
			e.set(k, v, 0)
			_, err := e.kv.Incr(e.ctx, k, 1, 0)
			e.is(err, kv.ErrNotCounter)
			_, err = e.kv.Counter(e.ctx, k)
			e.is(err, kv.ErrNotCounter)
			e.has(k, v)
		}
	}},
	{"a counter that would overflow keeps its number", 0, func(e *env) {
		k := counter("a")
		e.incr(k, math.MaxInt64, 0, math.MaxInt64)
		_, err := e.kv.Incr(e.ctx, k, 1, 0)
		e.is(err, kv.ErrOverflow)
		e.counts(k, math.MaxInt64)
		e.incr(k, math.MinInt64, 0, -1)
		e.incr(k, math.MinInt64+1, 0, math.MinInt64)
		_, err = e.kv.Incr(e.ctx, k, -1, 0)
		e.is(err, kv.ErrOverflow)
		e.counts(k, math.MinInt64)
	}},
}

func (e *env) rate(k kv.Key, rule kv.Rule, cost int64, peek bool, want kv.Decision) {
	e.Helper()
	got, err := e.kv.Rate(e.ctx, k, rule, cost, peek)
	if got != want || err != nil {
		e.Errorf("Rate %v cost %d: %+v, %v, want %+v", rule, cost, got, err, want)
	}
}

var rateTests = []test{
	{"a sliding window admits its limit and says when to come again", 0, func(e *env) {
		k := allow("a")
		for left := int64(9); left >= 0; left-- {
			e.rate(k, perMinute, 1, false, kv.Decision{Allowed: true, Limit: 10, Remaining: left})
		}
		refused := kv.Decision{Limit: 10, RetryAfter: time.Minute}
		e.rate(k, perMinute, 1, false, refused)
		e.rate(k, perMinute, 1, true, refused)
		e.advance(time.Minute - time.Millisecond)
		e.rate(k, perMinute, 1, false, kv.Decision{Limit: 10, RetryAfter: time.Millisecond})
		e.advance(time.Millisecond)
		// All ten came at once, so half of them is gone now, and the rest goes evenly.
		e.rate(k, perMinute, 1, false, kv.Decision{Allowed: true, Limit: 10, Remaining: 5})
	}},
	{"a burst is admitted at once and refills at the rate", 0, func(e *env) {
		k := allow("a")
		e.rate(k, bursty, 5, false, kv.Decision{Allowed: true, Limit: 60})
		e.rate(k, bursty, 2, false, kv.Decision{Limit: 60, RetryAfter: 2 * time.Second})
		e.advance(time.Second)
		e.rate(k, bursty, 2, false, kv.Decision{Limit: 60, Remaining: 1, RetryAfter: time.Second})
		e.advance(time.Second)
		e.rate(k, bursty, 2, false, kv.Decision{Allowed: true, Limit: 60})
		e.advance(time.Hour)
		e.rate(k, bursty, 0, true, kv.Decision{Allowed: true, Limit: 60, Remaining: 5})
	}},
	{"peeking takes nothing, refusing takes nothing, a cost of 0 asks", 0, func(e *env) {
		k := allow("a")
		for range 3 {
			e.rate(k, perMinute, 10, true, kv.Decision{Allowed: true, Limit: 10})
			e.rate(k, perMinute, 11, false, kv.Decision{Limit: 10, Remaining: 10, RetryAfter: time.Minute})
			e.rate(k, perMinute, 0, false, kv.Decision{Allowed: true, Limit: 10, Remaining: 10})
		}
		e.rate(k, perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
	}},
	{"keys, prefixes and rules have allowances of their own", 0, func(e *env) {
		e.rate(allow("a"), perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
		e.rate(allow("b"), perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
		e.rate(value("a"), perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
		e.rate(allow("a"), bursty, 5, false, kv.Decision{Allowed: true, Limit: 60})
		e.rate(allow("a"), kv.Rule{Limit: 10, Per: time.Hour}, 10, false, kv.Decision{Allowed: true, Limit: 10})
		e.rate(allow("a"), perMinute, 0, true, kv.Decision{Allowed: true, Limit: 10})
	}},
	{"nonsense is refused", 0, func(e *env) {
		for _, r := range []kv.Rule{{}, {Limit: 1}, {Per: time.Second}, {Limit: -1, Per: time.Second}, {Limit: 1, Per: time.Second, Burst: -1}, {Limit: 1, Per: 1000 * 24 * time.Hour}} {
			_, err := e.kv.Rate(e.ctx, allow("a"), r, 1, false)
			e.is(err, kv.ErrInvalid)
		}
		_, err := e.kv.Rate(e.ctx, allow("a"), perMinute, -1, false)
		e.is(err, kv.ErrInvalid)
	}},
	{"a clock set back does not freeze a limit", 0, func(e *env) {
		e.rate(allow("a"), perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
		e.advance(-24 * time.Hour)
		e.rate(allow("a"), perMinute, 1, true, kv.Decision{Limit: 10, RetryAfter: time.Minute})
		e.advance(2 * time.Minute)
		e.rate(allow("a"), perMinute, 10, false, kv.Decision{Allowed: true, Limit: 10})
	}},
	{"a clock set back revives nothing and keeps time running", 0, func(e *env) {
		e.set(value("a"), "1", time.Minute)
		e.set(value("b"), "1", 2*time.Minute)
		e.advance(time.Minute)
		e.lacks(value("a"))
		e.advance(-24 * time.Hour)
		e.lacks(value("a"))
		e.has(value("b"), "1")
		e.advance(time.Minute)
		e.lacks(value("b"))
	}},
}

var raceTests = []test{
	{"concurrent increments are all counted, each with a number of its own", 0, func(e *env) {
		var mu sync.Mutex
		seen := map[int64]bool{}
		e.many(400, func(int) {
			n, err := e.kv.Incr(e.ctx, counter("a"), 1, time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[n] {
				e.Errorf("number %d, %v, given before: %v", n, err, seen[n])
			}
			seen[n] = true
		})
		e.counts(counter("a"), 400)
	}},
	{"of concurrent Adds, swaps and locks exactly one wins", 0, func(e *env) {
		for round := range 10 {
			name := fmt.Sprint(round)
			e.set(value("s"+name), "old", 0)
			var mu sync.Mutex
			adds, swaps, locks := 0, 0, 0
			e.many(16, func(i int) {
				v := fmt.Append(nil, i)
				a, err := e.kv.Add(e.ctx, value("a"+name), v, 0)
				if err != nil {
					e.Error(err)
				}
				s, err := e.kv.CompareAndSwap(e.ctx, value("s"+name), []byte("old"), v, 0)
				if err != nil {
					e.Error(err)
				}
				if e.suite.Lacks&Locks == 0 {
					_, err = e.kv.Lock(e.ctx, lock(name), time.Minute, i%2 == 0)
				} else if err = kv.ErrLocked; i == 0 {
					err = nil // nothing to win
				}
				mu.Lock()
				defer mu.Unlock()
				if a {
					adds++
				}
				if s {
					swaps++
				}
				if err == nil {
					locks++
				} else {
					e.is(err, kv.ErrLocked)
				}
			})
			if adds != 1 || swaps != 1 || locks != 1 {
				e.Errorf("%d Adds, %d swaps, %d locks won", adds, swaps, locks)
			}
		}
	}},
	{"concurrent callers of a limit share it", 0, func(e *env) {
		var mu sync.Mutex
		allowed := 0
		e.many(50, func(int) {
			d, err := e.kv.Rate(e.ctx, allow("a"), perMinute, 1, false)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				e.Error(err)
			}
			if d.Allowed {
				allowed++
			}
		})
		if allowed != 10 {
			e.Errorf("allowed %d, want 10", allowed)
		}
	}},
	{"purging never takes a row that was written anew", 0, func(e *env) {
		e.many(8, func(w int) {
			for i := range 25 {
				k := value(fmt.Sprintf("%d/%d", w, i%5))
				if w == 0 {
					if _, _, err := e.kv.Purge(e.ctx); err != nil {
						e.Error(err)
					}
					e.advance(time.Second)
					continue
				}
				if err := e.kv.Set(e.ctx, k, []byte("old"), time.Millisecond); err != nil {
					e.Error(err)
				}
				if err := e.kv.Set(e.ctx, k, []byte("new"), 0); err != nil {
					e.Error(err)
				}
				if v, err := e.kv.Get(e.ctx, k); err != nil || string(v.Bytes) != "new" {
					e.Errorf("%q, %v", v.Bytes, err)
				}
			}
		})
	}},
}

// many runs fn n times from 16 goroutines.
func (e *env) many(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				fn(i)
			}
		})
	}
	wg.Wait()
}
