package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGateServesNamesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1)
		if err := g.Enter(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		var order []string
		var wait sync.WaitGroup
		for _, name := range []string{"a", "a", "a", "b", "c", "b"} {
			wait.Go(func() {
				if err := g.Enter(t.Context(), name); err != nil {
					t.Error(err)
				}
				order = append(order, name)
				g.Leave(name)
			})
			synctest.Wait()
		}
		if taken, waiting := g.Load(); taken != 1 || waiting != 6 {
			t.Errorf("%d taken, %d wait", taken, waiting)
		}
		g.Leave("a")
		wait.Wait()
		if got, want := fmt.Sprint(order), "[a b c a b a]"; got != want {
			t.Errorf("served %s, want %s", got, want)
		}
		if taken, waiting := g.Load(); taken != 0 || waiting != 0 || len(g.held) != 0 || len(g.queues) != 0 || len(g.turns) != 0 {
			t.Errorf("%d taken, %d wait, %v", taken, waiting, g)
		}
	})
}

func TestNobodyGetsTheLastPlaceWhoHasAllOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(4)
		var wait sync.WaitGroup
		defer wait.Wait()
		for range 8 {
			wait.Go(func() {
				if g.Enter(t.Context(), "burns") == nil {
					<-time.After(2 * time.Second)
					g.Leave("burns")
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if err := g.Enter(t.Context(), "other"); err != nil || time.Since(began) != 0 {
			t.Errorf("waited %s, %v", time.Since(began), err)
		}
		g.Leave("other")
	})
}

func TestWhoseTimeEndsWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1)
		_ = g.Enter(t.Context(), "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Enter(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		g.Leave("a")
		if err := g.Enter(t.Context(), "c"); err != nil {
			t.Error(err)
		}
		if taken, waiting := g.Load(); taken != 1 || waiting != 0 {
			t.Errorf("%d taken, %d wait", taken, waiting)
		}
	})
}

func TestGateKeepsItsSize(t *testing.T) {
	g := NewGate(3)
	var inside, most atomic.Int64
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond+time.Microsecond)
			defer cancel()
			name := string(rune('a' + i%5))
			if g.Enter(ctx, name) != nil {
				return
			}
			n := inside.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			inside.Add(-1)
			g.Leave(name)
		})
	}
	wait.Wait()
	if taken, waiting := g.Load(); taken != 0 || waiting != 0 || most.Load() > 3 {
		t.Errorf("%d taken, %d wait, at most %d were in", taken, waiting, most.Load())
	}
}

// The time of a run begins when it has its place.
func TestWaitingIsNotTheRunsTime(t *testing.T) {
	e := NewEngine()
	g := NewGate(1)
	e.Bound(g, nil)
	_ = g.Enter(t.Context(), "other")
	done := make(chan *Result)
	go func() {
		done <- e.Run(t.Context(), compileTiny(t, `repeat 3 now()`), ExampleTransaction(), RunOptions{Host: liveOver(newStore(t, newClock())), Namespace: "a", Limits: Limits{Time: 300 * time.Millisecond}})
	}()
	after := time.NewTimer(400 * time.Millisecond)
	<-after.C
	g.Leave("other")
	if r := <-done; r.Err != nil {
		t.Error(r.Err)
	}
	_ = g.Enter(t.Context(), "other")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := e.Run(ctx, compileTiny(t, `now()`), ExampleTransaction(), RunOptions{Namespace: "a"})
	if !errors.Is(r.Err, ErrBudget) || r.Record.Error == "" {
		t.Errorf("got %v, %+v", r.Err, r.Record)
	}
}

func BenchmarkGate(b *testing.B) {
	g := NewGate(8)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Enter(b.Context(), "a:admin"); err != nil {
			b.Fatal(err)
		}
		g.Leave("a:admin")
	}
}
