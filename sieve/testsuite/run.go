package testsuite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// File is what came of a test file.
type File struct {
	Path   string
	Blocks []Block
	// NotRun is how many blocks the file has beside these: those behind its end, or all where it
	// has errors, and those that Options.Run left out.
	NotRun int
	// Err is why the file did not run to its end: it has errors, its own run failed, or a test
	// failed outside of all blocks. It counts as one more failure.
	Err error
}

// Block is a test of a file.
type Block struct {
	Name      string
	Line, Col int // where it begins
	Passed    bool
	// Reason is why it failed, and At where, "line:col".
	Reason string
	At     string
	Took   time.Duration
}

// Counts returns how many blocks passed and failed, a file that broke off as one more that
// failed.
func (f *File) Counts() (passed, failed int) {
	for i := range f.Blocks {
		if f.Blocks[i].Passed {
			passed++
		} else {
			failed++
		}
	}
	if f.Err != nil {
		failed++
	}
	return passed, failed
}

// Run runs a test file. It never fails itself: what is wrong is in the File.
func Run(ctx context.Context, path string, o Options) *File {
	f := &File{Path: path}
	source, err := os.ReadFile(path)
	if err != nil {
		f.Err = fmt.Errorf("sieve/testsuite: %w", err)
		return f
	}
	return RunSource(ctx, path, source, o)
}

// RunSource is Run for a source that is at hand; files that it names lie beside path.
func RunSource(ctx context.Context, path string, source []byte, o Options) *File {
	f := &File{Path: path}
	s := newSuite(ctx, path, o.withDefaults())
	if f.Err = s.reload(); f.Err != nil {
		return f
	}
	f.NotRun = blocksOf(path, source)
	p, err := s.language.Compile(path, source, s.compileOptions())
	if err != nil {
		f.Err = err
		return f
	}
	ro := s.runOptions()
	ro.Limits.Ops, ro.Limits.Writes, ro.Limits.Actions = 1<<20, 1<<20, 1<<20
	ro.Limits.Steps, ro.Limits.Output, ro.Limits.Time = 1<<40, 1<<40, 10*ro.Limits.Time
	ro.Link = func(ctx context.Context, v *runtime.View, core runtime.Link, p runtime.Program) (runtime.Value, error) {
		s.own = v
		return p.Run(runtime.NewTask(ctx, v, &link{Link: core, suite: s}))
	}
	f.Err = s.ended(s.engine.Run(ctx, p, &s.tx, ro).Err)
	f.Blocks = s.blocks
	f.NotRun -= len(f.Blocks)
	return f
}

// blocksOf counts the blocks of a test file.
func blocksOf(path string, source []byte) (n int) {
	tree, _ := sieve.Parse(path, source)
	var count func(commands []*sieve.Node)
	count = func(commands []*sieve.Node) {
		for _, c := range commands {
			if strings.EqualFold(c.Name, "test") {
				n++
			}
			count(c.Block)
		}
	}
	count(tree.Commands)
	return n
}

// ended notes how the file's own run ended, and returns what is wrong with the file as a
// whole.
func (s *suite) ended(err error) error {
	if s.current != nil { // the run ended within a block
		b := s.current
		s.current = nil
		b.Passed = err == nil // stop
		if err != nil {
			b.Reason, b.At = reasonOf(err)
		}
		s.blocks = append(s.blocks, *b)
	}
	return err
}

// reasonOf returns what an error of a run says, and where.
func reasonOf(err error) (reason, at string) {
	if e, ok := errors.AsType[*sieve.Error](err); ok {
		return e.Msg, e.Pos.String()
	}
	return err.Error(), ""
}

// link stands between the file's own run and the core: what the file asks for goes into
// the result of the suite.
type link struct {
	runtime.Link
	suite *suite
}

// Invoke does a call. Calls that act are done in a run of their own, whose plan is taken.
func (l *link) Invoke(name string, args []runtime.Value) (runtime.Value, error) {
	if f := runtime.Lookup(name); f != nil && f.Effect != runtime.Acts {
		return l.Link.Invoke(name, args)
	}
	s := l.suite
	res := s.engine.Run(s.ctx, &oneCall{name: name, args: args}, &s.tx, s.runOptions())
	s.notes(res.Record)
	if res.Err == nil {
		s.result.add(res.Plan, name == "edit_keep")
	}
	return res.Value, res.Err
}

// SetKeepFlags sets the flags of an implicit keep.
func (l *link) SetKeepFlags(flags []string) {
	l.suite.result.pending.KeepFlags = runtime.NormalFlags(flags)
}

// oneCall is a program that calls one function.
type oneCall struct {
	name string
	args []runtime.Value
}

func (*oneCall) Language() string      { return "sieve" }
func (*oneCall) Name() string          { return "testsuite" }
func (*oneCall) Sites() []runtime.Site { return nil }

// Composes says that it may ask for all that Sieve may ask for.
func (*oneCall) Composes() {}

func (c *oneCall) Run(t *runtime.Task) (runtime.Value, error) { return t.Invoke(c.name, c.args...) }
