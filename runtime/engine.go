package runtime

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"time"
)

// Engine compiles and runs programs of all languages. Many goroutines may use it.
type Engine struct {
	languages []Language
	gate      *Gate
	elsewhere Elsewhere
}

// Elsewhere runs programs outside of the core's process.
type Elsewhere interface {
	// Place waits for a place for a run of p and returns how it is run there, as
	// RunOptions.Link does, and what gives the place back. Both are nil for a program that is to
	// run in the core's process. Waiting counts against ctx and not against the run's time.
	Place(ctx context.Context, p Program, o *RunOptions) (link func(context.Context, *View, Link, Program) (Value, error), leave func(), err error)
}

// NewEngine returns an engine with these languages.
func NewEngine(languages ...Language) *Engine { return &Engine{languages: languages} }

// Bound sets what bounds the runs that go on at once, and where programs run that are not to run in
// this process. It is called before the first run.
func (e *Engine) Bound(g *Gate, away Elsewhere) { e.gate, e.elsewhere = g, away }

// enter waits until the run may begin. A run that is done elsewhere waits for its place there
// first, so that it holds nothing that others could use.
func (e *Engine) enter(ctx context.Context, p Program, o *RunOptions) (leave func(), err error) {
	leave = func() {}
	if e.elsewhere != nil && o.Link == nil {
		asked := *o // the options of runs that are done here need no memory of their own
		link, gone, err := e.elsewhere.Place(ctx, p, &asked)
		*o = asked
		if err != nil {
			return leave, err
		}
		if link != nil {
			o.Link, leave = link, gone
		}
	}
	if e.gate == nil {
		return leave, nil
	}
	if e.gate.Enter(ctx, o.Namespace) != nil {
		return leave, &LimitError{Limit: "cancelled"}
	}
	first, namespace := leave, o.Namespace
	return func() { e.gate.Leave(namespace); first() }, nil
}

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
	Stores    []string // names that the script may give for a store beside ""; nil: what Host has
	// NoDefaultStore says that "" is not for the script.
	NoDefaultStore bool
	// EditedHeader and EditedRaw are what earlier scripts have made of the message: the Header
	// and Raw of the implicit keep that they settled.
	EditedHeader, EditedRaw []byte
	// Flags are those that earlier scripts have given an implicit keep.
	Flags  []string
	Record Level
	// Settings say how actions are done; nil: as by default.
	Settings *MailSettings
	Seed     uint64 // 0: random
	Now      func() time.Time
	// Link runs p elsewhere, such as in a child process behind a pipe (ServeCore), and returns
	// what it gave; nil: p runs here. core is used by one goroutine at a time.
	Link func(ctx context.Context, v *View, core Link, p Program) (Value, error)
}

// Result is what one run gave. A failed run's plan holds what it asked for before it
// failed; Settle ignores it.
type Result struct {
	Plan   Plan
	Value  Value
	Err    error
	Record *Record
	// StoreErr is the first error of a store that could not be reached, or temporary failure of
	// the network, whether the script caught it or not. A run that failed with StoreErr set is one for on-store-error.
	StoreErr error
}

// Settle settles the run's plan behind what earlier scripts settled. Where the plan is
// unlawful, the run has failed: r.Err and the record say so, and the mail is kept.
func (r *Result) Settle(prior []Action, l Limits) Settled {
	s, err := Settle(r.Plan, r.Err, prior, l)
	if err != nil {
		r.Value, r.Err = nil, fmt.Errorf("%s: %w", r.Record.Script, err)
		r.Record.Error = r.Err.Error()
		s, _ = Settle(Plan{}, r.Err, prior, l) // a failed plan is never unlawful
	}
	return s
}

// Run runs p for tx and returns what it asked for. It never panics and returns soon after
// the time limit, whatever the script does; the context given ends it too. Where the engine bounds
// how many runs go on at once, it waits for its turn before its time begins.
func (e *Engine) Run(ctx context.Context, p Program, tx *Transaction, o RunOptions) *Result {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	leave, refused := e.enter(ctx, p, &o)
	defer leave()
	started := now()
	limits := o.Limits.withDefaults()
	out := &outcome{}
	s := begin(&o)
	v := &s.view // it is large, and filled in place
	v.Transaction, v.Trust, v.Namespace, v.Limits, v.Script, v.Seed, v.NoDefaultStore = *tx, o.Trust, o.Namespace, limits, p.Name(), o.Seed, o.NoDefaultStore
	v.EditedHeader, v.EditedRaw, v.Flags, v.Settings = o.EditedHeader, o.EditedRaw, o.Flags, o.Settings
	for v.Seed == 0 {
		v.Seed = rand.Uint64()
	}
	if o.Stores != nil {
		v.Stores = append([]string{""}, o.Stores...)
	}
	if v.Time.IsZero() {
		v.Time = started
	}
	// A message that is read when it is needed is not read for a run that has it at hand.
	if m := tx.Message; m != nil && (m.Loaded() || o.Link != nil || o.Record >= RecordCalls) {
		v.Raw = m.Raw()
	}
	rec := &out.record
	rec.Script, rec.Language, rec.Started = p.Name(), p.Language(), started
	if o.Record >= RecordCalls {
		rec.View = v
	}
	clock := started
	if o.Now != nil {
		clock = time.Now()
	}
	out.deadline.start(ctx, clock, limits.Time)
	defer out.deadline.stop()
	r := &s.run
	r.ctx, r.view, r.host, r.limits, r.record, r.level, r.now = &out.deadline, v, o.Host, limits, rec, o.Record, now
	var value Value
	err := checkNamespace(o.Namespace)
	if err == nil {
		err = refused
	}
	if err == nil {
		s.task = Task{ctx: r.ctx, view: v, link: r, limits: limits}
		value, err = r.execute(p, o, &s.task)
	}
	r.end()
	rec.Plan, rec.Value = r.plan, value
	if o.Now == nil {
		rec.Took = time.Since(started)
	} else {
		rec.Took = now().Sub(started)
	}
	if err != nil {
		rec.Error = err.Error()
	}
	out.result = Result{Plan: r.plan, Value: value, Err: err, Record: rec, StoreErr: r.storeErr}
	s.done(&o)
	return &out.result
}

// ongoing is what a run needs while it goes on, in one piece of memory. Nothing of it is in the
// outcome, unless the view is recorded.
type ongoing struct {
	view View
	run  run
	task Task
}

// ongoings are those that no run has at hand.
var ongoings = sync.Pool{New: func() any { return new(ongoing) }}

// used says whether what a run needs can serve another one behind it: nobody else has seen it.
func used(o *RunOptions) bool { return o.Link == nil && o.Record < RecordCalls }

func begin(o *RunOptions) *ongoing {
	if used(o) {
		return ongoings.Get().(*ongoing)
	}
	return &ongoing{}
}

// done gives it back, empty.
func (s *ongoing) done(o *RunOptions) {
	if used(o) {
		*s = ongoing{}
		ongoings.Put(s)
	}
}

// outcome is what remains of a run. Stores may go on with the context behind its end.
type outcome struct {
	result   Result
	record   Record
	deadline deadline
}

// checkNamespace refuses namespaces that could reach into others.
func checkNamespace(ns string) error {
	if strings.IndexByte(ns, 0) >= 0 || len(ns) > MaxStoredKey/2 {
		return fmt.Errorf("namespace %.40q: it may hold no NUL and at most %d octets", ns, MaxStoredKey/2)
	}
	return nil
}
