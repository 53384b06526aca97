package runtime

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"time"
)

// Engine compiles and runs programs of all languages. Many goroutines may use it.
type Engine struct {
	languages []Language
}

// NewEngine returns an engine with these languages.
func NewEngine(languages ...Language) *Engine { return &Engine{languages: languages} }

// Languages returns the engine's languages.
func (e *Engine) Languages() []Language { return e.languages }

// Compile compiles the script in the language of name's suffix.
func (e *Engine) Compile(name string, source []byte, o CompileOptions) (Program, error) {
	suffix := path.Ext(name)
	var known []string
	for _, l := range e.languages {
		if l.Suffix() == suffix {
			return l.Compile(name, source, o)
		}
		known = append(known, l.Suffix())
	}
	return nil, fmt.Errorf("%s: no language has the suffix %q; known are %s", name, suffix, strings.Join(known, " "))
}

// RunOptions says how a program is run.
type RunOptions struct {
	Host      Host
	Limits    Limits
	Trust     Trust
	Namespace string
	Record    Level
	Seed      uint64 // 0: random
	Now       func() time.Time
	// Link wraps the run's core, such as in a pipe to a child process; nil: none.
	Link func(ctx context.Context, v *View, core Link, p Program) (Value, error)
}

// Result is what one run gave. A failed run's plan holds what it asked for before it
// failed; Settle ignores it.
type Result struct {
	Plan   Plan
	Value  Value
	Err    error
	Record *Record
}

// Run runs p for tx and returns what it asked for. It never panics and returns soon after
// the time limit, whatever the script does; the context given ends it too.
func (e *Engine) Run(ctx context.Context, p Program, tx *Transaction, o RunOptions) *Result {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	started := now()
	limits := o.Limits.withDefaults()
	v := &View{Transaction: *tx, Trust: o.Trust, Namespace: o.Namespace, Limits: limits, Script: p.Name(), Seed: o.Seed}
	for v.Seed == 0 {
		v.Seed = rand.Uint64()
	}
	if v.Time.IsZero() {
		v.Time = started
	}
	if tx.Message != nil {
		v.Raw = tx.Message.Raw()
	}
	rec := &Record{Script: p.Name(), Language: p.Language(), Started: started}
	if o.Record >= RecordCalls {
		rec.View = v
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	r := &run{ctx: ctx, view: v, host: o.Host, limits: limits, record: rec, level: o.Record, now: now}
	value, err := r.execute(p, o)
	for _, done := range r.atEnd {
		done(context.WithoutCancel(ctx))
	}
	rec.Plan, rec.Value, rec.Took = r.plan, value, now().Sub(started)
	if err != nil {
		rec.Error = err.Error()
	}
	return &Result{Plan: r.plan, Value: value, Err: err, Record: rec}
}

// execute runs the program and turns its panics into errors. A run that met a limit has
// failed, even where the script went on to end well.
func (r *run) execute(p Program, o RunOptions) (v Value, err error) {
	defer func() {
		if x := recover(); x != nil {
			v, err = nil, fmt.Errorf("%s: internal error: %v", p.Name(), x)
		}
		if err == nil && r.broken != nil {
			v, err = nil, r.broken
		}
	}()
	if o.Link != nil {
		return o.Link(r.ctx, r.view, r, p)
	}
	return p.Run(NewTask(r.ctx, r.view, r))
}
