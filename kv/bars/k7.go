package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	kvsqlite "github.com/sluice-mail/sluice/kv/sqlite"
)

const (
	k7Rows    = 1_000_000
	k7Writers = 8
	k7Slice   = time.Second / 2 // with, and as long without a purge
)

// k7 measures a purge of a million rows, half of them expired: alone, and beside eight
// durable writers of random rows of the same file, with whom it takes turns of a second.
func k7(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "k7")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "kv.db")
	if err := fill(ctx, path, k7Rows, true); err != nil {
		return err
	}
	var idle []float64
	var longest []time.Duration
	var beside k7Beside
	for range printRounds() {
		if err := withCopy(ctx, path, func(s *kvsqlite.Store, _ string) error {
			began := time.Now()
			removed, err := purgeAll(ctx, s)
			if err == nil && removed != k7Rows/2 {
				err = fmt.Errorf("purge removed %d rows, want %d", removed, k7Rows/2)
			}
			idle = append(idle, k7Rows/time.Since(began).Seconds())
			longest = append(longest, s.Writer().LongestStep)
			return err
		}); err != nil {
			return err
		}
		if err := withCopy(ctx, path, func(s *kvsqlite.Store, _ string) error { return beside.run(ctx, s) }); err != nil {
			return err
		}
	}
	return beside.print(w, middle(idle), longest)
}

// purgeAll purges until there is no more to look at.
func purgeAll(ctx context.Context, s *kvsqlite.Store) (removed int, err error) {
	for more := true; more && err == nil; {
		var n int
		n, more, err = s.Purge(ctx)
		removed += n
	}
	return removed, err
}

// k7Beside is what was seen of writers with and without a purge, by rounds. Since the disk's
// fsync decides, figures without a purge stand beside those with one.
type k7Beside struct {
	with, without     []float64 // writes a second
	ratios            []float64
	p99, p99With      []time.Duration
	longest, longWith []time.Duration // waits of a writer
	step, meanStep    []time.Duration
	took              []time.Duration // of whole purges, without the breaks
}

// run is a round: a purge beside writers, with a break after every slice.
func (b *k7Beside) run(ctx context.Context, s *kvsqlite.Store) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex // over lat, count
	var lat []time.Duration
	var failed error
	var wg sync.WaitGroup
	for range k7Writers {
		wg.Go(func() {
			value := make([]byte, 64)
			for ctx.Err() == nil {
				for i := range value {
					value[i] = byte(rand.Uint32())
				}
				began := time.Now()
				err := s.Set(ctx, fillKey(rand.IntN(k7Rows)), value, 0)
				took := time.Since(began)
				mu.Lock()
				lat = append(lat, took)
				if err != nil && ctx.Err() == nil {
					failed = errors.Join(failed, err)
				}
				mu.Unlock()
			}
		})
	}
	// slice runs fn and returns the writers' rate and times meanwhile.
	slice := func(fn func() error) (float64, []time.Duration, error) {
		mu.Lock()
		lat = nil
		mu.Unlock()
		began := time.Now()
		err := fn()
		took := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		return float64(len(lat)) / took.Seconds(), lat, err
	}
	rest := func() error {
		select {
		case <-time.After(k7Slice):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := rest(); err != nil { // the writers get going
		return err
	}
	var purged, broke time.Duration
	var with, without []time.Duration
	for more := true; more; {
		began := time.Now()
		_, lat, err := slice(rest)
		broke += time.Since(began)
		without = append(without, lat...)
		if err != nil {
			return err
		}
		began = time.Now()
		_, lat, err = slice(func() (err error) {
			for more && err == nil && time.Since(began) < k7Slice {
				_, more, err = s.Purge(ctx)
			}
			return err
		})
		purged += time.Since(began)
		with = append(with, lat...)
		if err != nil {
			return err
		}
	}
	stop()
	wg.Wait()
	b.with = append(b.with, float64(len(with))/purged.Seconds())
	b.without = append(b.without, float64(len(without))/broke.Seconds())
	b.ratios = append(b.ratios, b.with[len(b.with)-1]/b.without[len(b.without)-1])
	b.p99, b.p99With = append(b.p99, rank(without, 0.99)), append(b.p99With, rank(with, 0.99))
	b.longest, b.longWith = append(b.longest, rank(without, 1)), append(b.longWith, rank(with, 1))
	st := s.Writer()
	b.step, b.meanStep = append(b.step, st.LongestStep), append(b.meanStep, st.StepTime/time.Duration(max(st.Steps, 1)))
	b.took = append(b.took, purged)
	return failed
}

func (b *k7Beside) print(w io.Writer, idle float64, steps []time.Duration) error {
	ms := func(of []time.Duration) string { return middle(of).Round(10 * time.Microsecond).String() }
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what, measured, bar string, ok bool) {
		verdict := ""
		if bar != "" {
			verdict = fits(ok)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", what, measured, bar, verdict)
	}
	fmt.Fprintf(t, "K7  purge of %d rows, half expired (median of %d rounds)\tmeasured\tbar\t\n", k7Rows, len(b.ratios))
	line("alone, rows/s", fmt.Sprintf("%.0f", idle), ">= 200000", idle >= 200_000)
	line("longest step alone, with its commit", ms(steps), "<= 20ms", middle(steps) <= 20*time.Millisecond)
	line("longest step beside writers, with its commit", ms(b.step), "<= 20ms", middle(b.step) <= 20*time.Millisecond)
	line("mean step beside writers", ms(b.meanStep), "", true)
	line(fmt.Sprintf("%d writers without purge, writes/s", k7Writers), fmt.Sprintf("%.0f", middle(b.without)), "", true)
	line(fmt.Sprintf("%d writers with purge, writes/s", k7Writers), fmt.Sprintf("%.0f", middle(b.with)), "", true)
	line("ratio", fmt.Sprintf("%.2f", middle(b.ratios)), ">= 0.70", middle(b.ratios) >= 0.7)
	line("writers' p99 without purge", ms(b.p99), "", true)
	line("writers' p99 with purge", ms(b.p99With), "<= 50ms", middle(b.p99With) <= 50*time.Millisecond)
	line("longest write without purge", ms(b.longest), "", true)
	line("longest write with purge", ms(b.longWith), "", true)
	line("purge beside writers, took", ms(b.took), "<= 1m0s", middle(b.took) <= time.Minute)
	return t.Flush()
}
