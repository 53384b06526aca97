package kv

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Addition is what IncrMany does to one counter.
type Addition struct {
	Key Key
	By  int64
}

// Adder is implemented by stores that can add to many counters in one call.
type Adder interface {
	// IncrMany does Incr for each addition and returns the new numbers in their order. Each counter
	// is changed by itself, as by Incr, and no reader may take the call for one step. A key that
	// repeats is added to as often as it does, in order. All counters that begin here get ttl.
	//
	// What can be seen to be wrong before (CheckAdditions, a negative ttl) is refused as a whole. A
	// counter that ErrNotCounter or ErrOverflow is about keeps its row, has 0 for its number, and keeps
	// no other from being added to; the error is that of one such. After any other error some
	// additions were made and some were not.
	IncrMany(ctx context.Context, adds []Addition, ttl time.Duration) ([]int64, error)
}

// CheckAdditions refuses more than MaxMany additions, or one whose key is too large.
func CheckAdditions(adds []Addition) error {
	ks := make([]Key, len(adds))
	for i, a := range adds {
		ks[i] = a.Key
	}
	return CheckMany(ks)
}

// adders is how many counters are added to at once in a store that adds one at a time. One across a
// network takes its time for each.
const adders = 8

// IncrMany adds to many counters of s as Adder says, in one call if s is one.
func IncrMany(ctx context.Context, s Store, adds []Addition, ttl time.Duration) ([]int64, error) {
	if a, ok := s.(Adder); ok {
		return a.IncrMany(ctx, adds, ttl)
	}
	return IncrEach(ctx, adds, adders, func(ctx context.Context, a Addition) (int64, error) { return s.Incr(ctx, a.Key, a.By, ttl) }, ttl)
}

// IncrEach is an Adder's work for stores that add one at a time: it calls incr for each addition, in up to
// workers goroutines, in order where a key repeats.
func IncrEach(ctx context.Context, adds []Addition, workers int, incr func(context.Context, Addition) (int64, error), ttl time.Duration) ([]int64, error) {
	if err := CheckAdditions(adds); err != nil {
		return nil, err
	}
	if _, err := Deadline(0, ttl); err != nil {
		return nil, err
	}
	numbers, own := make([]int64, len(adds)), make([]error, len(adds))
	workers = min(workers, len(adds))
	if workers > 1 && Repeats(adds) {
		workers = 1
	}
	one := func(ctx context.Context, i int) (err error) {
		numbers[i], err = incr(ctx, adds[i])
		if err != nil && OfCounter(err) {
			own[i], err = err, nil
		}
		return err
	}
	if workers <= 1 {
		for i := range adds {
			if err := one(ctx, i); err != nil {
				return nil, err
			}
		}
		return numbers, FirstError(own)
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	size := (len(adds) + workers - 1) / workers
	for from := 0; from < len(adds); from += size {
		all.Go(func() {
			for i := from; i < min(from+size, len(adds)); i++ {
				if err := one(inner, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(inner); err != nil {
		return nil, err
	}
	return numbers, FirstError(own)
}

// OfCounter reports whether err is about one counter, and says nothing of others.
func OfCounter(err error) bool { return errors.Is(err, ErrNotCounter) || errors.Is(err, ErrOverflow) }

// FirstError returns the first of errs that is one, or nil.
func FirstError(errs []error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// Repeats reports whether a key is there more than once.
func Repeats(adds []Addition) bool {
	seen := make(map[Key]struct{}, len(adds))
	for _, a := range adds {
		seen[a.Key] = struct{}{}
	}
	return len(seen) < len(adds)
}
