package runtime

import (
	"context"
	"errors"
)

// Language compiles scripts of one language. It may be used by many goroutines.
type Language interface {
	Name() string   // sieve, expr, javascript
	Suffix() string // .sieve .expr .js
	// Compile returns a program or an error whose text has one or more lines
	// "file:line:col: message". name is the file's name as errors show it.
	Compile(name string, source []byte, o CompileOptions) (Program, error)
}

// CompileOptions is what can be known of a script before it runs, so that unlawful
// calls are found at compile time. The zero value checks nothing but the language.
type CompileOptions struct {
	Stage  Stage    // "" unknown
	Trust  Trust    // least trust
	Stores []string // names a constant store argument may have beside ""; nil: not checked
	// SQLStores are the names that a constant store argument of sql_query may have, and that of
	// no function of keys; nil: not checked.
	SQLStores []string
	// NoDefaultStore says that "" is not for the script.
	NoDefaultStore bool
	// Refused are functions that cannot be done here, with the reason: a call of one is an
	// error of the script.
	Refused map[string]string
	// Include returns the source of a script that another includes, and the name that errors show
	// for it. location is personal or global, and name never a path; an error that is
	// fs.ErrNotExist says that there is none. Nil: as the language has it.
	Include func(location, name string) (file string, source []byte, err error) `cbor:"-"`
	// Module returns the source of a module that a script requires, and the name that errors show for
	// it. name is a path below the folder of the script, with slashes and without "." or "..";
	// an error that is fs.ErrNotExist says that there is none. Nil: there are no modules.
	Module func(name string) (file string, source []byte, err error) `cbor:"-"`
	// Instrument asks for Sites and Hit where they cost something (JavaScript).
	Instrument bool
}

// Program is a compiled script. It is immutable and may run many times at once.
type Program interface {
	Language() string
	Name() string
	// Run runs the script for t. It reaches the world by t alone: t's view, t.Invoke and
	// t.Hit, so that it can run in another process. It returns what the script's
	// last expression gave, where the language has such a thing.
	Run(t *Task) (Value, error)
	// Sites lists the places that Hit may name, in the order of their numbers.
	Sites() []Site
}

// Composer is a Program whose language has code of its own that asks for actions which no
// script may put together by hand, such as whole messages to be sent. Its tasks may invoke
// what Act and EditKeep do, as long as it runs in the core's process.
type Composer interface {
	Program
	Composes()
}

// Site is a place in a source: a command, a test, a branch.
type Site struct {
	Line, Col int // from 1; columns count characters
	// File is the name of the included script that it is in, "" for the program's own.
	File string
	What string // such as `if`, `test header`, `call key_get`
}

// Outcome says what happened at a site.
type Outcome uint8

// The outcomes.
const (
	Reached Outcome = iota
	True
	False
	Failed
)

// Link is a task's way to its core: in the same process, or at the other end of a pipe.
type Link interface {
	// Invoke calls a function of the table and returns its result. Errors are for the
	// script: it may catch them, except ErrBudget.
	Invoke(name string, args []Value) (Value, error)
	// SetKeepFlags sets the flags of an implicit keep.
	SetKeepFlags(flags []string)
	// Hit notes that a site was reached. It costs nothing when nobody asked.
	Hit(site int, o Outcome)
}

// Task is one run of a program, as the program sees it. It belongs to one goroutine.
type Task struct {
	ctx    context.Context
	view   *View
	link   Link
	limits Limits
	steps  int64
	output int64
	broken error
}

// NewTask returns a task on a link. ctx carries the time limit.
func NewTask(ctx context.Context, v *View, l Link) *Task {
	return &Task{ctx: ctx, view: v, link: l, limits: v.Limits.withDefaults()}
}

// Context returns the run's context; it ends when the time limit is over.
func (t *Task) Context() context.Context { return t.ctx }

// View returns what the script may see of its transaction.
func (t *Task) View() *View { return t.view }

// Limits returns the limits of this run, defaults filled in.
func (t *Task) Limits() Limits { return t.limits }

// Invoke calls a function of the table.
func (t *Task) Invoke(name string, args ...Value) (Value, error) {
	if err := t.Step(1); err != nil {
		return nil, err
	}
	return t.link.Invoke(name, args)
}

// SetKeepFlags sets the flags that an implicit keep gets.
func (t *Task) SetKeepFlags(flags []string) { t.link.SetKeepFlags(flags) }

// Hit notes an outcome at a site of the program.
func (t *Task) Hit(site int, o Outcome) { t.link.Hit(site, o) }

// Step counts n steps and returns a *LimitError when the run is over its steps or time. It
// is cheap enough for every command; the clock is looked at every 64 steps.
func (t *Task) Step(n int64) error {
	before := t.steps
	t.steps += n
	if t.steps > t.limits.Steps {
		return t.over("steps", t.limits.Steps)
	}
	if before>>6 != t.steps>>6 || before == 0 {
		if t.ctx.Err() != nil {
			t.broken = endError(t.ctx, t.limits)
		}
	}
	return t.broken
}

// Output counts n octets of text that the script has made (strings it holds or
// prints) and returns a *LimitError when it is over its output limit.
func (t *Task) Output(n int) error {
	t.output += int64(n)
	if t.output > t.limits.Output {
		return t.over("output", t.limits.Output)
	}
	return t.broken
}

// over ends the run: from now on every Step, Output and Invoke fails.
func (t *Task) over(limit string, most int64) error {
	if t.broken == nil {
		t.broken = &LimitError{Limit: limit, Max: most}
	}
	return t.broken
}

// outcome returns the error that the run ends with, given the one that the program
// returned: a limit that it met and caught ended it all the same.
func (t *Task) outcome(err error) error {
	if t.broken != nil && !errors.Is(err, ErrBudget) {
		return t.broken
	}
	return err
}
