package sieve

import (
	"errors"
	"sync/atomic"

	"github.com/sluice-mail/sluice/runtime"
)

// program is a bound script. It is never changed after it was bound.
type program struct {
	name     string
	registry *registry
	limits   *Options
	block    Block
	marks    []mark
	sources  []programSource                // that of the script, and of those it includes
	source   [1]programSource               // room for most
	sites    atomic.Pointer[[]runtime.Site] // made by Sites of marks

	headers   headerIndex
	variables []string     // names in lower case, by slot
	captures  bool         // captures can be read
	flags     bool         // some script of it sets flags
	atEnd     []func(*Run) // done when the script has ended well
}

var _ runtime.Program = (*program)(nil)

// Language returns "sieve".
func (p *program) Language() string { return languageName }

// Name returns the name of the script.
func (p *program) Name() string { return p.name }

// Sites returns a site for each command and test, in the order of the source.
func (p *program) Sites() []runtime.Site {
	if made := p.sites.Load(); made != nil {
		return *made
	}
	at := make([]cursor, len(p.sources))
	for i, s := range p.sources {
		at[i].places = runtime.NewPlaces(s.text)
	}
	sites := make([]runtime.Site, len(p.marks))
	for i, m := range p.marks {
		pos, of := at[m.source].position(int(m.offset)), p.registry.usages[m.what]
		sites[i] = runtime.Site{File: p.sources[m.source].file, Line: pos.Line, Col: pos.Col, What: of.name}
		if of.kind == "test" {
			sites[i].What = "test " + of.name
		}
	}
	p.sites.CompareAndSwap(nil, &sites) // others may have made the same
	return *p.sites.Load()
}

// mark is a command or test of the source. Its line and column are counted when somebody
// wants to know them.
type mark struct {
	offset uint32
	source uint16
	what   uint16 // in the registry's usages
}

// programSource is a source that a program was made of.
type programSource struct{ file, text string }

// Composes says that commands put actions together that no script may write by hand, such
// as stores of an edited message.
func (p *program) Composes() {}

// Run runs the script. It returns no value. A fault of the script is an *Error with its
// line; if a limit ended the run, the error is also a *runtime.LimitError.
func (p *program) Run(t *runtime.Task) (runtime.Value, error) {
	r := &Run{task: t, view: t.View(), prog: p, options: p.limits, values: slab[Value]{size: 2 * firstSlab}}
	r.vars, r.flags = make([]string, len(p.variables)), r.view.Flags
	r.resume()
	err := r.Block(p.block)
	if err == errStop || err == errReturn { //nolint:errorlint // never wrapped
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, f := range p.atEnd {
		f(r)
	}
	if err := r.KeepEdited(); err != nil {
		return nil, err
	}
	return nil, r.err
}

// Run is one run of a script. It belongs to one goroutine.
type Run struct {
	task *runtime.Task
	view *runtime.View
	prog *program

	options  *Options // those of the language, unless SetOptions gave others
	vars     []string // by slot
	captures []string // of the last :matches that matched; ${0} first
	// typed are the values of variables whose text does not say what they are, by slot.
	typed    map[int]runtime.Value
	held     int64  // octets of typed
	top      source // the header of the message as it is now
	msg      messageState
	values   slab[Value]
	action   runtime.Action // the one that is being put together
	envelope [4]*addresses  // in the order of envelopeIndex
	flags    []string       // internal variable of imap4flags
	flagsSet bool           // the script has changed it
	heard    int            // Changes of the task that are known
	// readFlags, if not nil, returns what flags begins with; see FlagsFrom.
	readFlags func() []string
	local     map[any]any
	included  map[int]bool // the numbers of the scripts that were included

	err  error // set by Fail: the run is over
	busy int   // see work
}

// errStop ends a run that is well.
var errStop = errors.New("stop")

// Block is a list of bound commands.
type Block []step

// step is a bound command: do, or chain for an if.
type step struct {
	site  int
	do    Do
	chain *chain
}

// run does the command.
func (s *step) run(r *Run) error {
	if s.chain != nil {
		return s.chain.run(r)
	}
	return s.do(r)
}

// Condition is a bound test.
type Condition struct {
	check Check
	site  int32
	known known // its result, if that is known before the run
}

// Task returns the task of the run.
func (r *Run) Task() *runtime.Task { return r.task }

// View returns what the script may see.
func (r *Run) View() *runtime.View { return r.view }

// Options returns the options that the run follows. What depends on them in a run reads them
// here, and not when the script is bound: they may change while it runs.
func (r *Run) Options() *Options { return r.options }

// SetOptions gives the rest of the run other options. It is for the host of a test suite.
func (r *Run) SetOptions(o Options) {
	o = o.withDefaults()
	r.options = &o
}

// MessageChanged drops what is known of the message and the envelope: the host of a test
// suite has put others into the view.
func (r *Run) MessageChanged() {
	r.top, r.envelope = source{}, [4]*addresses{}
	r.msg = messageState{loops: r.msg.loops, generation: r.msg.generation + 1}
	for key, v := range r.local {
		if m, ok := v.(interface{ MessageChanged() }); ok {
			m.MessageChanged()
			continue
		}
		if _, ok := key.(interface{ OfMessage() }); ok {
			delete(r.local, key)
		}
	}
}

// Local returns what an extension has kept for this run under a key of its own type.
func (r *Run) Local(key any) any { return r.local[key] }

// SetLocal keeps something of an extension for the rest of this run.
func (r *Run) SetLocal(key, v any) {
	if r.local == nil {
		r.local = map[any]any{}
	}
	r.local[key] = v
}

// Fail ends the run with an error once the command or test that is going on returns. It is
// for code that has no error to return.
func (r *Run) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// work counts n octets that were looked at, so that long texts cost steps and cannot
// outlast the time limit. True means that the run is over.
func (r *Run) work(n int) bool {
	if r.busy += n; r.busy < 1<<16 {
		return false
	}
	steps := r.busy >> 10
	r.busy = 0
	if err := r.task.Step(int64(max(steps, 64))); err != nil {
		r.Fail(err)
		return true
	}
	return false
}

// Block does commands until the end or an error.
func (r *Run) Block(b Block) error {
	for i := range b {
		s := &b[i]
		err := r.task.Step(1)
		if err == nil {
			r.task.Hit(s.site, runtime.Reached)
			if err = s.run(r); err == nil {
				err = r.err
			}
		}
		if err != nil {
			return r.failed(s.site, err)
		}
	}
	return nil
}

// Test says whether a condition holds.
func (r *Run) Test(c *Condition) (bool, error) {
	err := r.task.Step(1)
	ok := false
	if err == nil {
		if ok, err = c.check(r); err == nil {
			err = r.err
		}
	}
	if err != nil {
		return false, r.failed(int(c.site), err)
	}
	o := runtime.False
	if ok {
		o = runtime.True
	}
	r.task.Hit(int(c.site), o)
	return ok, nil
}

// failed gives an error the place of its command or test, the innermost.
func (r *Run) failed(site int, err error) error {
	if isJump(err) {
		return err
	}
	var placed *Error
	if errors.As(err, &placed) {
		return err
	}
	r.task.Hit(site, runtime.Failed)
	at := r.prog.Sites()[site]
	pos := Position{Line: at.Line, Col: at.Col}
	msg := err.Error()
	if e, ok := errors.AsType[*runtime.SourceError](err); ok {
		msg = e.Msg // its place is one of an expression
	}
	name := at.File
	if name == "" {
		name = r.prog.name
	}
	return &Error{Name: name, Pos: pos, End: pos, Msg: msg, Err: err}
}

// Act appends an action to the plan.
func (r *Run) Act(a runtime.Action) error {
	r.action = a
	return r.act(&r.action)
}

// act is Act for an action that may be changed.
func (r *Run) act(a *runtime.Action) error {
	r.stamp(a)
	if r.err != nil {
		return r.err
	}
	if a.Kind == runtime.Redirect {
		r.redirectFrom(a)
	}
	if a.Flags == nil && !r.prog.flags && (a.Kind == runtime.Keep || a.Kind == runtime.FileInto) {
		a.Flags = r.view.Flags // earlier scripts of the chain set them
		if r.flagsSet {
			a.Flags = r.flags // by a function of the table
		}
	}
	// A function would store or send the message that it knows.
	if composed(a) || r.msg.told != nil && a.Kind == runtime.Redirect {
		return r.task.Act(*a)
	}
	return r.task.Ask(a)
}

// composed says that an action has what scripts of other languages cannot ask for.
func composed(a *runtime.Action) bool {
	return a.Kind == runtime.Send || a.Kind == runtime.Pipe || a.Kind == runtime.FileCopy || a.Header != nil || a.Raw != nil ||
		a.From != "" || a.By != "" || a.Params != nil || a.SpecialUse != "" || a.MailboxID != ""
}

func values(list []string) []runtime.Value {
	out := make([]runtime.Value, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
