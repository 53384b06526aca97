package sqlite

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"testing"
	"time"
)

// enqueueSteps starts background writes in order and waits until all of them are queued.
func enqueueSteps(db *DB, ctx context.Context, fns ...func(*Tx) error) (wait func() []error) {
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() { errs[i] = db.Background(ctx, fn) })
		for {
			db.queue.mu.Lock()
			got := len(db.queue.steps)
			db.queue.mu.Unlock()
			if got > i {
				break
			}
			goruntime.Gosched()
		}
	}
	return func() []error { wg.Wait(); return errs }
}

func TestAStepYieldsFourTimesItsOwnTimeToOthers(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for name, tc := range map[string]struct {
		pace   pace
		took   time.Duration // of a step that ended at start, if any
		beside bool          // a foreground write came after it
		others bool          // another one waits
		now    int
		wait   time.Duration
		budget time.Duration
	}{
		"the first step begins at once":                         {budget: aloneBudget},
		"the first step begins at once also beside others":      {others: true, budget: besideBudget},
		"without others the next step begins at once":           {took: time.Millisecond, budget: aloneBudget},
		"who waits goes first":                                  {took: time.Millisecond, others: true, wait: 4 * time.Millisecond, budget: besideBudget},
		"after a foreground write the rest is waited for":       {took: 2 * time.Millisecond, beside: true, now: 3, wait: 5 * time.Millisecond, budget: besideBudget},
		"when the time is over it begins before others":         {took: time.Millisecond, beside: true, others: true, now: 4, budget: besideBudget},
		"a very long step is not followed by a very long pause": {took: time.Minute, others: true, wait: time.Second, budget: besideBudget},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.pace
			if tc.took > 0 {
				p.beside = true
				p.ran(start, tc.took)
			}
			p.beside = p.beside || tc.beside
			if got := p.wait(at(tc.now), tc.others); max(got, 0) != tc.wait {
				t.Errorf("waits %v, want %v", got, tc.wait)
			}
			if got := p.budget(tc.others); got != tc.budget {
				t.Errorf("budget %v, want %v", got, tc.budget)
			}
		})
	}
}

// A step that came while somebody committed by himself was due as long as no foreground write had
// ended. Then it is not, and without a word the writer goroutine would sleep for ever.
func TestAStepIsNotForgottenWhenItsTurnMovesAway(t *testing.T) {
	q := queue{busy: true, wake: make(chan struct{}, 1)}
	q.pace.next = time.Now().Add(time.Hour)
	if err := q.pushStep(newRequest(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	<-q.wake // take has looked
	q.release(true)
	if len(q.wake) == 0 {
		t.Error("the writer goroutine was not told")
	}
}

func TestAStepHasACommitOfItsOwn(t *testing.T) {
	db := openTest(t, Options{})
	release := hold(t, db)
	steps := enqueueSteps(db, t.Context(), put("x", "1"), put("y", "1"))
	writes := enqueue(t, db, put("a", "1"), put("b", "1"), put("c", "1"))
	release()
	for _, err := range append(writes(), steps()...) {
		if err != nil {
			t.Error(err)
		}
	}
	got := db.Stats()
	if got.Commits != 4 || got.Writes != 6 || got.Steps != 2 {
		t.Errorf("got %+v", got)
	}
	if got.StepTime <= 0 || got.LongestStep <= 0 || got.LongestStep > got.StepTime {
		t.Errorf("times of steps: %+v", got)
	}
	if n := len(all(t, db)); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

func TestNeitherStepsNorWritesStarve(t *testing.T) {
	for _, writers := range []int{1, 8} {
		t.Run(fmt.Sprint(writers, " writers"), func(t *testing.T) {
			db := openTest(t, Options{})
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						if err := db.Write(t.Context(), put(fmt.Sprint(w), fmt.Sprint(i))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for i := range 20 {
				before := db.Stats().Writes
				if err := db.Background(t.Context(), func(tx *Tx) error {
					for n := range 50 {
						if err := put(fmt.Sprint("step", n), fmt.Sprint(i))(tx); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
				for db.Stats().Writes < before+2 { // the step and somebody else
					goruntime.Gosched()
				}
			}
			stop()
			wg.Wait()
		})
	}
}

func TestAnErrorOfAStepIsItsOwn(t *testing.T) {
	db := openTest(t, Options{})
	boom := errors.New("boom")
	release := hold(t, db)
	steps := enqueueSteps(db, t.Context(), put("x", "1"), func(tx *Tx) error {
		if err := put("bad", "1")(tx); err != nil {
			return err
		}
		return boom
	}, func(*Tx) error { panic("boom") }, put("y", "1"))
	release()
	errs := steps()
	if errs[0] != nil || !errors.Is(errs[1], boom) || errs[2] == nil || errs[3] != nil {
		t.Errorf("got %v", errs)
	}
	if got := all(t, db); got["x"] == "" || got["y"] == "" || got["bad"] != "" {
		t.Errorf("got %v", got)
	}
}

func TestAStepThatWaitsCanBeCancelled(t *testing.T) {
	db := openTest(t, Options{})
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	steps := enqueueSteps(db, ctx, put("a", "1"), put("b", "1"))
	cancel()
	for _, err := range steps() {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	release()
	if err := db.Background(ctx, put("c", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := db.Background(t.Context(), put("d", "1")); err != nil {
		t.Error(err)
	}
	if got := all(t, db); len(got) != 1 || got["d"] == "" {
		t.Errorf("got %v", got)
	}
	if got := db.Stats().Steps; got != 1 {
		t.Errorf("%d steps ran, want 1", got)
	}
}

func TestCloseLetsQueuedStepsFinish(t *testing.T) {
	db := openTest(t, Options{})
	path := db.Path()
	release := hold(t, db)
	writes := enqueue(t, db, put("a", "1"))
	steps := enqueueSteps(db, t.Context(), put("x", "1"), put("y", "1"), put("z", "1"))
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	for !db.queue.isClosed() {
		goruntime.Gosched()
	}
	release()
	for _, err := range append(writes(), steps()...) {
		if err != nil {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := db.Background(t.Context(), put("late", "1")); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if got := len(all(t, openAt(t, path, Options{}))); got != 4 {
		t.Errorf("%d rows, want 4", got)
	}
}

func TestAStepKnowsWhetherOthersWrite(t *testing.T) {
	db := openTest(t, Options{})
	budget := func() (d time.Duration) {
		t.Helper()
		if err := db.Background(t.Context(), func(tx *Tx) error { d = tx.Budget(); return nil }); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got := budget(); got != aloneBudget {
		t.Errorf("alone: %v", got)
	}
	if err := db.Write(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	if got := budget(); got != besideBudget {
		t.Errorf("after a write: %v", got)
	}
	if _, err := db.DataVersion(t.Context()); err != nil { // asked many times a second, changes nothing
		t.Fatal(err)
	}
	if got := budget(); got != aloneBudget {
		t.Errorf("after a look at the data version: %v", got)
	}
}
