package sqlite

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hold blocks the writer until release is called, so that later writes share a batch.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	begun, gate, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if err := db.Write(context.Background(), func(*Tx) error { close(begun); <-gate; return nil }); err != nil {
			t.Error(err)
		}
	}()
	<-begun
	return func() { close(gate); <-done }
}

// enqueue starts writes in order and waits until all of them are queued.
func enqueue(t *testing.T, db *DB, fns ...func(*Tx) error) (wait func() []error) {
	t.Helper()
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() { errs[i] = db.Write(context.Background(), fn) })
		waitQueued(db, i+1)
	}
	return func() []error { wg.Wait(); return errs }
}

func waitQueued(db *DB, n int) {
	for {
		db.queue.mu.Lock()
		got := len(db.queue.waiting)
		db.queue.mu.Unlock()
		if got >= n {
			return
		}
		goruntime.Gosched()
	}
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	db := openTest(t, Options{MaxBatch: 8})
	release := hold(t, db)
	var fns []func(*Tx) error
	for i := range 16 {
		fns = append(fns, put(fmt.Sprint(i), "x"))
	}
	wait := enqueue(t, db, fns...)
	release()
	for _, err := range wait() {
		if err != nil {
			t.Error(err)
		}
	}
	if got, want := db.Stats(), (Stats{Commits: 3, Writes: 17}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnErrorUndoesOnlyItsOwnWrite(t *testing.T) {
	boom := errors.New("boom")
	for name, bad := range map[string]struct {
		at   int
		fail func()
	}{
		"an error in the first write": {0, func() {}},
		"an error in a later write":   {2, func() {}},
		"a panic in the first write":  {0, func() { panic("boom") }},
		"a panic in a later write":    {2, func() { panic("boom") }},
	} {
		t.Run(name, func(t *testing.T) {
			db := openTest(t, Options{})
			release := hold(t, db)
			hooks := make([]bool, 4)
			want := map[string]string{}
			var fns []func(*Tx) error
			for i := range 4 {
				fns = append(fns, func(tx *Tx) error {
					tx.OnCommit(func() { hooks[i] = true })
					if err := put(fmt.Sprint(i), "x")(tx); err != nil {
						return err
					}
					if i == bad.at {
						bad.fail()
						return boom
					}
					return nil
				})
				if i != bad.at {
					want[fmt.Sprint(i)] = "x"
				}
			}
			wait := enqueue(t, db, fns...)
			release()
			for i, err := range wait() {
				if (err != nil) != (i == bad.at) {
					t.Errorf("write %d: %v", i, err)
				}
				if hooks[i] == (i == bad.at) {
					t.Errorf("OnCommit of write %d ran: %v", i, hooks[i])
				}
			}
			if diff := cmp.Diff(want, all(t, db)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFailedCommitFailsTheWholeBatchAndTheNextOneWorks(t *testing.T) {
	db := openTest(t, Options{})
	release := hold(t, db)
	called := false
	wait := enqueue(t, db, func(tx *Tx) error {
		tx.raw.RegisterCommitHook(func() int { return 1 }) // makes the COMMIT fail
		return put("a", "1")(tx)
	}, func(tx *Tx) error {
		tx.OnCommit(func() { called = true })
		return put("b", "2")(tx)
	})
	release()
	for i, err := range wait() {
		if err == nil {
			t.Errorf("write %d was acknowledged", i)
		}
	}
	if called {
		t.Error("OnCommit ran without a commit")
	}
	if err := db.Write(t.Context(), func(tx *Tx) error {
		tx.raw.RegisterCommitHook(nil)
		return put("c", "3")(tx)
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"c": "3"}, all(t, db)); diff != "" {
		t.Error(diff)
	}
}

func TestAWriteThatWaitsCanBeCancelled(t *testing.T) {
	db := openTest(t, Options{})
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { got <- db.Write(ctx, put("a", "1")) }()
	waitQueued(db, 1)
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	if err := db.Write(ctx, put("b", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := all(t, db); len(got) != 0 {
		t.Errorf("cancelled writes are there: %v", got)
	}
}

func TestAWriteThatRunsIsWaitedForAlthoughItsContextEnds(t *testing.T) {
	db := openTest(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx *Tx) error { cancel(); return put("a", "1")(tx) })
	if err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, db)); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
}

// goexit is a write that ends its goroutine, as t.Fatal does.
func goexit(tx *Tx) error {
	if err := put("a", "1")(tx); err != nil {
		return err
	}
	goruntime.Goexit()
	return nil
}

func TestGoexitInAWriteDoesNotEndTheWriter(t *testing.T) {
	check := func(t *testing.T, db *DB) {
		if err := db.Write(t.Context(), put("b", "2")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"b": "2"}, all(t, db)); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("alone it ends its own goroutine", func(t *testing.T) {
		db := openTest(t, Options{})
		returned := false
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = db.Write(context.Background(), goexit)
			returned = true
		})
		wg.Wait()
		if returned {
			t.Error("a write that never returned was answered")
		}
		check(t, db)
	})
	t.Run("among others it is answered with an error", func(t *testing.T) {
		db := openTest(t, Options{})
		release := hold(t, db)
		wait := enqueue(t, db, goexit)
		release()
		if errs := wait(); errs[0] == nil {
			t.Error("a write that never returned was acknowledged")
		}
		check(t, db)
	})
	t.Run("in the background it is answered with an error", func(t *testing.T) {
		db := openTest(t, Options{})
		if err := db.Background(t.Context(), goexit); err == nil {
			t.Error("a step that never returned was acknowledged")
		}
		if err := db.Background(t.Context(), put("b", "2")); err != nil {
			t.Error(err)
		}
		check(t, db)
	})
}

func TestCloseLetsQueuedWritesFinish(t *testing.T) {
	db := openTest(t, Options{})
	path := db.Path()
	release := hold(t, db)
	wait := enqueue(t, db, put("a", "1"), put("b", "2"))
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	for _, err := range wait() {
		if err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, openAt(t, path, Options{}))); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

func TestManyWritersLoseNoIncrement(t *testing.T) {
	db := openTest(t, Options{})
	if err := db.Write(t.Context(), func(tx *Tx) error { _, err := tx.Exec(`INSERT INTO n VALUES (1, 0)`); return err }); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 25 {
				err := db.Write(t.Context(), func(tx *Tx) error { _, err := tx.Exec(`UPDATE n SET a = a + 1 WHERE id = 1`); return err })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.Read(t.Context(), func(c *Conn) error { return c.QueryRow(`SELECT a FROM n`).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	if n != 400 {
		t.Errorf("counted %d, want 400", n)
	}
}

func TestALooseWriteThatFailsLeavesTheOthers(t *testing.T) {
	boom := errors.New("boom")
	type fn = func(*Tx) error
	guarded := func(tx *Tx) error {
		if err := tx.Guard(); err != nil {
			return err
		}
		return errors.Join(put("1", "x")(tx), put("2", "x")(tx))
	}
	for name, tt := range map[string]struct {
		odd  fn
		errs int // of the three writes
		want map[string]string
	}{
		"one change":               {put("1", "x"), 0, map[string]string{"0": "x", "1": "x", "3": "x"}},
		"an error before a change": {func(*Tx) error { return boom }, 1, map[string]string{"0": "x", "3": "x"}},
		"an error of the change": {func(tx *Tx) error {
			_, err := tx.Exec(`INSERT INTO t VALUES ('0', 'again')`)
			return err
		}, 1, map[string]string{"0": "x", "3": "x"}},
		"several changes with a guard": {guarded, 0, map[string]string{"0": "x", "1": "x", "2": "x", "3": "x"}},
		"an error behind a guard":      {func(tx *Tx) error { return errors.Join(guarded(tx), boom) }, 1, map[string]string{"0": "x", "3": "x"}},
		"an error after a change":      {func(tx *Tx) error { return errors.Join(put("1", "x")(tx), boom) }, 3, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			db := openTest(t, Options{})
			release := hold(t, db)
			errs := make([]error, 3)
			var wg sync.WaitGroup
			for i, fn := range []fn{put("0", "x"), tt.odd, put("3", "x")} {
				wg.Go(func() { errs[i] = db.WriteLoose(t.Context(), fn) })
				waitQueued(db, i+1)
			}
			release()
			wg.Wait()
			failed := 0
			for _, err := range errs {
				if err != nil {
					failed++
				}
			}
			if failed != tt.errs {
				t.Errorf("%d writes failed, want %d: %v", failed, tt.errs, errs)
			}
			if diff := cmp.Diff(tt.want, all(t, db)); diff != "" {
				t.Error(diff)
			}
			if err := db.Write(t.Context(), put("later", "x")); err != nil {
				t.Error(err)
			}
		})
	}
}
