// Package expr is the expression language of scripts, on expr-lang: one expression, or
// several statements (`let x = ...;`, sequences `a; b`), with comments. Mail actions are
// calls of functions, combined with `?:`, `and` and `if`.
//
//	source ─ scan ─ parse ─ check ─ types ─ rewrite ─ compile ─> Program ─ Run(Task)
//	         depth          calls           limits, sites                    │
//	                        against the                                      └ Task.Invoke
//	                        function table
//
// What it promises:
//
//   - A function of the table wins over a builtin of expr-lang with the same name. Of the
//     builtins only those of an allow-list are there (builtins.go, closures.go).
//   - Every wrong call that can be seen in the source is an error at compile time, in the
//     words of runtime.CheckCall; a script has all its errors told at once.
//   - A run is bounded: each turn of a loop and each element of a list that is made is a
//     step; text that is made counts as output, what functions return as memory; texts
//     and patterns are matched only as far as their product is affordable. Values that
//     share parts are walked with the same count, so that they cannot explode.
//   - int stays int: `+`, `-` and `*` say "integer overflow" and never wrap; only `/` and
//     `**` give floats.
//
// A Program is shared by many goroutines, a run belongs to one. Nothing reaches a script
// but the values that the table's functions return; its variables (variable.go) are such values.
package expr

import (
	"github.com/expr-lang/expr/vm"

	"github.com/sluice-mail/sluice/runtime"
)

// Options bounds what is compiled. The zero value works.
type Options struct {
	MaxSource int  // octets of a script; 64 KiB
	MaxNodes  uint // nodes of its syntax tree; 10,000
	Nesting   int  // brackets, conditions and signs within each other; that of runtime.DefaultLimits
}

func (o Options) withDefaults() Options {
	if o.MaxSource == 0 {
		o.MaxSource = 64 << 10
	}
	if o.MaxNodes == 0 {
		o.MaxNodes = 10_000
	}
	if o.Nesting == 0 {
		o.Nesting = runtime.DefaultLimits.Nesting
	}
	return o
}

// New returns the language. It may be used by many goroutines.
func New(o Options) runtime.Language { return &language{o: o.withDefaults()} }

type language struct{ o Options }

func (l *language) Name() string   { return "expr" }
func (l *language) Suffix() string { return ".expr" }

// Compile returns the script as a program, or runtime.SourceErrors.
func (l *language) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	c := &compilation{name: name, options: l.o, compile: o, transaction: true}
	if text := string(source); isRules(text) {
		p, err := c.rules(text)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	p, err := c.run(string(source))
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Program is a compiled script or expression. It is immutable.
type Program struct {
	name  string
	code  *vm.Program // nil: nothing but blanks and comments
	lines lines
	sites []runtime.Site
}

// Language returns "expr".
func (p *Program) Language() string { return "expr" }

// Name returns the script's name as errors show it.
func (p *Program) Name() string { return p.name }

// Sites returns the conditions, the `and` and `or`, and the calls of the script in the order of the
// source; none if it was not compiled with Instrument.
func (p *Program) Sites() []runtime.Site { return p.sites }

// Run runs the script and returns the value of its last statement. An error has the
// place of the operation that failed, and wraps its cause.
func (p *Program) Run(t *runtime.Task) (runtime.Value, error) { return p.eval(t, nil) }

func (p *Program) eval(t *runtime.Task, vars func(string) runtime.Value) (runtime.Value, error) {
	if p.code == nil {
		return nil, nil
	}
	s := newState(t, vars)
	defer s.done()
	if err := t.Step(1); err != nil {
		return nil, err
	}
	return p.evalIn(s)
}

// evalIn runs the program as a part of a run.
func (p *Program) evalIn(s *state) (runtime.Value, error) {
	s.machine.MemoryBudget = uint(max(s.memory/runtime.ElementSize, 1))
	out, err := s.machine.Run(p.code, s)
	if err != nil {
		return nil, p.failed(s, err)
	}
	v, err := s.export(out)
	if err != nil {
		line, col := p.lines.at(0)
		return nil, &runtime.SourceError{File: p.name, Line: line, Col: col, Msg: err.Error(), Err: err}
	}
	return v, nil
}
