package runtime

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// RunRemote is the program's side of a pipe: it reads one Job from rw, has load compile it,
// runs it and sends what it gave. Its error says that the pipe broke; what the script did
// wrong goes to the core.
func RunRemote(ctx context.Context, rw io.ReadWriter, load func(*Job) (Program, error)) error {
	return NewProgramEnd(rw, load).Run(ctx)
}

// What a ProgramEnd keeps of what it compiled: so many programs, and of sources so many octets.
const (
	maxKeptPrograms = 64
	maxKeptOctets   = 1 << 20
)

// ProgramEnd is the program's side of a pipe that takes one job after the other. It belongs to one
// goroutine.
type ProgramEnd struct {
	rw     io.ReadWriter
	in     *bufio.Reader
	load   func(*Job) (Program, error)
	kept   map[string]Program
	octets int
}

// NewProgramEnd returns the program's side of a pipe. load compiles what comes.
func NewProgramEnd(rw io.ReadWriter, load func(*Job) (Program, error)) *ProgramEnd {
	return &ProgramEnd{rw: rw, in: bufio.NewReader(rw), load: load, kept: map[string]Program{}}
}

// Run does one job. Its error says that the pipe broke; io.EOF is wrapped where there was no
// more job.
func (r *ProgramEnd) Run(ctx context.Context) error {
	var job Job
	if err := readFrame(r.in, maxCoreFrame, journalDec, &job); err != nil {
		return fmt.Errorf("runtime: pipe: job: %w", err)
	}
	if job.View == nil {
		return fmt.Errorf("runtime: pipe: job without a view")
	}
	if job.Kept && r.kept[job.Hash] == nil {
		if err := writeFrame(r.rw, fromProgram{Want: true}); err != nil {
			return fmt.Errorf("runtime: pipe: job: %w", err)
		}
		job = Job{}
		if err := readFrame(r.in, maxCoreFrame, journalDec, &job); err != nil || job.Kept || job.View == nil {
			return fmt.Errorf("runtime: pipe: job without a source: %w", err)
		}
	}
	limits := job.View.Limits.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	l := &remoteLink{w: r.rw, r: r.in, wants: job.Hits}
	if job.Local && !job.Hits { // a record of all calls is the core's
		if job.Size > 0 {
			job.View.Message = mail.NewLazy(job.Head, job.Size, l.fetch)
		}
		l.here = &run{ctx: ctx, view: job.View, limits: limits, record: &Record{}, now: time.Now}
	}
	v, err := runRemote(ctx, l, &job, r.program)
	if l.broken != nil {
		return fmt.Errorf("runtime: pipe: %w", l.broken)
	}
	m := fromProgram{Hits: l.hits, End: true, Value: v, Error: newPipeError(err)}
	if err := writeFrame(r.rw, m); err != nil {
		return fmt.Errorf("runtime: pipe: result: %w", err)
	}
	return nil
}

// program returns the job's program, which it compiles unless it is kept.
func (r *ProgramEnd) program(job *Job) (Program, error) {
	if p := r.kept[job.Hash]; p != nil {
		return p, nil
	}
	p, err := r.load(job)
	if err != nil || job.Hash == "" {
		return p, err
	}
	size := len(job.Source)
	for _, m := range job.Modules {
		size += len(m.Source)
	}
	if r.octets += size; len(r.kept) >= maxKeptPrograms || r.octets > maxKeptOctets {
		clear(r.kept) // it is seldom, and the core has what is needed
		r.octets = size
	}
	r.kept[job.Hash] = p
	return p, nil
}

func runRemote(ctx context.Context, l *remoteLink, job *Job, load func(*Job) (Program, error)) (v Value, err error) {
	t := NewTask(ctx, job.View, l)
	defer func() {
		if x := recover(); x != nil {
			v, err = nil, fmt.Errorf("%s: internal error: %v", job.Name, x)
		}
		if err = t.outcome(err); err == nil {
			left := maxChildFrame
			if bad := checkValue(v, maxResultDepth, &left); bad != nil {
				v, err = nil, fmt.Errorf("%s: result: %w", job.Name, bad)
			}
		}
	}()
	p, err := load(job)
	if err != nil {
		return nil, err
	}
	return p.Run(t)
}

// remoteLink is a Link whose core is at the other end of a pipe.
type remoteLink struct {
	w      io.Writer
	r      *bufio.Reader
	wants  bool // hits
	hits   []HitRecord
	broken error
	// here calls functions that are pure; nil: the core does.
	here *run
}

// local says whether a function is called without the core. What acts may edit the message, of
// which nothing is known here then.
func (l *remoteLink) local(name string) bool {
	if l.here == nil {
		return false
	}
	f := Lookup(name)
	if f != nil && f.Effect == Acts && f.Family != "record" {
		l.here = nil
	}
	return f != nil && f.Effect == Pure && f.Name != "random" // whose numbers follow each other
}

// fetch returns the message, nil if the pipe broke.
func (l *remoteLink) fetch() []byte {
	var answer fromCore
	if l.send(fromProgram{Fetch: true}) != nil {
		return nil
	}
	if err := readFrame(l.r, maxCoreFrame, journalDec, &answer); err != nil {
		_ = l.fail(err)
		return nil
	}
	raw, _ := answer.Value.([]byte)
	return raw
}

// Invoke asks the core, where it is needed.
func (l *remoteLink) Invoke(name string, args []Value) (Value, error) {
	if l.local(name) {
		return l.here.Invoke(name, args)
	}
	left := maxChildFrame / 2
	if err := checkValue(args, maxResultDepth, &left); err != nil {
		return nil, fmt.Errorf("%s: arguments: %w", name, err)
	}
	var answer fromCore
	if err := l.send(fromProgram{Call: name, Args: args}); err != nil {
		return nil, err
	}
	if err := readFrame(l.r, maxCoreFrame, journalDec, &answer); err != nil {
		return nil, l.fail(err)
	}
	return answer.Value, answer.Error.err()
}

// SetKeepFlags tells the core.
func (l *remoteLink) SetKeepFlags(flags []string) {
	_ = l.send(fromProgram{SetFlags: true, Flags: flags}) // a broken pipe ends the next call
}

// Hit is told with the next frame.
func (l *remoteLink) Hit(site int, o Outcome) {
	if !l.wants {
		return
	}
	l.hits = append(l.hits, HitRecord{Site: site, Outcome: o})
	if len(l.hits) >= maxHeldHits {
		_ = l.send(fromProgram{})
	}
}

func (l *remoteLink) send(m fromProgram) error {
	if l.broken != nil {
		return l.fail(l.broken)
	}
	m.Hits, l.hits = l.hits, nil
	if err := writeFrame(l.w, m); err != nil {
		return l.fail(err)
	}
	return nil
}

// fail notes that the pipe is broken, and returns an error that no script can catch.
func (l *remoteLink) fail(err error) error {
	l.broken = err
	return &LimitError{Limit: "cancelled"}
}
