package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
)

// pile is something to purge: batches of 10 out of left.
type pile struct {
	left  atomic.Int64
	calls atomic.Int64
	fail  error
	block chan struct{}
}

func (p *pile) Purge(ctx context.Context) (int, bool, error) {
	p.calls.Add(1)
	if p.block != nil {
		select {
		case <-p.block:
		case <-ctx.Done():
			return 0, false, ctx.Err()
		}
	}
	if p.fail != nil {
		return 0, false, p.fail
	}
	n := min(p.left.Load(), 10)
	return int(n), p.left.Add(-n) > 0, nil
}

func (p *pile) Due(context.Context) (int64, error) { return p.left.Load(), nil }

// locks is a kv.Store as far as the scheduler needs one.
type locks struct {
	mu    sync.Mutex
	owner map[string]kv.Lease
	n     int
}

func (l *locks) Lock(_ context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held, ok := l.owner[k.Name]; ok && held.Expires.After(time.Now()) {
		return kv.Lease{}, kv.ErrLocked
	}
	l.n++
	lease := kv.Lease{Key: k, Owner: fmt.Sprint(l.n), Expires: time.Now().Add(ttl)}
	if l.owner == nil {
		l.owner = map[string]kv.Lease{}
	}
	l.owner[k.Name] = lease
	return lease, nil
}

func (l *locks) Renew(_ context.Context, lease kv.Lease, ttl time.Duration) (kv.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner[lease.Key.Name].Owner != lease.Owner {
		return kv.Lease{}, kv.ErrNotOwner
	}
	lease.Expires = time.Now().Add(ttl)
	l.owner[lease.Key.Name] = lease
	return lease, nil
}

func (l *locks) Unlock(_ context.Context, lease kv.Lease) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner[lease.Key.Name].Owner != lease.Owner {
		return kv.ErrNotOwner
	}
	delete(l.owner, lease.Key.Name)
	return nil
}

// start runs a scheduler in the bubble and stops it at the end of the test.
func start(t *testing.T, o Options, d Deps) *Scheduler {
	t.Helper()
	if o.Location == nil {
		o.Location = time.UTC
	}
	s, err := New(o, d)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := s.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	return s
}

func stores(p *pile) map[string]Store { return map[string]Store{"main": {Purger: p}} }

func TestJobRunsOncePerDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble's clock begins on 2000-01-01 00:00 UTC
		p := &pile{}
		p.left.Store(35)
		s := start(t, Options{Lock: &locks{}}, Deps{Stores: stores(p)})
		time.Sleep(2*time.Hour + 59*time.Minute)
		if n := p.calls.Load(); n != 0 {
			t.Fatalf("%d batches before the due time", n)
		}
		time.Sleep(3 * time.Minute)
		if n := p.calls.Load(); n != 4 {
			t.Errorf("%d batches, want 4", n)
		}
		time.Sleep(24 * time.Hour)
		past, err := s.Past(t.Context(), "purge-kv:main")
		if err != nil {
			t.Fatal(err)
		}
		var removed []int64
		for _, r := range past.Runs {
			removed = append(removed, r.Removed)
		}
		if diff := cmp.Diff([]int64{35, 0}, removed); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		if want := time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC); !past.Runs[0].Due.Equal(want) {
			t.Errorf("due %s, want %s", past.Runs[0].Due, want)
		}
	})
}

func TestMissedRunsAreCaughtUpByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jobs.json")
		first, err := FileHistory(path)
		if err != nil {
			t.Fatal(err)
		}
		p := &pile{}
		ctx, stop := context.WithCancel(t.Context())
		s, err := New(Options{History: first, Location: time.UTC}, Deps{Stores: stores(p)})
		if err != nil {
			t.Fatal(err)
		}
		go s.Run(ctx)
		time.Sleep(time.Hour)
		stop()
		synctest.Wait()
		if n := p.calls.Load(); n != 0 {
			t.Fatalf("a first start ran %d times", n)
		}
		time.Sleep(73 * time.Hour) // four due times pass

		second, err := FileHistory(path)
		if err != nil {
			t.Fatal(err)
		}
		start(t, Options{History: second}, Deps{Stores: stores(p)})
		time.Sleep(time.Minute)
		if n := p.calls.Load(); n != 1 {
			t.Errorf("%d runs after the second start, want 1", n)
		}
		time.Sleep(30 * time.Minute)
		if n := p.calls.Load(); n != 1 {
			t.Errorf("%d runs half an hour later, want 1", n)
		}
	})
}

func TestNodesShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l, h := &pile{}, &locks{}, &memoryHistory{past: map[string]Past{}}
		for range 3 {
			start(t, Options{Lock: l, History: h}, Deps{Stores: stores(p)})
		}
		time.Sleep(28 * time.Hour)
		if n := p.calls.Load(); n != 2 {
			t.Errorf("3 nodes ran %d times in 2 due times", n)
		}
	})
}

func TestLostLeaseStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := &pile{block: make(chan struct{})}, &locks{}
		s := start(t, Options{Lock: l}, Deps{Stores: stores(p)})
		time.Sleep(4 * time.Hour)
		if _, err := s.RunNow(t.Context(), "purge-kv:main", false); !errors.Is(err, ErrRunning) {
			t.Errorf("a second run gives %v, want ErrRunning", err)
		}
		l.mu.Lock()
		l.owner["purge-kv:main"] = kv.Lease{Owner: "somebody else", Expires: time.Now().Add(time.Hour)}
		l.mu.Unlock()
		time.Sleep(lease)
		past, err := s.Past(t.Context(), "purge-kv:main")
		if err != nil {
			t.Fatal(err)
		}
		if len(past.Runs) != 1 || !strings.Contains(past.Runs[0].Error, "lease lost") {
			t.Errorf("runs %+v, want one with a lost lease", past.Runs)
		}
	})
}

func TestRunNow(t *testing.T) {
	p := &pile{}
	p.left.Store(25)
	s, err := New(Options{Yield: func(context.Context, time.Duration) error { return nil }}, Deps{Stores: stores(p)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.RunNow(t.Context(), "purge-kv:main", true)
	if err != nil || r.Removed != 25 || !r.Dry || p.calls.Load() != 0 {
		t.Errorf("dry run: %+v, %v, %d batches; want 25 counted and nothing done", r, err, p.calls.Load())
	}
	r, err = s.RunNow(t.Context(), "purge-kv:main", false)
	if err != nil || r.Removed != 25 {
		t.Errorf("run: %+v, %v", r, err)
	}
	if _, err := s.RunNow(t.Context(), "purge-kv:other", false); !errors.Is(err, ErrUnknownJob) {
		t.Errorf("unknown job gives %v", err)
	}
	p.fail = errors.New("disk on fire")
	if _, err := s.RunNow(t.Context(), "purge-kv:main", false); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("failing job gives %v", err)
	}
	st, err := s.Status(t.Context())
	if err != nil || len(st) != 1 || st[0].Last == nil || st[0].Last.Error != "disk on fire" {
		t.Errorf("status %+v, %v", st, err)
	}
}

func TestBatchesYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pile{}
		p.left.Store(95)
		var waits []time.Duration
		s, err := New(Options{Yield: func(_ context.Context, took time.Duration) error {
			waits = append(waits, took)
			return nil
		}}, Deps{Stores: stores(p)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.RunNow(t.Context(), "purge-kv:main", false); err != nil || len(waits) != 9 {
			t.Errorf("%d yields in 10 batches, %v", len(waits), err)
		}
		began := time.Now()
		for took, want := range map[time.Duration]time.Duration{0: time.Millisecond, 40 * time.Millisecond: 40 * time.Millisecond, time.Hour: maxYield} {
			before := time.Now()
			if err := yield(t.Context(), took); err != nil || time.Since(before) != want {
				t.Errorf("after %s it waits %s, want %s (%v)", took, time.Since(before), want, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := yield(ctx, time.Hour); !errors.Is(err, context.Canceled) || time.Since(began) > time.Second {
			t.Errorf("a yield outlives its context: %v", err)
		}
	})
}

type panicking struct{}

func (panicking) PurgeBlobs(context.Context) (int, bool, error) { panic("out of cheese") }

func TestPanicIsAnEntryOfTheHistory(t *testing.T) {
	s, err := New(Options{}, Deps{Blobs: panicking{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RunNow(t.Context(), "purge-blobs", false); err == nil || !strings.Contains(err.Error(), "out of cheese") {
		t.Errorf("error %v", err)
	}
	if _, err := s.RunNow(t.Context(), "purge-blobs", true); !errors.Is(err, ErrNoDryRun) {
		t.Errorf("dry run gives %v, want ErrNoDryRun", err)
	}
}

type vanished struct{ before time.Time }

func (v *vanished) PurgeVanished(_ context.Context, before time.Time) (int, bool, error) {
	v.before = before
	return 3, false, nil
}

func TestPurgeVanishedKeepsTheTTL(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	v := &vanished{}
	s, err := New(Options{Now: func() time.Time { return now }}, Deps{Vanished: v})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RunNow(t.Context(), "purge-vanished", false); err != nil {
		t.Fatal(err)
	}
	if want := now.AddDate(0, 0, -30); !v.before.Equal(want) {
		t.Errorf("purged before %s, want %s", v.before, want)
	}
}

func TestNewNamesEveryBadSchedule(t *testing.T) {
	_, err := New(Options{}, Deps{
		Stores:    map[string]Store{"a": {Purger: &pile{}, Schedule: "0 24 *"}, "b": {Purger: &pile{}, Schedule: "x"}},
		Schedules: map[string]string{"purge-mail": "0 3 *"},
	})
	for _, want := range []string{"purge-kv:a", `hour "24"`, "purge-kv:b", `unknown job "purge-mail"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %s", err, want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var p Past
	for range 3 * maxRuns {
		p.add(Run{Error: strings.Repeat("x", 10_000)})
	}
	if len(p.Runs) != maxRuns || len(p.Runs[0].Error) > maxErrorText+3 {
		t.Errorf("%d runs with errors of %d octets", len(p.Runs), len(p.Runs[0].Error))
	}
}
