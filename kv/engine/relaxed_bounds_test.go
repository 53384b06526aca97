package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

func TestWritesWaitForAFlushWhenTooMuchIsDirty(t *testing.T) {
	fat := []byte(strings.Repeat("x", 1000))
	for name, o := range map[string]engine.Options{
		"rows":   {MaxDirtyRows: 5},
		"octets": {MaxDirtyOctets: 6000},
	} {
		t.Run(name, func(t *testing.T) {
			e, f, _ := relaxedOver(t, o.Tuned(slow))
			key := func(i int) kv.Key { return kv.Key{Prefix: kv.Greylist, Name: fmt.Sprint(i)} }
			f.gate.Lock()
			for i := range 5 {
				if err := e.Set(t.Context(), key(i), fat, 0); err != nil {
					t.Fatal(err)
				}
			}
			over, cancel := context.WithCancel(t.Context())
			refused, waited := make(chan error), make(chan error)
			go func() { refused <- e.Set(over, key(5), fat, 0) }()
			go func() { waited <- e.Set(t.Context(), key(6), fat, 0) }()
			until(t, "the flush is asked for", func() bool { return f.inside.Load() == 1 })
			cancel()
			if err := <-refused; !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
			if m := e.Metrics(); m.Dirty != 5 {
				t.Errorf("%d rows are dirty, want 5", m.Dirty)
			}
			f.gate.Unlock()
			if err := <-waited; err != nil {
				t.Error(err)
			}
			if _, err := e.Get(t.Context(), key(5)); !errors.Is(err, kv.ErrNotFound) {
				t.Errorf("a refused write is there: %v", err)
			}
		})
	}
}

func TestWritesWaitWhileTheOldestIsTooOld(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{}.Tuned(engine.Tune{After: 1, Late: time.Millisecond, Tick: time.Millisecond}))
	f.gate.Lock()
	incr(t, e, "a", 1)
	until(t, "the flush hangs", func() bool { return f.inside.Load() == 1 })
	until(t, "writes wait", func() bool {
		over, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := e.Incr(over, relaxedKey("b"), 0, 0)
		return errors.Is(err, context.DeadlineExceeded)
	})
	counts(t, e, "a", 1) // reads do not
	done := make(chan error)
	go func() { _, err := e.Incr(t.Context(), relaxedKey("b"), 1, 0); done <- err }()
	f.gate.Unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhenNothingCanBeWrittenNewWritesAreRefusedAndOldOnesKept(t *testing.T) {
	for _, cause := range []error{kv.ErrFull, kv.ErrUnavailable} {
		t.Run(cause.Error(), func(t *testing.T) {
			tune := slow
			tune.Tick = time.Millisecond
			e, f, path := relaxedOver(t, engine.Options{MaxDirtyRows: 10}.Tuned(tune))
			f.fail(cause)
			for i := range 10 {
				incr(t, e, fmt.Sprint(i), 1)
			}
			if _, err := e.Incr(t.Context(), relaxedKey("more"), 1, 0); !errors.Is(err, cause) {
				t.Errorf("beyond the bound: %v", err)
			}
			if _, err := e.Incr(t.Context(), relaxedKey("3"), 1, 0); !errors.Is(err, cause) {
				t.Errorf("beyond the bound: %v", err)
			}
			if there, err := e.Delete(t.Context(), relaxedKey("3")); there || !errors.Is(err, cause) {
				t.Errorf("beyond the bound: %v, %v", there, err)
			}
			for name, call := range map[string]func() error{
				"Flush":        func() error { return e.Flush(t.Context()) },
				"BackupTo":     func() error { return e.BackupTo(t.Context(), path+".copy") },
				"Stats":        func() error { _, err := e.Stats(t.Context()); return err },
				"Due":          func() error { _, err := e.Due(t.Context()); return err },
				"DeletePrefix": func() error { _, err := e.DeletePrefix(t.Context(), kv.ScriptCounter, ""); return err },
			} {
				if err := call(); !errors.Is(err, cause) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, _, err := e.Purge(t.Context()); err != nil {
				t.Errorf("a purge, which may make room: %v", err)
			}
			counts(t, e, "3", 1)
			counts(t, e, "more", 0)
			if m := e.Metrics(); m.Dirty != 10 || m.FlushErrors == 0 || m.FlushedRows != 0 {
				t.Errorf("%+v", m)
			}
			f.fail(nil)
			until(t, "it is tried again", func() bool { return e.Metrics().Dirty == 0 })
			incr(t, e, "3", 2)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for i := range 10 {
				counts(t, s, fmt.Sprint(i), map[int]int64{3: 2}[i]+map[bool]int64{true: 1}[i != 3])
			}
		})
	}
}

func TestWritesAreRefusedWhenNothingCouldBeWrittenForTooLong(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{}.Tuned(engine.Tune{After: 1, Late: time.Millisecond, Tick: time.Millisecond}))
	f.fail(kv.ErrUnavailable)
	var last int64
	until(t, "writes are refused", func() bool {
		n, err := e.Incr(t.Context(), relaxedKey("a"), 1, 0)
		if err == nil {
			last = n
		} else if !kv.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
		return err != nil && e.Metrics().FlushErrors > 1
	})
	counts(t, e, "a", last)
	f.fail(nil)
	flush(t, e)
	incr(t, e, "a", last+1)
}

func TestCloseTellsWhatIsLost(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{}.Tuned(slow))
	incr(t, e, "a", 1)
	f.fail(kv.ErrFull)
	for range 2 {
		if err := e.Close(); !errors.Is(err, kv.ErrFull) || !strings.Contains(err.Error(), "1 relaxed rows are lost") {
			t.Errorf("got %v", err)
		}
	}
	if err := e.Flush(t.Context()); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Flush after Close: %v", err)
	}
}

func TestCloseEndsTheWaitingOfWriters(t *testing.T) {
	e, f, _ := relaxedOver(t, engine.Options{MaxDirtyRows: 1}.Tuned(slow))
	f.gate.Lock()
	incr(t, e, "a", 1)
	wrote, closed := make(chan error), make(chan error)
	go func() { _, err := e.Incr(t.Context(), relaxedKey("b"), 1, 0); wrote <- err }()
	until(t, "the flush is asked for", func() bool { return f.inside.Load() == 1 })
	go func() { closed <- e.Close() }()
	if err := <-wrote; !errors.Is(err, kv.ErrClosed) {
		t.Errorf("got %v", err)
	}
	f.gate.Unlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestCellsAreBoundedAlsoWhenTheyAreClean(t *testing.T) {
	const limit = 50
	fat := []byte(strings.Repeat("x", 1000))
	for name, o := range map[string]engine.Options{
		"rows":   {MaxDirtyRows: limit},
		"octets": {MaxDirtyOctets: limit * 1200},
	} {
		t.Run(name, func(t *testing.T) {
			tune := slow
			tune.Keep = time.Hour
			e := open(t, o.Tuned(tune))
			for i := range 40 * limit {
				if err := e.Set(t.Context(), kv.Key{Prefix: kv.Greylist, Name: fmt.Sprint(i)}, fat, 0); err != nil {
					t.Fatal(err)
				}
				if n, octets := e.Cells(); n > 2*limit+2 || octets > (2*limit+2)*1300 {
					t.Fatalf("%d cells of %d octets after row %d", n, octets, i)
				}
			}
		})
	}
}

func TestAFenceThatWasNeverGivenOutIsRefused(t *testing.T) {
	e := open(t, engine.Options{})
	if err := e.SetFenced(t.Context(), kv.Key{Prefix: kv.Greylist, Name: "a"}, nil, 0, 1<<63); !errors.Is(err, kv.ErrNotOwner) {
		t.Errorf("got %v", err)
	}
	if err := e.SetFenced(t.Context(), kv.Key{Prefix: kv.Greylist, Name: "a"}, nil, 0, 1<<63-1); err != nil {
		t.Error(err)
	}
	flush(t, e)
}
