package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sluice-mail/sluice/kv"
	kvsqlite "github.com/sluice-mail/sluice/kv/sqlite"
)

// k10Size is a store's file in two sizes, and what one round does in it.
type k10Size struct {
	path  string
	rows  int
	store *kvsqlite.Store
	cost  map[string][]time.Duration // of one operation, by rounds
}

const (
	k10Gets    = 20_000
	k10Uncache = 1000   // gets of which each comes after a write
	k10Writes  = 10_000 // by k10Writers together
	k10Writers = 8
	k10Bare    = 2000   // UPSERTs of one connection, a commit each
	k10Purged  = 40_000 // expired rows removed, as many lived between them
)

// k10Operations in the order of measuring; in every second round set and incr change places. A
// reader drops its pages when somebody has written, as somebody always has in a server at work: that is
// "get". Of a file that nobody writes the small one is in the reader's memory as a whole.
var k10Operations = []string{k10AtRest, "get", "set", "incr", "purge", k10Upsert}

const (
	k10AtRest = "get, file at rest"
	k10Upsert = "bare UPSERT" // what of it is SQLite's and the disk's
)

// k10 measures what operations cost with ten million keys and with a hundred thousand, in
// turns; when it has to be quick with two million.
func k10(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "k10")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	small := &k10Size{rows: 100_000, cost: map[string][]time.Duration{}}
	large := &k10Size{rows: 10_000_000, cost: map[string][]time.Duration{}}
	rounds := printRounds()
	if rounds < slowRounds {
		large.rows = 2_000_000
	}
	smallPath, largePath := filepath.Join(dir, "small.db"), filepath.Join(dir, "large.db")
	for path, rows := range map[string]int{smallPath: small.rows, largePath: large.rows} {
		if err := fill(ctx, path, rows, true); err != nil {
			return err
		}
	}
	before := resident("VmRSS")
	large.path = largePath
	if large.store, err = kvsqlite.Open(ctx, largePath, kvsqlite.Options{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.store.Close()) }()
	for i := range rounds {
		// A purge leaves nothing to purge in the small file, so each round has a new one.
		if err := withCopy(ctx, smallPath, func(s *kvsqlite.Store, path string) error {
			small.store, small.path = s, path
			return small.round(ctx, i)
		}); err != nil {
			return err
		}
		if err := large.round(ctx, i); err != nil {
			return err
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "K10  cost of one (median of %d rounds)\t%d keys\t%d keys\tratio\tbar\t\n", rounds, small.rows, large.rows)
	for _, op := range k10Operations {
		ratios := make([]float64, rounds)
		for i := range ratios {
			ratios[i] = float64(large.cost[op][i]) / float64(small.cost[op][i])
		}
		ratio := middle(ratios)
		bar, verdict := "<= 1.50", fits(ratio <= 1.5)
		if op == k10AtRest || op == k10Upsert {
			bar, verdict = "", ""
		}
		fmt.Fprintf(t, "%s\t%v\t%v\t%.2f\t%s\t%s\n", op, middle(small.cost[op]), middle(large.cost[op]), ratio, bar, verdict)
	}
	now := resident("VmRSS")
	fmt.Fprintf(t, "resident before and after, MiB\t%d\t%d\t\t<= 100\t%s\n", before>>10, now>>10, fits(now <= 100<<10))
	return t.Flush()
}

// round measures every operation once.
func (k *k10Size) round(ctx context.Context, round int) error {
	if err := k.gets(ctx, k10Gets/2); err != nil { // connections, pages near the root
		return err
	}
	order := slices.Clone(k10Operations)
	if round%2 == 1 {
		order[2], order[3] = order[3], order[2]
	}
	for _, op := range order {
		n := k10Gets
		began := time.Now()
		took := time.Duration(0)
		var err error
		switch op {
		case k10AtRest:
			err = k.gets(ctx, n)
		case "get":
			n = k10Uncache
			for range n {
				if err = k.set(ctx, fmt.Append(nil, rand.Uint64())); err != nil {
					break
				}
				began := time.Now()
				if err = k.gets(ctx, 1); err != nil {
					break
				}
				took += time.Since(began)
			}
		case "set":
			n = k10Writes
			err = k.writes(ctx, n, func(v []byte) error { return k.set(ctx, v) })
		case "incr":
			n = k10Writes
			err = k.writes(ctx, n, func([]byte) error {
				_, err := k.store.Incr(ctx, fillCounter(k.rows), 1, 0)
				return err
			})
		case "purge":
			n, err = k.purge(ctx)
		case k10Upsert:
			n = k10Bare
			err = k.bare(ctx, n)
		}
		if err == nil {
			err = k.settle(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s with %d keys: %w", op, k.rows, err)
		}
		if took == 0 {
			took = time.Since(began)
		}
		k.cost[op] = append(k.cost[op], took/time.Duration(n))
	}
	return nil
}

// settle has what was written moved from the WAL to the file, so that each operation pays for its own.
func (k *k10Size) settle(ctx context.Context) error {
	db, err := openBare(ctx, k.path, 1)
	if err != nil {
		return err
	}
	var busy, frames, done int
	err = db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &frames, &done)
	if err == nil && done < frames {
		err = fmt.Errorf("%d of %d pages were left in the WAL", frames-done, frames)
	}
	return errors.Join(err, db.Close())
}

// set writes a random row that is no counter.
func (k *k10Size) set(ctx context.Context, v []byte) error {
	return k.store.Set(ctx, fillKey(notCounter(k.rows)), v, 0)
}

// notCounter returns the number of a random row that is no counter.
func notCounter(rows int) int {
	i := rand.IntN(rows)
	if i%10 == 3 {
		i++
	}
	return i
}

func (k *k10Size) gets(ctx context.Context, n int) error {
	for range n {
		i := rand.IntN(k.rows)
		if _, err := k.store.Get(ctx, fillKey(i)); err != nil && (!errors.Is(err, kv.ErrNotFound) || i%2 == 1) {
			return err
		}
	}
	return nil
}

// writes has k10Writers do n writes of changing values.
func (k *k10Size) writes(ctx context.Context, n int, write func(v []byte) error) error {
	errs := make([]error, k10Writers)
	var wg sync.WaitGroup
	for i := range k10Writers {
		wg.Go(func() {
			v := make([]byte, 64)
			for range n / k10Writers {
				for i := range v {
					v[i] = byte(rand.Uint32())
				}
				if errs[i] = write(v); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// bare does n UPSERTs of random rows, one after the other.
func (k *k10Size) bare(ctx context.Context, n int) (err error) {
	db, err := openBare(ctx, k.path, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for i := range n {
		if _, err := db.ExecContext(ctx, bareUpsert, bareKey(fillName(notCounter(k.rows))), value(i)); err != nil {
			return err
		}
	}
	return nil
}

// purge goes on with a purge until enough rows are removed, and returns how many.
func (k *k10Size) purge(ctx context.Context) (removed int, err error) {
	for rounds := 0; removed < k10Purged && err == nil; {
		n, more, e := k.store.Purge(ctx)
		removed, err = removed+n, e
		if !more {
			if rounds++; rounds == 2 {
				return removed, fmt.Errorf("only %d rows were expired", removed)
			}
		}
	}
	return removed, err
}

// resident returns a line of /proc/self/status in KiB, such as VmRSS.
func resident(name string) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var n int64
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n
}
