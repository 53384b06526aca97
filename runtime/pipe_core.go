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
	if r, ok := core.(*run); ok {
		job.Hits = job.Hits || r.level >= RecordFull
	}
	limits := job.View.Limits.withDefaults()
	v, err := serve(rw, job, core, limits)
	if ctx.Err() != nil && errors.Is(err, ErrPipe) {
		return nil, endError(ctx, limits)
	}
	return v, err
}

func serve(rw io.ReadWriter, job *Job, core Link, limits Limits) (Value, error) {
	if err := writeFrame(rw, job); err != nil {
		return nil, pipeFailed("it does not take its job", err)
	}
	in := bufio.NewReader(rw)
	for frames := int64(0); ; frames++ {
		if frames > limits.Steps {
			return nil, &LimitError{Limit: "steps", Max: limits.Steps}
		}
		var m fromProgram
		if err := readFrame(in, maxChildFrame, pipeDec, &m); err != nil {
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
			if err := m.Error.err(); err != nil {
				return nil, err
			}
			if err := checkValue(m.Value, maxResultDepth, &left); err != nil {
				return nil, pipeFailed("its result", err)
			}
			return m.Value, nil
		case m.Call != "":
			if err := checkValue(m.Args, maxResultDepth, &left); err != nil {
				return nil, pipeFailed("its arguments of "+cut(m.Call, 60), err)
			}
			v, err := core.Invoke(m.Call, m.Args)
			if err := writeFrame(rw, fromCore{Value: v, Error: newPipeError(err)}); err != nil {
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
