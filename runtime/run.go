package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
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
	// composes says that the program is a Composer in this process.
	composes bool
	octets   int64 // of the messages in the plan
	recorded int64 // octets of the calls in the record that were not asked of the host
	content  content
	edit     editing
	told     map[string]bool // addresses that got a notification
	// random are the run's random numbers, once they were asked for.
	random *rand.Rand
	auth   authRun // what is known of where the message comes from
	// broken is what ended the run: a limit, or a replay that went astray. Once it is set
	// every call fails, so that a script that catches errors cannot go on.
	broken error
	// storeErr is the first error of a store that could not be reached, or of the network.
	storeErr error
	// atEnd are done when the program has ended, however it ended.
	atEnd []func(context.Context)
}

// Invoke does one call of a function.
func (r *run) Invoke(name string, args []Value) (Value, error) {
	// A call may take as long as hundreds of steps, after which the task looks at the clock.
	if r.broken == nil && r.ctx.Err() != nil {
		r.broken = endError(r.ctx, r.limits)
	}
	if r.broken != nil {
		return nil, r.broken
	}
	f := Lookup(name)
	if f == nil && r.composes {
		f = own[name]
	}
	if f == nil {
		return nil, fmt.Errorf("unknown function %q%s", cut(name, 60), meant(name))
	}
	v, asked, err := r.call(f, args)
	if err != nil {
		v = nil
		if errors.Is(err, ErrBudget) || errors.Is(err, ErrReplay) {
			r.broken = err
		}
		if r.storeErr == nil && asked && (errors.Is(err, kv.ErrUnavailable) || errors.Is(err, ErrTemporary)) {
			r.storeErr = err
		}
	}
	if f.Effect != Pure || r.level >= RecordFull {
		r.note(f, args, v, err, asked)
	}
	return v, err
}

// maxRecordedOctets bounds what a record keeps of calls that a replay does again by itself. What it
// has to be told is bounded by the operations of a run.
const maxRecordedOctets = 4 << 20

// note records a call.
func (r *run) note(f *Function, args []Value, v Value, err error, asked bool) {
	if r.level >= RecordCalls && !asked {
		if r.recorded += SizeOf(args) + SizeOf(v); r.recorded > maxRecordedOctets {
			r.record.Dropped++
			return
		}
	}
	r.record.add(r.level, f, args, v, err, asked)
}

// call checks and does a call, and says whether the host was asked.
func (r *run) call(f *Function, args []Value) (v Value, asked bool, err error) {
	if err := r.lawful(f); err != nil {
		return nil, false, err
	}
	a, err := f.arguments(args)
	if err != nil {
		return nil, false, err
	}
	if err := f.checkStore(a, r.view.Stores, r.view.NoDefaultStore); err != nil {
		return nil, false, err
	}
	v, asked, err = r.do(f, a, args)
	if err == nil {
		if _, ok := KindOf(v); !ok {
			err = fmt.Errorf("result %T is no value", v)
		}
	}
	var limit *LimitError
	if err != nil && !errors.As(err, &limit) && !strings.HasPrefix(err.Error(), f.Name+": ") {
		err = fmt.Errorf("%s: %w", f.Name, err)
	}
	return v, asked, err
}

func (r *run) lawful(f *Function) error {
	if !f.LawfulAt(r.view.Stage) {
		return errors.New(f.notAt(r.view.Stage))
	}
	if r.view.Trust < f.Trust {
		return fmt.Errorf("%s is for administrators' scripts only", f.Name)
	}
	return nil
}

func (r *run) do(f *Function, a Args, raw []Value) (v Value, asked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	e := &Env{Context: r.ctx, View: r.view, run: r, args: raw}
	if f.Effect == Pure || f.Effect == Acts {
		v, err = f.Call(e, a)
		return v, false, err
	}
	r.ops++
	if r.ops > r.limits.Ops {
		return nil, false, &LimitError{Limit: "ops", Max: int64(r.limits.Ops)}
	}
	if f.Effect == Writes {
		r.writes++
		if r.writes > r.limits.Writes {
			return nil, false, &LimitError{Limit: "writes", Max: int64(r.limits.Writes)}
		}
	}
	if r.host == nil {
		return nil, false, errors.New("this run has no stores")
	}
	v, err = r.host.Do(e, f, a)
	if err != nil && r.ctx.Err() != nil {
		err = endError(r.ctx, r.limits)
	}
	return v, true, err
}

// SetKeepFlags sets the flags of an implicit keep.
func (r *run) SetKeepFlags(flags []string) {
	r.plan.KeepFlags, r.plan.FlagsSet = NormalFlags(flags), true
}

// Hit notes an outcome at a site.
func (r *run) Hit(site int, o Outcome) { r.record.hit(r.level, site, o) }

// Act appends an action to the plan of the run.
func (e *Env) Act(a Action) error {
	r := e.run
	if len(r.plan.Actions) >= r.limits.Actions {
		return &LimitError{Limit: "actions", Max: int64(r.limits.Actions)}
	}
	if err := r.hold(len(a.Raw) + len(a.Header)); err != nil {
		return err
	}
	r.plan.Actions = append(r.plan.Actions, a)
	return nil
}

// hold counts octets that the plan keeps of messages.
func (r *run) hold(n int) error {
	if r.octets += int64(n); r.octets > r.limits.Memory {
		return &LimitError{Limit: "memory", Max: r.limits.Memory}
	}
	return nil
}

// AtEnd has done called when the program has ended, however it ended.
func (e *Env) AtEnd(done func(context.Context)) { e.run.atEnd = append(e.run.atEnd, done) }

// endTime bounds what is done after a program has ended.
const endTime = 2 * time.Second

// end does what was left for the end of the run, the last first.
func (r *run) end() {
	if r.atEnd == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), endTime)
	defer cancel()
	for _, done := range slices.Backward(r.atEnd) {
		func() {
			defer func() { _ = recover() }() // the run's result stands
			done(ctx)
		}()
	}
}

// execute runs the program and turns its panics into errors. A run that met a limit has
// failed, even where the script went on to end well.
func (r *run) execute(p Program, o RunOptions, t *Task) (v Value, err error) {
	defer func() {
		if x := recover(); x != nil {
			v, err = nil, fmt.Errorf("%s: internal error: %v", p.Name(), x)
		}
		err = t.outcome(err)
		if r.ctx.Err() != nil && !errors.Is(err, ErrBudget) {
			err = endError(r.ctx, r.limits) // too late is too late
		}
		if r.broken != nil && !errors.Is(err, ErrBudget) && !errors.Is(err, ErrReplay) {
			err = r.broken
		}
		if err == nil {
			err = r.finish()
		}
		if err == nil {
			left := int(r.limits.Memory)
			if bad := checkValue(v, maxResultDepth, &left); bad != nil {
				err = fmt.Errorf("%s: result: %w", p.Name(), bad)
			}
		}
		if err != nil {
			v = nil
		}
	}()
	_, r.composes = p.(Composer)
	if o.Link != nil {
		r.composes = false
		return o.Link(r.ctx, r.view, r, p)
	}
	return p.Run(t)
}

// maxResultDepth is how deep the lists and maps of a run's result may be nested.
const maxResultDepth = 64
