package langtest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

// Run tests what holds for the programs of every language: users may call less than
// administrators, and the Filter replays without a store, does across a pipe what it does
// here, and runs many times at once.
func (r Room) Run(t *testing.T) {
	t.Run("users may call less", r.users)
	t.Run("a replay needs no store", r.replay)
	t.Run("a program runs across a pipe", r.pipe)
	t.Run("one program runs many times at once", r.concurrent)
}

func (r Room) users(t *testing.T) {
	for _, f := range runtime.Functions() {
		if f.Trust == runtime.Admin {
			if _, err := r.Language.Compile(r.Script, []byte(f.Name+"()"), runtime.CompileOptions{}); err == nil {
				t.Errorf("%s was compiled for a user", f.Name)
			}
		}
	}
}

// filtered runs the Filter over a new store.
func filtered(t *testing.T, p runtime.Program, o runtime.RunOptions) *runtime.Result {
	t.Helper()
	o.Host, _ = Live(t)
	r := Execute(t, p, o)
	if r.Err != nil || len(r.Plan.Actions) != 1 || r.Plan.Actions[0].Mailbox != "Lists" {
		t.Errorf("%v %+v", r.Err, r.Plan)
	}
	return r
}

func (r Room) replay(t *testing.T) {
	p := r.Compile(t, r.Filter, runtime.CompileOptions{})
	first := filtered(t, p, runtime.RunOptions{Record: runtime.RecordCalls})
	if t.Failed() {
		return
	}
	again, err := runtime.NewEngine().Replay(t.Context(), p, first.Record, runtime.RunOptions{})
	if err != nil || again.Err != nil {
		t.Fatal(err, again.Err)
	}
	if diff := cmp.Diff(first.Plan, again.Plan); diff != "" {
		t.Error(diff)
	}
}

// pipe runs a program that reaches its core by nothing but a connection.
func (r Room) pipe(t *testing.T) {
	p := r.Compile(t, r.Filter, runtime.CompileOptions{Instrument: true})
	far := filtered(t, p, runtime.RunOptions{Record: runtime.RecordFull, Link: func(ctx context.Context, v *runtime.View, core runtime.Link, p runtime.Program) (runtime.Value, error) {
		near, end := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- runtime.RunRemote(ctx, end, func(j *runtime.Job) (runtime.Program, error) {
				return r.Language.Compile(j.Name, j.Source, j.Options)
			})
		}()
		result, err := runtime.ServeCore(ctx, near, &runtime.Job{Name: p.Name(), Language: p.Language(), Source: []byte(r.Filter),
			Options: runtime.CompileOptions{Trust: runtime.Admin, Instrument: true}, View: v}, core)
		if e := <-done; e != nil {
			t.Error(e)
		}
		return result, err
	}})
	near := filtered(t, p, runtime.RunOptions{Record: runtime.RecordFull})
	if diff := cmp.Diff(near.Plan, far.Plan); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(near.Record.Hits, far.Record.Hits); diff != "" {
		t.Error(diff)
	}
}

func (r Room) concurrent(t *testing.T) {
	p := r.Compile(t, r.Filter, runtime.CompileOptions{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 10 {
				filtered(t, p, runtime.RunOptions{})
			}
		})
	}
	wait.Wait()
}
