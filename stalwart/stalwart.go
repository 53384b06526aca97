// Package stalwart is the expression language of Stalwart: its operators, literals, truth,
// mixing of text and numbers, arrays, captures and variables, on the function table of Sluice.
//
//	source ─ rules ─ lexer ─ parser ─ names, calls ─> Program ─ Run(Task)
//	         if/then         depth    against stage         │
//	                                  and table             └ Task.Invoke
//
// There are two ways in. A file (New) holds one expression, or an ordered list of rules as the
// configuration of Stalwart up to 0.15 writes them; its names are those of the stage. Sieve's
// eval, let and while (CompileExpression) read the variables of their script instead.
//
// What it promises:
//
//   - An unknown name, a wrong call and a variable that the stage lacks are errors of the source,
//     with the place of the character.
//   - A run is bounded: each operation and each element of an array that is made or walked is a
//     step, text that is made is output, what is held is memory. Arrays that share parts are
//     counted as often as they are walked, so that they cannot explode.
//   - A call of a function is Task.Invoke, whatever its name here: limits, tenants, stages and
//     records hold as in the other languages.
//
// Where it differs from Stalwart on purpose, Differences says so.
package stalwart

import "github.com/sluice-mail/sluice/runtime"

// Options bounds what is compiled. The zero value works.
type Options struct {
	MaxSource int // octets of a script; 64 KiB
	MaxNodes  int // operations, literals and names of a script; 10,000
	Nesting   int // brackets and signs within each other; that of runtime.DefaultLimits
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

// New returns the language of expression files. It takes the place of expr: its suffix is
// the same. It may be used by many goroutines.
func New(o Options) runtime.Language { return &language{o.withDefaults()} }

type language struct{ o Options }

func (*language) Name() string   { return languageName }
func (*language) Suffix() string { return ".expr" }

const languageName = "stalwart"

// Compile returns the script as a program, or runtime.SourceErrors.
func (l *language) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	c := &compilation{name: name, source: string(source), options: l.o, compile: o}
	rules, err := c.file()
	if err != nil {
		return nil, err
	}
	return &Program{name: name, rules: rules, places: c.places, sites: c.sites}, nil
}

// Program is a compiled file. It is immutable.
type Program struct {
	name   string
	rules  []rule
	places runtime.Places
	sites  []runtime.Site
}

// rule gives its value where its condition holds.
type rule struct {
	when node // nil: always
	then node
	site int // of the condition, -1 if nobody asked for it
}

// Language returns "stalwart".
func (p *Program) Language() string { return languageName }

// Name returns the script's name as errors show it.
func (p *Program) Name() string { return p.name }

// Sites returns the conditions of rules, the `&&` and `||`, and the calls, in the order of the
// source; none if it was not compiled with Instrument.
func (p *Program) Sites() []runtime.Site { return p.sites }

// Run returns the value of the expression, or of the first rule whose condition holds; null if
// none does. What a condition has captured is there for the value of its rule. An error has the
// place of the operation that failed, and wraps its cause.
func (p *Program) Run(t *runtime.Task) (runtime.Value, error) {
	s := &state{task: t, source: viewSource{t.View()}, memory: t.Limits().Memory, file: p.name, places: &p.places}
	for i := range p.rules {
		r := &p.rules[i]
		if r.when != nil {
			s.captures = nil
			v, err := s.eval(r.when)
			if err != nil {
				return nil, err
			}
			s.hit(r.site, v)
			if !Truth(v) {
				continue
			}
		}
		return s.eval(r.then)
	}
	return nil, nil
}

// Expression is a compiled expression of a Sieve script. It is immutable and may be used by
// many goroutines.
type Expression struct {
	name   string
	root   node
	places runtime.Places
}

// CompileExpression compiles an expression of a Sieve script. name stands in front of its
// errors, whose lines and columns count within source. known says whether there is a variable
// of a name, in lower case: one of the script, or one such as global.name.
func CompileExpression(name, source string, known func(variable string) bool, o runtime.CompileOptions) (*Expression, error) {
	o.Instrument = false // the sites are those of the script around it
	c := &compilation{name: name, source: source, options: Options{}.withDefaults(), compile: o, sieve: true, known: known}
	root, err := c.single()
	if err != nil {
		return nil, err
	}
	return &Expression{name: name, root: root, places: c.places}, nil
}

// Eval evaluates the expression for t, which reads from what stands outside of it.
func (e *Expression) Eval(t *runtime.Task, from Source) (runtime.Value, error) {
	s := &state{task: t, source: from, memory: t.Limits().Memory, file: e.name, places: &e.places, sieve: true}
	return s.eval(e.root)
}
