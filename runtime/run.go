package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// run is the core's side of a task: it checks every call, sends what is not pure
// through the host, collects the plan and keeps the record. It is a Link, used by one
// goroutine at a time.
type run struct {
	ctx    context.Context
	view   *View
	host   Host
	limits Limits
	plan   Plan
	record *Record
	level  Level
	now    func() time.Time
	locks  map[heldLock]heldLease // that the run holds
	ops    int
	writes int
	// broken is the limit that ended the run. Once it is set every call fails, so that a
	// script that catches errors cannot go on.
	broken error
	// atEnd are done when the program has ended, however it ended.
	atEnd []func(context.Context)
}

// Invoke does one call of a function.
func (r *run) Invoke(name string, args []Value) (Value, error) {
	if r.broken != nil {
		return nil, r.broken
	}
	f := Lookup(name)
	if f == nil {
		return nil, fmt.Errorf("unknown function %q%s", name, nearest(name))
	}
	if err := r.lawful(f); err != nil {
		return nil, err
	}
	a, err := f.arguments(args)
	if err != nil {
		return nil, err
	}
	v, err := r.do(f, a)
	if err == nil {
		if _, ok := KindOf(v); !ok {
			err = fmt.Errorf("%s: result %T is no value", f.Name, v)
		}
	}
	if err != nil {
		v = nil
		if errors.Is(err, ErrBudget) {
			r.broken = err
		}
	}
	if f.Effect != Pure || r.level >= RecordFull {
		r.record.add(r.level, f, args, v, err)
	}
	return v, err
}

func (r *run) lawful(f *Function) error {
	if !f.LawfulAt(r.view.Stage) {
		return fmt.Errorf("%s is not lawful at stage %s", f.Name, r.view.Stage)
	}
	if r.view.Trust < f.Trust {
		return fmt.Errorf("%s is for administrators' scripts only", f.Name)
	}
	return nil
}

func (r *run) do(f *Function, a Args) (v Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: internal error: %v", f.Name, p)
		}
	}()
	e := &Env{Context: r.ctx, View: r.view, run: r}
	if f.Effect == Pure || f.Effect == Acts {
		return f.Call(e, a)
	}
	r.ops++
	if r.ops > r.limits.Ops {
		return nil, &LimitError{Limit: "ops", Max: int64(r.limits.Ops)}
	}
	if f.Effect == Writes {
		r.writes++
		if r.writes > r.limits.Writes {
			return nil, &LimitError{Limit: "writes", Max: int64(r.limits.Writes)}
		}
	}
	v, err = r.host.Do(e, f, a)
	if err != nil && r.ctx.Err() != nil {
		err = &LimitError{Limit: "time", Max: r.limits.Time.Milliseconds()}
	}
	return v, err
}

// SetKeepFlags sets the flags of an implicit keep.
func (r *run) SetKeepFlags(flags []string) { r.plan.KeepFlags = flags }

// Hit notes an outcome at a site.
func (r *run) Hit(site int, o Outcome) { r.record.hit(r.level, site, o) }

// Act appends an action to the plan of the run.
func (e *Env) Act(a Action) error {
	r := e.run
	if len(r.plan.Actions) >= r.limits.Actions {
		return &LimitError{Limit: "actions", Max: int64(r.limits.Actions)}
	}
	r.plan.Actions = append(r.plan.Actions, a)
	return nil
}

// AtEnd has done called when the program has ended, however it ended.
func (e *Env) AtEnd(done func(context.Context)) { e.run.atEnd = append(e.run.atEnd, done) }
