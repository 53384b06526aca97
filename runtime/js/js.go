// Package js is JavaScript for scripts, on goja. A script is the body of a function in
// strict mode: statements, `return` where it likes; the functions of the table are
// globals under their own names.
//
//	source ─ scan ─ parse ─ check ─ rewrite ─ compile ─> Program ─ Run(Task)
//	         depth          calls   limits,              one fresh runtime a run
//	                                sites                 │
//	                        function table ◄── Task.Invoke, names resolved when used
//
// What it promises:
//
//   - A run begins with nothing that another left: the compiled program is shared, the
//     runtime is new. Math.random and the clock come from the run's view, so that a
//     record can be replayed.
//   - A limit ends the run and cannot be caught. Calls of functions and turns of loops are steps;
//     text that is made counts as output, typed arrays and what functions return as
//     memory. Natives of goja that could work long or make much (they cannot be
//     interrupted) are replaced where a script can reach them; see guard.go.
//   - What lies outside these counts is the garbage collector's view only: a run that
//     makes the whole process's heap grow by more than its memory limit is ended, see
//     memory.go. Scripts of people who are not trusted belong in a process of their own.
//   - eval, Function, Proxy, Reflect, Promise, async and generator functions are not there.
//
// A script may have modules of its own folder: require("./x.js") as in CommonJS, with
// module.exports, exports and files of JSON. They are read and compiled with the script, and
// each run evaluates those that it comes to, once. console.log and its kin leave notes in the
// record of the run.
//
// Values: null and undefined are null; a number that is whole and at most 2^53 is an int,
// any other a float (goja itself does not tell 1.0 from 1); an int beyond 2^53 is
// a BigInt in both directions; bytes are a Uint8Array, and an ArrayBuffer is bytes; lists are
// arrays, maps plain objects with their names in byte order. Functions,
// symbols, dates, cycles and whatever else has no kind are refused. Text is UTF-16 here:
// octets that are not UTF-8 become U+FFFD.
//
// Errors of functions are Error exceptions with the text that all languages show. The
// value of a script is what it returns, or that of its last statement if that is an
// expression.
package js

import (
	"io/fs"

	"github.com/sluice-mail/sluice/runtime"
)

// Options bounds what is compiled. The zero value works.
type Options struct {
	MaxSource int // octets of a script; 128 KiB
	Nesting   int // brackets within each other; that of runtime.DefaultLimits
}

// New returns the language. It may be used by many goroutines.
func New(o Options) runtime.Language {
	if o.MaxSource == 0 {
		o.MaxSource = 128 << 10
	}
	if o.Nesting == 0 {
		o.Nesting = runtime.DefaultLimits.Nesting
	}
	return &language{o}
}

type language struct{ o Options }

func (l *language) Name() string   { return "javascript" }
func (l *language) Suffix() string { return ".js" }

// Compile returns the script as a program, or runtime.SourceErrors.
func (l *language) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	b := &bundle{options: l.o, compile: o}
	p, err := b.run(name, source)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Program is a compiled script. It is immutable.
type Program struct {
	name   string
	units  []*unit  // the script, and its modules
	guards []*guard // natives that are replaced in each run
	lists  []*guard // those that are once there is a list
	later  []*guard // those that are once the script could reach them
	sealed bool     // the script could reach what is not to be there
	wants  bool     // it could look at what makes it a module
	sites  []runtime.Site
	job    *runtime.Job
}

// Job returns what another process needs to run the script.
func (p *Program) Job(v *runtime.View) *runtime.Job {
	j := *p.job
	j.Give(v)
	return &j
}

// Language returns "javascript".
func (p *Program) Language() string { return "javascript" }

// Name returns the script's name as errors show it.
func (p *Program) Name() string { return p.name }

// Sites returns the conditions, logical operators and calls of the script in the order of the
// source; none if it was not compiled with Instrument.
func (p *Program) Sites() []runtime.Site { return p.sites }

// Load compiles a job that comes from Program.Job, in the process that is to run it.
func Load(j *runtime.Job) (runtime.Program, error) {
	o := j.Options
	o.Module = func(name string) (string, []byte, error) {
		if m, ok := j.Modules[name]; ok {
			return m.File, m.Source, nil
		}
		return "", nil, fs.ErrNotExist
	}
	return New(Options{}).Compile(j.Name, j.Source, o)
}
