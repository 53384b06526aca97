package js

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// run is one run of a program: a fresh runtime, and what it has used of its limits.
type run struct {
	vm     *goja.Runtime
	task   *runtime.Task
	prog   *Program
	limits runtime.Limits
	memory int64 // octets that may still be held
	stop   error // the limit that ended the run
	file   string
	line   int // where it was noticed, 0 if it was not the script's own act
	col    int
	depth  int // natives of ours within each other

	functions map[string]goja.Value
	causes    map[*goja.Object]error // Error objects and what they stand for
	plus      []goja.Callable        // operators, once they are needed
	natives   *goja.Object
	modules   []*goja.Object // of the units, once they were required
	joining   []*goja.Object
	binds     int
	lists     bool       // the guards of lists are there
	values    goja.Value // how arrays are walked, once that is fixed
	full      bool       // all guards are
	patterns  map[string]int64
}

// Run runs the script and returns what it returned. An error has the place where the script
// failed, and wraps its cause.
func (p *Program) Run(t *runtime.Task) (runtime.Value, error) {
	r := &run{vm: goja.New(), task: t, prog: p, limits: t.Limits()}
	r.memory = r.limits.Memory
	if err := t.Step(1); err != nil {
		return nil, err
	}
	r.vm.SetMaxCallStackSize(r.limits.Nesting)
	seed := t.View().Seed
	random := rand.New(rand.NewPCG(seed, seed>>1))
	r.vm.SetRandSource(random.Float64)
	now := t.View().Time
	r.vm.SetTimeSource(func() time.Time { return now })
	global := r.vm.GlobalObject()
	if err := global.SetPrototype(r.vm.NewDynamicObject(r)); err != nil {
		return nil, &runtime.SourceError{File: p.name, Line: 1, Col: 1, Msg: "internal error: " + err.Error(), Err: err}
	}
	r.install()

	release := context.AfterFunc(t.Context(), func() { r.vm.Interrupt(timeUp{}) })
	watching := watch(r.vm, r.limits.Memory)
	v, err := r.script()
	var out runtime.Value
	if err == nil {
		var failed error
		if err = r.try(func() { out, failed = r.export(v) }); err == nil && failed != nil {
			places := p.units[0].places
			line, col := places.At(len(places.Source()))
			err = &runtime.SourceError{File: p.name, Line: line, Col: col, Msg: failed.Error(), Err: failed}
		}
	}
	watching.stop()
	release()
	if err != nil {
		return nil, r.failed(err)
	}
	return out, nil
}

// script runs the script itself.
func (r *run) script() (goja.Value, error) {
	v, err := r.vm.RunProgram(r.prog.units[0].code)
	if err != nil {
		return nil, err
	}
	do, ok := goja.AssertFunction(v)
	if !ok {
		return nil, errors.New("internal error: the script is no function")
	}
	if !r.prog.wants {
		return do(goja.Undefined())
	}
	exports := r.vm.NewObject()
	return do(goja.Undefined(), exports, r.requirer(0), r.moduleOf(0, exports))
}

// timeUp is what an interrupt at the end of the time carries.
type timeUp struct{}

// try does what may run the script once more, such as its getters, after the program has
// ended.
func (r *run) try(do func()) (err error) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case *goja.InterruptedError:
			err = x
		case *goja.StackOverflowError:
			err = x
		default:
			panic(x)
		}
	}()
	if ex := r.vm.Try(do); ex != nil {
		return ex
	}
	return nil
}

// failed turns what a run ended with into a runtime.SourceError.
func (r *run) failed(err error) error {
	var ours *runtime.SourceError
	if errors.As(err, &ours) {
		return ours
	}
	out := &runtime.SourceError{File: r.prog.name, Line: 1, Col: 1}
	var thrown *goja.Exception
	var over *goja.StackOverflowError
	var interrupted *goja.InterruptedError
	switch {
	case r.stop != nil:
		out.Err = r.stop
		if r.line > 0 {
			out.File, out.Line, out.Col = r.file, r.line, r.col
		}
	case errors.As(err, &interrupted):
		if limit, ok := interrupted.Value().(*runtime.LimitError); ok {
			out.Err = limit
		} else if out.Err = r.task.Step(64); out.Err == nil { // which looks at the clock
			out.Err = &runtime.LimitError{Limit: "time", Max: r.limits.Time.Milliseconds()}
		}
		out.File, out.Line, out.Col = r.prog.top(interrupted.Stack())
	case errors.As(err, &over):
		out.Err = &runtime.LimitError{Limit: "nesting", Max: int64(r.limits.Nesting)}
		out.File, out.Line, out.Col = r.prog.top(over.Stack())
	case errors.As(err, &thrown):
		out.File, out.Line, out.Col = r.prog.top(thrown.Stack())
		out.Msg = r.describe(thrown, out)
	default:
		out.Err = err
	}
	if out.Msg == "" {
		out.Msg = out.Err.Error()
	}
	return out
}

// describe returns the text of an uncaught exception. That of a function's error is the
// error's own, and it becomes the cause of out.
func (r *run) describe(thrown *goja.Exception, out *runtime.SourceError) string {
	if o, ok := thrown.Value().(*goja.Object); ok {
		if cause := r.causes[o]; cause != nil {
			out.Err = cause
			return cause.Error()
		}
	}
	text := "exception"
	if err := r.try(func() { text = thrown.Value().String() }); err != nil {
		text = "exception that cannot be shown"
		if r.stop != nil {
			out.Err = r.stop
			return r.stop.Error()
		}
	}
	const most = 1000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// end ends the run with a limit, which the script cannot catch.
func (r *run) end(err error) {
	if r.stop == nil {
		r.stop = err
		r.file, r.line, r.col = r.prog.top(r.vm.CaptureCallStack(0, nil))
	}
	panic(new(goja.InterruptedError))
}

// raise throws an error as an Error exception; a limit ends the run.
func (r *run) raise(err error) {
	if errors.Is(err, runtime.ErrBudget) || errors.Is(err, runtime.ErrReplay) {
		r.end(err)
	}
	o, e := r.vm.New(r.vm.Get("Error"), r.vm.ToValue(err.Error()))
	if e != nil {
		panic(r.vm.NewGoError(err))
	}
	if r.causes == nil {
		r.causes = map[*goja.Object]error{}
	}
	r.causes[o] = err
	panic(o)
}

// step, output and hold count against the limits.
func (r *run) step(n int64) {
	if err := r.task.Step(n); err != nil {
		r.end(err)
	}
}

func (r *run) output(n int) {
	if err := r.task.Output(n); err != nil {
		r.end(err)
	}
}

func (r *run) hold(n int64) {
	if r.memory -= n; n < 0 || r.memory < 0 {
		r.end(&runtime.LimitError{Limit: "memory", Max: r.limits.Memory})
	}
}

// text bounds one text of n units that a script is about to make.
func (r *run) text(n int) {
	if n < 0 || int64(n) > r.limits.Output {
		r.end(&runtime.LimitError{Limit: "output", Max: r.limits.Output})
	}
}

// made bounds a text, and counts a large one as memory: a script that keeps many of them
// is seen before the heap has grown.
func (r *run) made(n int) {
	r.text(n)
	if n > largeText {
		r.hold(int64(n))
	}
}

const largeText = 64 << 10

// maxElements is the longest array that a run may have.
func (r *run) maxElements() int64 { return r.limits.Memory / runtime.ElementSize }

func (r *run) elements(n int64) {
	if n < 0 || n > r.maxElements() {
		r.end(&runtime.LimitError{Limit: "memory", Max: r.limits.Memory})
	}
}

// nested does a native of ours that may come back to itself.
func (r *run) nested(do func() goja.Value) goja.Value {
	if r.depth++; r.depth > r.limits.Nesting {
		r.end(&runtime.LimitError{Limit: "nesting", Max: int64(r.limits.Nesting)})
	}
	defer func() { r.depth-- }()
	return do()
}

// Get returns a function of the table or of the rewriter, made when it is first used:
// the run is the prototype of the global object.
func (r *run) Get(key string) goja.Value {
	if v, ok := r.functions[key]; ok {
		return v
	}
	var do func(goja.FunctionCall) goja.Value
	if f := runtime.Lookup(key); f != nil {
		do = func(c goja.FunctionCall) goja.Value { return r.invoke(f, c.Arguments) }
	} else if h := hidden[key]; h != nil {
		do = func(c goja.FunctionCall) goja.Value { return h(r, c.Arguments) }
	} else if key == "console" {
		return r.keep(key, r.console())
	} else {
		return nil
	}
	v := r.vm.ToValue(do)
	_ = v.(*goja.Object).DefineDataProperty("name", r.vm.ToValue(key), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	return r.keep(key, v)
}

func (r *run) keep(key string, v goja.Value) goja.Value {
	if r.functions == nil {
		r.functions = map[string]goja.Value{}
	}
	r.functions[key] = v
	return v
}

// Has says whether there is such a function.
func (r *run) Has(key string) bool {
	return runtime.Lookup(key) != nil || hidden[key] != nil || key == "console"
}

// Set refuses: functions cannot be replaced.
func (r *run) Set(string, goja.Value) bool { return false }

// Delete refuses.
func (r *run) Delete(string) bool { return false }

// Keys returns the names of the functions.
func (r *run) Keys() []string {
	var names []string
	for _, f := range runtime.Functions() {
		names = append(names, f.Name)
	}
	return names
}

// invoke calls a function of the table. What it returns counts as memory, what a text
// function makes as output as well.
func (r *run) invoke(f *runtime.Function, list []goja.Value) goja.Value {
	args := make([]runtime.Value, len(list))
	for i, a := range list {
		v, err := r.export(a)
		if err != nil {
			r.raise(argumentError(f, i, err))
		}
		args[i] = v
	}
	v, err := r.task.Invoke(f.Name, args...)
	if err != nil {
		r.raise(err)
	}
	if n := runtime.SizeOf(v); n > 0 {
		r.hold(n)
		if f.MakesText() {
			r.output(int(n))
		}
	}
	return r.load(v)
}
