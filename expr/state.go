package expr

import (
	"errors"
	"fmt"
	"sync"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm"

	"github.com/sluice-mail/sluice/runtime"
)

// state is one run. It is the virtual machine's environment, and the first argument of
// every call.
type state struct {
	task     *runtime.Task
	memory   int64 // octets that may still be held
	vars     func(string) runtime.Value
	patterns map[string]*pattern
	machine  vm.VM
}

// states are those that no run has at hand.
var states = sync.Pool{New: func() any { return new(state) }}

// newState returns the state of a run, which is given back by done.
func newState(t *runtime.Task, vars func(string) runtime.Value) *state {
	s := states.Get().(*state)
	s.task, s.memory, s.vars = t, t.Limits().Memory, vars
	return s
}

// keptStack is how many values the stack of a machine may have had that another run goes on with.
const keptStack = 64

// done gives the state back without anything of its run. What grew large is left to the collector.
func (s *state) done() {
	m := &s.machine
	stack, variables := m.Stack[:cap(m.Stack)], m.Variables
	if len(stack) > keptStack || len(variables) > keptStack || m.Scopes != nil {
		return
	}
	clear(stack)
	clear(variables)
	*m = vm.VM{Stack: stack[:0], Variables: variables}
	s.task, s.vars, s.patterns = nil, nil, nil
	states.Put(s)
}

// hold counts n octets that the run keeps from now on.
func (s *state) hold(n int64) error {
	s.memory -= n
	if s.memory < 0 {
		return &runtime.LimitError{Limit: "memory", Max: s.task.Limits().Memory}
	}
	return nil
}

// mapSize is what a map takes in octets beside what counts for its elements: the smallest has room
// for eight.
const mapSize = 320

// elements counts a list of n elements that is about to be made.
func (s *state) elements(n int) error {
	if err := s.task.Step(int64(n)); err != nil {
		return err
	}
	return s.hold(int64(n) * runtime.ElementSize)
}

// invoke calls a function of the table. What it returns counts as memory, what a text
// function makes as output as well.
func (s *state) invoke(f *runtime.Function, args []any) (any, error) {
	values := make([]runtime.Value, len(args))
	for i, a := range args {
		v, err := s.export(a)
		if errors.Is(err, runtime.ErrBudget) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: argument %d: %w", f.Name, i+1, err)
		}
		values[i] = v
	}
	v, err := s.task.Invoke(f.Name, values...)
	if err != nil {
		return nil, err
	}
	n := runtime.SizeOf(v)
	if n == 0 {
		return v, nil
	}
	if err := s.hold(n); err != nil {
		return nil, err
	}
	if f.MakesText() {
		return v, s.task.Output(int(n))
	}
	return v, nil
}

// The functions that only the rewriter calls; the blank keeps sources from naming them.
const (
	fnAdd      = " add"
	fnSubtract = " subtract"
	fnMultiply = " multiply"
	fnRange    = " range"
	fnIn       = " in"
	fnEqual    = " equal"
	fnMatches  = " matches"
	fnList     = " list"
	fnTick     = " tick"
	fnSite     = " site"
	fnCall     = " call"
	fnVariable = " variable"
	fnMap      = " map"
)

var internal = map[string]func(s *state, a []any) (any, error){
	fnAdd:      (*state).add,
	fnSubtract: (*state).subtract,
	fnMultiply: (*state).multiply,
	fnRange:    (*state).rangeOf,
	fnIn:       (*state).in,
	fnEqual:    func(s *state, a []any) (any, error) { return s.equal(a[0], a[1], 0) },
	fnMatches:  (*state).matches,
	fnList:     func(_ *state, a []any) (any, error) { return a[1], listKind(a[0].(string), a[1]) },
	fnTick:     func(s *state, _ []any) (any, error) { return nil, s.task.Step(1) },
	fnSite:     (*state).site,
	fnCall:     (*state).siteCall,
	fnVariable: (*state).variable,
	fnMap:      func(s *state, a []any) (any, error) { return a[0], s.hold(mapSize) },
}

// functions returns what expr-lang is to call by which name, made once: the table, our
// own versions of builtins, and the rewriter's.
var functions = sync.OnceValue(func() conf.FunctionsTable {
	table := conf.FunctionsTable{}
	add := func(name string, do func(*state, []any) (any, error)) {
		table[name] = &builtin.Function{Name: name, Func: func(args ...any) (any, error) {
			return do(args[0].(*state), args[1:])
		}}
	}
	for name, b := range ours {
		add(name, b.call)
	}
	for name, do := range internal {
		add(name, do)
	}
	for _, f := range runtime.Functions() {
		add(f.Name, func(s *state, args []any) (any, error) { return s.invoke(f, args) })
		if f.IsVariable() {
			add(readName+f.Name, read(f))
		}
	}
	return table
})

// site tells the outcome of a condition: number, value.
func (s *state) site(a []any) (any, error) {
	s.task.Hit(a[0].(int), outcome(a[1]))
	return a[1], nil
}

// siteCall calls a function and tells its outcome: number, name, arguments.
func (s *state) siteCall(a []any) (any, error) {
	v, err := s.invoke(runtime.Lookup(a[1].(string)), a[2:])
	if err != nil {
		s.task.Hit(a[0].(int), runtime.Failed)
		return nil, err
	}
	s.task.Hit(a[0].(int), outcome(v))
	return v, nil
}

func outcome(v any) runtime.Outcome {
	switch v {
	case true:
		return runtime.True
	case false:
		return runtime.False
	}
	return runtime.Reached
}

func (s *state) variable(a []any) (any, error) {
	if s.vars == nil {
		return nil, fmt.Errorf("unknown name %s", a[0])
	}
	v := s.vars(a[0].(string))
	if n := runtime.SizeOf(v); n > 0 {
		return v, s.hold(n)
	}
	return v, nil
}
