package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// faulty is a backend whose writing of batches and deleting can be stopped or made to fail.
type faulty struct {
	*sqlite.Store
	fails  atomic.Pointer[error]
	gate   sync.RWMutex // Apply and DeletePrefix pass it
	inside atomic.Int64 // calls that wait there
}

func (f *faulty) fail(err error) {
	if err == nil {
		f.fails.Store(nil)
		return
	}
	f.fails.Store(&err)
}

func (f *faulty) pass() {
	f.inside.Add(1)
	f.gate.RLock()
	//lint:ignore SA2001 it is a gate
	f.gate.RUnlock()
	f.inside.Add(-1)
}

func (f *faulty) Apply(ctx context.Context, changes []kv.Change) error {
	f.pass()
	if err := f.fails.Load(); err != nil {
		return fmt.Errorf("apply: %w", *err)
	}
	return f.Store.Apply(ctx, changes)
}

func (f *faulty) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	f.pass()
	return f.Store.DeletePrefix(ctx, p, name)
}

// relaxedOver opens an engine over a faulty backend in a new file.
func relaxedOver(t *testing.T, o engine.Options) (*engine.Engine, *faulty, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kv.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: o.Now})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: s}
	e, err := engine.New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, f, path
}

// until waits for a condition that others bring about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); goruntime.Gosched() {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func relaxedKey(name string) kv.Key { return kv.Key{Prefix: kv.ScriptCounter, Name: name} }

func incr(t *testing.T, s kv.Store, name string, want int64) {
	t.Helper()
	if n, err := s.Incr(t.Context(), relaxedKey(name), 1, 0); n != want || err != nil {
		t.Errorf("%s: %d, %v, want %d", name, n, err, want)
	}
}

func counts(t *testing.T, s kv.Store, name string, want int64) {
	t.Helper()
	if n, err := s.Counter(t.Context(), relaxedKey(name)); n != want || err != nil {
		t.Errorf("%s: %d, %v, want %d", name, n, err, want)
	}
}

func flush(t *testing.T, e *engine.Engine) {
	t.Helper()
	if err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// slow is a class whose flushes only come when they are asked for.
var slow = engine.Tune{After: time.Hour, Late: time.Hour}

func TestRelaxedWritesAreWrittenBehindOnceForEachKey(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{}.Tuned(slow))
	f.gate.Lock()
	for i := range 1000 {
		incr(t, e, fmt.Sprint(i%10), int64(i/10+1))
	}
	counts(t, f, "3", 0)
	f.gate.Unlock()
	if m := e.Metrics(); m.Dirty != 10 || m.Flushes != 0 {
		t.Errorf("before: %+v", m)
	}
	flush(t, e)
	counts(t, f, "3", 100)
	if m := e.Metrics(); m.Dirty != 0 || m.Flushes != 1 || m.FlushedRows != 10 || m.FlushErrors != 0 {
		t.Errorf("after: %+v", m)
	}
}

func TestRelaxedWritesAreWrittenBehindByThemselves(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{})
	for i := range 3 {
		incr(t, e, "a", int64(i+1))
		until(t, "the row is in the backend", func() bool {
			n, err := f.Counter(t.Context(), relaxedKey("a"))
			return err == nil && n == int64(i+1)
		})
	}
	until(t, "the cell goes away", func() bool { n, octets := e.Cells(); return n == 0 && octets == 0 })
	incr(t, e, "a", 4)
}

func TestAWriteDuringItsFlushStaysDirty(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{}.Tuned(slow))
	incr(t, e, "a", 1)
	f.gate.Lock()
	done := make(chan error)
	go func() { done <- e.Flush(t.Context()) }()
	until(t, "the flush is under way", func() bool { return f.inside.Load() == 1 })
	incr(t, e, "a", 2)
	f.gate.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	counts(t, f, "a", 1)
	if got := e.Metrics().Dirty; got != 1 {
		t.Errorf("%d rows are dirty, want 1", got)
	}
	flush(t, e)
	counts(t, f, "a", 2)
}

func TestTheBackupHasWhatWasAcknowledgedBeforeItAndCloseFlushes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	e := open(t, engine.Options{Path: path}.Tuned(slow))
	fat := strings.Repeat("x", 5000)
	if err := e.Set(t.Context(), kv.Key{Prefix: kv.Greylist, Name: "fat"}, []byte(fat), time.Hour); err != nil {
		t.Fatal(err)
	}
	incr(t, e, "a", 1)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := e.BackupTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	incr(t, e, "a", 2)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int64{copied: 1, path: 2} {
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		counts(t, s, "a", want)
		if v, err := s.Get(t.Context(), kv.Key{Prefix: kv.Greylist, Name: "fat"}); err != nil || string(v.Bytes) != fat || v.Expires.IsZero() {
			t.Errorf("%d octets until %v, %v", len(v.Bytes), v.Expires, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatTheBackendNeverHadIsNotWrittenWhenItIsGone(t *testing.T) {
	clock := kvtest.NewClock()
	e, f, _ := relaxedOver(t, engine.Options{Now: clock.Now}.Tuned(slow))
	incr(t, e, "deleted", 1)
	if there, err := e.Delete(t.Context(), relaxedKey("deleted")); !there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	if err := e.Set(t.Context(), relaxedKey("expired"), nil, time.Second); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	flush(t, e)
	if m := e.Metrics(); m.Dirty != 0 || m.FlushedRows != 0 || m.Flushes != 0 {
		t.Errorf("%+v", m)
	}
	// What it had must not come back.
	if err := e.Set(t.Context(), relaxedKey("a"), []byte("old"), 0); err != nil {
		t.Fatal(err)
	}
	flush(t, e)
	if err := e.Set(t.Context(), relaxedKey("a"), []byte("new"), time.Second); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	flush(t, e)
	if v, err := f.Get(t.Context(), relaxedKey("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the backend has %q, %v", v.Bytes, err)
	}
}

func TestAPurgeNeverTakesARowThatACellRevived(t *testing.T) {
	clock := kvtest.NewClock()
	tune := slow
	tune.Keep = -1
	e, f, _ := relaxedOver(t, engine.Options{Now: clock.Now}.Tuned(tune))
	for round := range 3 {
		k := relaxedKey(fmt.Sprint(round))
		if err := e.Set(t.Context(), k, []byte("old"), time.Second); err != nil {
			t.Fatal(err)
		}
		flush(t, e)
		clock.Advance(time.Second)
		if round == 1 { // the old row stays in the cell
			if _, err := e.Get(t.Context(), k); !errors.Is(err, kv.ErrNotFound) {
				t.Error(err)
			}
		}
		if err := e.Set(t.Context(), k, []byte("new"), 0); err != nil {
			t.Fatal(err)
		}
		purge := e.Purge
		if round == 2 {
			purge = f.Purge // without the flush before it
		}
		for more := true; more; {
			var err error
			if _, more, err = purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, e)
		if n, _ := e.Cells(); n != 0 {
			t.Errorf("%d cells", n)
		}
		if v, err := e.Get(t.Context(), k); err != nil || string(v.Bytes) != "new" {
			t.Errorf("round %d: %q, %v", round, v.Bytes, err)
		}
	}
}

func TestDeletePrefixKeepsWritesOfItsRangeWaitingAndNoOthers(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{})
	incr(t, e, "a1", 1)
	incr(t, e, "a2", 1)
	incr(t, e, "b1", 1)
	f.gate.Lock()
	type result struct {
		n   int64
		err error
	}
	deleted, wrote := make(chan result), make(chan result)
	go func() {
		n, err := e.DeletePrefix(t.Context(), kv.ScriptCounter, "a")
		deleted <- result{int64(n), err}
	}()
	until(t, "its flush is under way", func() bool { return f.inside.Load() == 1 })
	f.gate.Unlock()
	f.gate.Lock()
	until(t, "the backend deletes", func() bool { return f.inside.Load() == 1 && e.Metrics().Dirty == 0 })
	go func() {
		n, err := e.Incr(t.Context(), relaxedKey("a1"), 10, 0)
		wrote <- result{n, err}
	}()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Incr(over, relaxedKey("a2"), 1, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	incr(t, e, "b1", 2)
	incr(t, e, "c", 1)
	counts(t, e, "a1", 1) // reads do not wait
	select {
	case got := <-wrote:
		t.Errorf("a write passed the delete: %+v", got)
	default:
	}
	f.gate.Unlock()
	if got := <-deleted; got.n != 2 || got.err != nil {
		t.Errorf("deleted %+v", got)
	}
	if got := <-wrote; got.n != 10 || got.err != nil {
		t.Errorf("the write that waited gave %+v", got)
	}
}

func TestSeveralPrefixesMayBeDeletedAtOnce(t *testing.T) {
	e := open(t, engine.Options{})
	var wg sync.WaitGroup
	var total atomic.Int64
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				name := fmt.Sprintf("%d/%d", w%4, i)
				if _, err := e.Incr(t.Context(), relaxedKey(name), 1, 0); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					n, err := e.DeletePrefix(t.Context(), kv.ScriptCounter, fmt.Sprintf("%d/", w%4))
					if err != nil {
						t.Error(err)
					}
					total.Add(int64(n))
				}
			}
		})
	}
	wg.Wait()
	left, _, err := e.List(t.Context(), kv.ScriptCounter, "", "", 1000)
	if err != nil || total.Load()+int64(len(left)) > 160 || total.Load() == 0 {
		t.Errorf("deleted %d, left %d, %v", total.Load(), len(left), err)
	}
}

func TestAPageGoesOnBehindRowsThatAreGoneInMemoryOnly(t *testing.T) {
	e, _, _ := relaxedOver(t, engine.Options{}.Tuned(slow))
	for i := range 100 {
		incr(t, e, fmt.Sprintf("%02d", i), 1)
	}
	flush(t, e)
	for i := range 90 {
		if _, err := e.Delete(t.Context(), relaxedKey(fmt.Sprintf("%02d", i))); err != nil {
			t.Fatal(err)
		}
	}
	incr(t, e, "95x", 1)
	incr(t, e, "99x", 1)
	var got []string
	for cursor, pages := "", 0; ; pages++ {
		items, next, err := e.List(t.Context(), kv.ScriptCounter, "", cursor, 3)
		if err != nil || len(items) == 0 || len(items) > 3 || pages > 50 {
			t.Fatalf("page %d of %d rows, %v", pages, len(items), err)
		}
		for _, it := range items {
			got = append(got, it.Key.Name)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if want := "90 91 92 93 94 95 95x 96 97 98 99 99x"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAPageIsCutAlsoWhereMemoryHasMuchMore(t *testing.T) {
	e, _, _ := relaxedOver(t, engine.Options{}.Tuned(slow))
	for i := range 3000 {
		incr(t, e, fmt.Sprintf("%04d", i), 1)
	}
	seen := 0
	for cursor := ""; ; {
		items, next, err := e.List(t.Context(), kv.ScriptCounter, "", cursor, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if it.Key.Name != fmt.Sprintf("%04d", seen) {
				t.Fatalf("row %d is %q", seen, it.Key.Name)
			}
			seen++
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if seen != 3000 {
		t.Errorf("saw %d rows", seen)
	}
}

func TestAValueBelongsToTheStoreOnceItIsWritten(t *testing.T) {
	e := open(t, engine.Options{})
	k := kv.Key{Prefix: kv.Greylist, Name: "a"}
	mine := []byte("mine")
	if err := e.Set(t.Context(), k, mine, 0); err != nil {
		t.Fatal(err)
	}
	copy(mine, "XXXX")
	if v, err := e.Get(t.Context(), k); err != nil || !bytes.Equal(v.Bytes, []byte("mine")) {
		t.Errorf("%q, %v", v.Bytes, err)
	}
}
