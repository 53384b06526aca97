package kvtest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

// addTests are about IncrMany, of the store or by its fallback.
var addTests = []test{
	{"adding to many counters gives their new numbers in order, repeats among them", 0, func(e *env) {
		e.incr(counter("b"), 5, 0, 5)
		e.added(0, nil, []int64{1, 4, 6, 8}, counter("a"), 1, counter("b"), -1, counter("a"), 5, value("a"), 8)
		e.counts(counter("a"), 6)
		e.counts(counter("b"), 4)
		e.has(value("a"), "8")
		e.added(0, nil, []int64{})
		var many []any
		var want []int64
		for i := range kv.MaxMany {
			many, want = append(many, counter(fmt.Sprintf("m%d", i)), i), append(want, int64(i))
		}
		e.added(0, nil, want, many...)
		e.counts(counter("m999"), 999)
	}},
	{"adding to many counters gives a ttl to those that begin", 0, func(e *env) {
		e.incr(counter("old"), 1, 2*time.Second, 1)
		e.incr(counter("ever"), 1, 0, 1)
		e.added(time.Minute, nil, []int64{2, 2, 1}, counter("old"), 1, counter("ever"), 1, counter("new"), 1)
		e.advance(2 * time.Second)
		e.added(time.Minute, nil, []int64{1, 3, 2}, counter("old"), 1, counter("ever"), 1, counter("new"), 1)
		e.advance(58 * time.Second)
		e.lacks(counter("new"))
		e.counts(counter("old"), 1)
		e.counts(counter("ever"), 3)
	}},
	{"one counter that cannot be added to stops no other", 0, func(e *env) {
		e.set(counter("text"), "x", 0)
		e.incr(counter("full"), math.MaxInt64, 0, math.MaxInt64)
		e.added(0, kv.ErrNotCounter, []int64{1, 0, 1}, counter("a"), 1, counter("text"), 1, counter("b"), 1)
		e.added(0, kv.ErrOverflow, []int64{2, 0, 2}, counter("a"), 1, counter("full"), 1, counter("b"), 1)
		e.has(counter("text"), "x")
		e.counts(counter("full"), math.MaxInt64)
	}},
	{"what is wrong from the beginning is refused as a whole", 0, func(e *env) {
		e.added(-1, kv.ErrInvalid, nil, counter("a"), 1)
		e.added(0, kv.ErrTooLarge, nil, counter("a"), 1, counter(strings.Repeat("k", kv.MaxName+1)), 1)
		_, err := kv.IncrMany(e.ctx, e.kv, make([]kv.Addition, kv.MaxMany+1), 0)
		e.is(err, kv.ErrTooLarge)
		over, cancel := context.WithCancel(e.ctx)
		cancel()
		_, err = kv.IncrMany(over, e.kv, []kv.Addition{{Key: counter("a"), By: 1}, {Key: counter("b"), By: 1}}, 0)
		e.is(err, context.Canceled)
		e.lacks(counter("a"))
	}},
	{"many who add to the same counters at once lose nothing", 0, func(e *env) {
		const callers, calls, each = 6, 5, 20
		var all sync.WaitGroup
		errs := make(chan error, callers)
		for c := range callers {
			all.Go(func() {
				for n := range calls {
					var adds []kv.Addition
					for i := range each { // each caller has its own order
						adds = append(adds, kv.Addition{Key: counter(fmt.Sprint((i*7 + c + n) % each)), By: 1})
					}
					if _, err := kv.IncrMany(e.ctx, e.kv, adds, 0); err != nil {
						errs <- err
						return
					}
					if _, err := e.kv.Incr(e.ctx, counter(fmt.Sprint(c)), 1, 0); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(errs)
		for err := range errs {
			e.Error(err)
		}
		for i := range each {
			want := int64(callers * calls)
			if i < callers {
				want += calls
			}
			e.counts(counter(fmt.Sprint(i)), want)
		}
	}},
}

// added makes additions, given as keys and numbers in turn.
func (e *env) added(ttl time.Duration, wantErr error, want []int64, keysAndNumbers ...any) {
	e.Helper()
	adds := []kv.Addition{}
	for i := 0; i < len(keysAndNumbers); i += 2 {
		adds = append(adds, kv.Addition{Key: keysAndNumbers[i].(kv.Key), By: int64(keysAndNumbers[i+1].(int))})
	}
	got, err := kv.IncrMany(e.ctx, e.kv, adds, ttl)
	e.is(err, wantErr)
	if len(want)+len(got) > 0 && !cmp.Equal(want, got) {
		e.Errorf("got %v, want %v", got, want)
	}
}
