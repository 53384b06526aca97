// Package procs runs programs in child processes of our own binary, so that what a script does to
// the memory of its process costs its own run and nothing else.
//
//	core                                        child (our binary, argv[0] = Name)
//	Engine ─> Pool.Place ─ gate, idle child ──┐
//	          link ─ runtime.CoreEnd ══ socketpair ══ runtime.ProgramEnd ─ load ─ Program.Run
//	          dead? ─ limit named, new child       confined before its first job
//
// What it promises:
//
//   - A child has one run at a time. It is used again by the next run, whoever's that is: a
//     program begins with nothing that another left, which is its language's promise.
//   - A child has no environment, no descriptors but its socket and a pipe for its last words,
//     no files, no network, no other processes, no new privileges, and dies with the thread that
//     started it. Its memory and processor time are bounded by the kernel.
//   - A run that takes longer than its time and a grace has its child killed. One whose child dies
//     of its memory fails with that limit, and a new child takes the place.
//   - What a child says is checked as hostile: frames, values and calls are bounded by the core.
//
// Confinement is Linux's. Elsewhere there are no children, and programs that need one are refused.
package procs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// Options says how children are kept. The zero value works.
type Options struct {
	Children int           // at once; as many as processors, at least 2
	Memory   int64         // octets that a child may take beyond what it starts with; 192 MiB, at least 32
	Grace    time.Duration // that a child has beyond a run's time to say so itself; 250 ms
	Binary   string        // what children run; this process's own
	Logger   *slog.Logger
}

// Least and default octets of a child.
const (
	MinMemory     = 32 << 20
	DefaultMemory = 192 << 20
)

// ErrClosed says that the pool was closed.
var ErrClosed = errors.New("procs: closed")

// Pool is a number of children, started when they are first needed. It is a
// runtime.Elsewhere; many goroutines may use it.
type Pool struct {
	o    Options
	log  *slog.Logger
	gate *runtime.Gate

	mu      sync.Mutex
	idle    []*child
	all     map[*child]bool
	closed  bool
	spawner *spawner

	starting sync.WaitGroup

	runs, started, died, killed atomic.Int64
}

// New returns a pool. Nothing is started before the first run.
func New(o Options) *Pool {
	if o.Children <= 0 {
		o.Children = max(2, goruntime.NumCPU())
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	o.Memory = max(o.Memory, MinMemory)
	if o.Grace <= 0 {
		o.Grace = 250 * time.Millisecond
	}
	if o.Binary == "" {
		o.Binary = "/proc/self/exe" // also after an update has put another in its place
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Pool{o: o, log: o.Logger, gate: runtime.NewGate(o.Children), all: map[*child]bool{}}
}

// Stats counts what happened since the start.
type Stats struct {
	Runs    int64 // that children were given
	Started int64 // children
	Died    int64 // of them by themselves, in a run
	Killed  int64 // by us, in a run that did not end
	Busy    int   // children that have a run
	Waiting int   // runs that wait for a child
}

// Stats returns the counts so far.
func (p *Pool) Stats() Stats {
	s := Stats{Runs: p.runs.Load(), Started: p.started.Load(), Died: p.died.Load(), Killed: p.killed.Load()}
	s.Busy, s.Waiting = p.gate.Load()
	return s
}

// Place waits for a child if p is a portable program that runs for a user, and returns how it runs
// there. An administrator's programs, and those that cannot leave, run where they are.
func (p *Pool) Place(ctx context.Context, prog runtime.Program, o *runtime.RunOptions) (link func(context.Context, *runtime.View, runtime.Link, runtime.Program) (runtime.Value, error), leave func(), err error) {
	portable, ok := prog.(runtime.Portable)
	if !ok || o.Trust != runtime.User {
		return nil, nil, nil
	}
	if p.gate.Enter(ctx, o.Namespace) != nil {
		return nil, nil, &runtime.LimitError{Limit: "cancelled"}
	}
	namespace := o.Namespace
	c, err := p.take(ctx, o.Limits.Time)
	if err != nil {
		p.gate.Leave(namespace)
		if ctx.Err() != nil {
			err = &runtime.LimitError{Limit: "cancelled"}
		}
		return nil, nil, err
	}
	s := &seat{pool: p, child: c}
	link = func(ctx context.Context, v *runtime.View, core runtime.Link, _ runtime.Program) (runtime.Value, error) {
		return s.run(ctx, portable.Job(v), core)
	}
	return link, func() { p.put(s.child); p.gate.Leave(namespace) }, nil
}

// take returns an idle child, or a new one.
func (p *Pool) take(ctx context.Context, limit time.Duration) (*child, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.start(ctx, limit)
		}
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if c.usable(limit) {
			return c, nil
		}
		p.drop(c)
	}
}

// put takes a child back. In the place of one that is of no more use another is started, so that the
// next run need not wait for it.
func (p *Pool) put(c *child) {
	if !c.broken.Load() {
		p.mu.Lock()
		if !p.closed {
			p.idle = append(p.idle, c)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
	p.drop(c)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		p.mu.Lock()
		full := p.closed || len(p.all) >= p.o.Children
		p.mu.Unlock()
		if full {
			return
		}
		if c, err := p.start(ctx, 0); err == nil {
			p.mu.Lock()
			full := p.closed || len(p.all) > p.o.Children
			if !full {
				p.idle = append(p.idle, c)
			}
			p.mu.Unlock()
			if full {
				p.drop(c)
			}
		}
	}()
}

// drop ends a child.
func (p *Pool) drop(c *child) {
	c.end()
	p.mu.Lock()
	delete(p.all, c)
	p.mu.Unlock()
}

// Close ends all children, and with them the runs that they have.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	list := make([]*child, 0, len(p.all))
	for c := range p.all {
		list = append(list, c)
	}
	p.idle = nil
	s := p.spawner
	p.mu.Unlock()
	for _, c := range list {
		c.end()
	}
	p.starting.Wait() // what starts meanwhile ends at once
	if s != nil {
		s.stop()
	}
	return nil
}

// seat is a child that a run has.
type seat struct {
	pool  *Pool
	child *child
}

// run does a job in the seat's child. A child that was found dead, before it took up its job, is
// replaced once.
func (s *seat) run(ctx context.Context, job *runtime.Job, core runtime.Link) (runtime.Value, error) {
	s.pool.runs.Add(1)
	for again := false; ; again = true {
		v, death, err := s.child.do(ctx, job, core, s.pool.o.Grace)
		switch death {
		case alive:
			return v, err
		case found:
			if !again && ctx.Err() == nil {
				next, failed := s.pool.start(ctx, job.View.Limits.Time)
				if failed != nil {
					return nil, failed
				}
				s.pool.drop(s.child)
				s.child = next
				continue
			}
		case ofTime:
			s.pool.killed.Add(1)
			return nil, at(job, err)
		}
		s.pool.died.Add(1)
		s.pool.log.Warn("script's process died", slog.String("script", job.Name), slog.String("err", s.child.obituary()))
		if death == ofMemory {
			err = &runtime.LimitError{Limit: "memory", Max: s.pool.o.Memory}
		}
		return nil, at(job, err)
	}
}

// at gives an error the place of a script that cannot say where it was.
func at(job *runtime.Job, err error) error {
	var limit *runtime.LimitError
	if errors.As(err, &limit) {
		err = limit
	}
	return &runtime.SourceError{File: job.Name, Line: 1, Col: 1, Msg: fmt.Sprint(err), Err: err}
}
