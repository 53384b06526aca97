package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// side is one of those who are compared.
type side struct {
	name       string
	goroutines int
	// op is the i-th operation of a goroutine, counted over all rounds.
	op func(ctx context.Context, goroutine, i int) error
	// bar is what our rate has to be, divided by this side's; 0 is a figure without one.
	bar float64

	next []int // the next i of each goroutine
	seen []sample
}

// sample is a round of a side.
type sample struct {
	rate float64       // operations a second
	cpu  time.Duration // of this process for an operation
}

// compare measures ours and the others in turns and adds a row for each of the others. Only rounds that
// begin when ready returns true count, unless there are too few.
func (t *table) compare(ctx context.Context, what string, ready func() bool, ours *side, others ...*side) error {
	sides := append([]*side{ours}, others...)
	for _, s := range sides {
		s.next = make([]int, s.goroutines)
		if _, err := s.round(ctx, t.slice/3); err != nil { // warm, and not counted
			return err
		}
	}
	var counted []int
	for n := range 2 * t.rounds {
		if ready == nil || ready() {
			counted = append(counted, n)
		}
		for i := range sides {
			s := sides[(i+n)%len(sides)]
			got, err := s.round(ctx, t.slice)
			if err != nil {
				return err
			}
			s.seen = append(s.seen, got)
		}
		if len(counted) >= t.rounds {
			break
		}
	}
	if len(counted) < (t.rounds+1)/2 {
		t.note("WARNING: %s: only %d of %d rounds were quiet (load average under %v), all of them count: measure again", what, len(counted), len(ours.seen), quietLoad)
		counted = nil
		for n := range ours.seen {
			counted = append(counted, n)
		}
	}
	for _, s := range others {
		r := row{What: what, Unit: "/s", Other: s.name, Bar: s.bar, Shown: s.bar == 0}
		var ratios, rates, others, cpu, otherCPU []float64
		for _, n := range counted {
			ratios = append(ratios, ours.seen[n].rate/s.seen[n].rate)
			rates, others = append(rates, ours.seen[n].rate), append(others, s.seen[n].rate)
			cpu, otherCPU = append(cpu, micros(ours.seen[n].cpu)), append(otherCPU, micros(s.seen[n].cpu))
		}
		r.Ours, r.Others, r.OursCPU, r.OtherCPU = middle(rates), middle(others), middle(cpu), middle(otherCPU)
		r.Ratio, r.Least, r.Most = middle(ratios), slices.Min(ratios), slices.Max(ratios)
		t.add(r)
	}
	return nil
}

// round runs the side for about d.
func (s *side) round(ctx context.Context, d time.Duration) (sample, error) {
	var stop atomic.Bool
	var done atomic.Int64
	errs := make([]error, s.goroutines)
	var wg sync.WaitGroup
	cpu, began := usage(), time.Now()
	timer := time.AfterFunc(d, func() { stop.Store(true) })
	defer timer.Stop()
	for g := range s.goroutines {
		wg.Go(func() {
			i := s.next[g]
			for !stop.Load() {
				if errs[g] = s.op(ctx, g, i); errs[g] != nil {
					break
				}
				i++
			}
			done.Add(int64(i - s.next[g]))
			s.next[g] = i
		})
	}
	wg.Wait()
	took := time.Since(began)
	n := max(done.Load(), 1)
	return sample{rate: float64(n) / took.Seconds(), cpu: (usage() - cpu) / time.Duration(n)}, errors.Join(append(errs, ctx.Err())...)
}

// usage is the CPU time of this process so far.
func usage() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quietLoad is the load average below which a disk is left to us, about.
const quietLoad = 2.0

// maxWait is how long it is waited for that.
const maxWait = time.Minute

// load is the load average of the last minute.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return n
}

func quiet() bool { return load() < quietLoad }

// awaitQuiet waits for a quiet machine, though not for long: a compiler may just have ended.
func (t *table) awaitQuiet(ctx context.Context) {
	if t.quick || quiet() {
		return
	}
	fmt.Fprintf(os.Stderr, "bars: %s waits up to %v for a load average under %v\n", t.ID, maxWait, quietLoad)
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !quiet() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
