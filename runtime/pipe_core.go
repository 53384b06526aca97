package runtime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// ServeCore is the core's side of a pipe: it hands job to the program at the other end,
// answers its calls from core, and returns what the program gave. It is made for
// RunOptions.Link:
//
//	Link: func(ctx context.Context, v *runtime.View, core runtime.Link, p runtime.Program) (runtime.Value, error) {
//		return runtime.ServeCore(ctx, pipe, &runtime.Job{Name: p.Name(), Source: source, View: v}, core)
//	}
//
// When ctx ends, rw is closed, which ends every read and write on it, and the run
// with the limit error; so rw's Close must do that, as that of a pipe or socket does.
// A program that speaks nonsense, too much or not at all is an error that wraps
// ErrPipe. One rw is for one job; to end the process behind it is the caller's.
func ServeCore(ctx context.Context, rw io.ReadWriteCloser, job *Job, core Link) (Value, error) {
	stop := context.AfterFunc(ctx, func() { _ = rw.Close() })
	defer stop()
	return NewCoreEnd(rw).Serve(ctx, job, core)
}

// CoreEnd is the core's side of a pipe that takes one job after the other. It belongs to one
// goroutine at a time.
type CoreEnd struct {
	rw     io.ReadWriter
	in     *bufio.Reader
	sent   map[string]bool // hashes of what went over it
	frames int
	ended  bool
}

// NewCoreEnd returns the core's side of a pipe over rw.
func NewCoreEnd(rw io.ReadWriter) *CoreEnd {
	return &CoreEnd{rw: rw, in: bufio.NewReader(rw), sent: map[string]bool{}}
}

// Silent says whether nothing has come from the program since the last job was handed to it.
func (p *CoreEnd) Silent() bool { return p.frames == 0 }

// Ended says whether the program has said how the last job ended. If it has not, the pipe is of
// no more use.
func (p *CoreEnd) Ended() bool { return p.ended }

// Serve does one job, as ServeCore does. To have reads and writes end soon after ctx is the
// caller's.
func (p *CoreEnd) Serve(ctx context.Context, job *Job, core Link) (Value, error) {
	p.frames, p.ended = 0, false
	if r, ok := core.(*run); ok {
		job.Hits = job.Hits || r.level >= RecordFull
	}
	limits := job.View.Limits.withDefaults()
	v, err := p.serve(job, core, limits)
	if ctx.Err() != nil && errors.Is(err, ErrPipe) {
		return nil, fmt.Errorf("%w: %w", endError(ctx, limits), ErrPipe)
	}
	return v, err
}

// maxSent bounds what a pipe remembers of what went over it.
const maxSent = 4096

// hand hands a job over, without its source if that went over the pipe before.
func (p *CoreEnd) hand(job *Job, whole bool) error {
	if job.Hash == "" || whole || !p.sent[job.Hash] {
		if len(p.sent) >= maxSent {
			clear(p.sent)
		}
		p.sent[job.Hash] = true
		return writeFrame(p.rw, job)
	}
	short := *job
	short.Source, short.Modules, short.Options, short.Kept = nil, nil, CompileOptions{}, true
	return writeFrame(p.rw, &short)
}

func (p *CoreEnd) serve(job *Job, core Link, limits Limits) (Value, error) {
	if err := p.hand(job, false); err != nil {
		return nil, pipeFailed("it does not take its job", err)
	}
	for wanted := false; ; p.frames++ {
		if int64(p.frames) > limits.Steps {
			return nil, &LimitError{Limit: "steps", Max: limits.Steps}
		}
		var m fromProgram
		if err := readFrame(p.in, maxChildFrame, pipeDec, &m); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("it ended without a result")
			}
			return nil, pipeFailed("", err)
		}
		for _, h := range m.Hits {
			core.Hit(h.Site, h.Outcome)
		}
		if m.SetFlags {
			core.SetKeepFlags(m.Flags)
		}
		left := maxChildFrame
		switch {
		case m.End:
			if p.in.Buffered() > 0 { // which would be an answer to the next job
				return nil, pipeFailed("", errors.New("it goes on after its end"))
			}
			p.ended = true
			if err := m.Error.err(); err != nil {
				return nil, err
			}
			if err := checkValue(m.Value, maxResultDepth, &left); err != nil {
				return nil, pipeFailed("its result", err)
			}
			return m.Value, nil
		case m.Want:
			if wanted {
				return nil, pipeFailed("", errors.New("it asks for its job again and again"))
			}
			wanted = true
			if err := p.hand(job, true); err != nil {
				return nil, pipeFailed("it does not take its job", err)
			}
		case m.Fetch:
			if err := writeFrame(p.rw, fromCore{Value: job.raw}); err != nil {
				return nil, pipeFailed("it does not take its message", err)
			}
		case m.Call != "":
			if err := checkValue(m.Args, maxResultDepth, &left); err != nil {
				return nil, pipeFailed("its arguments of "+cut(m.Call, 60), err)
			}
			v, err := core.Invoke(m.Call, m.Args)
			if SizeOf(v) > limits.Memory { // it could not be held at the other end
				v, err = nil, &LimitError{Limit: "memory", Max: limits.Memory}
			}
			if err := writeFrame(p.rw, fromCore{Value: v, Error: newPipeError(err)}); err != nil {
				return nil, pipeFailed("it does not take an answer", err)
			}
		}
	}
}

func pipeFailed(what string, err error) error {
	if what == "" {
		return fmt.Errorf("%w: %w", ErrPipe, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrPipe, what, err)
}
