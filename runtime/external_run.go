//go:build unix

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// maxErrors is how much of the standard error is kept, in octets.
	maxErrors = 4 << 10
	// drainTime is how long it is read what a program has printed, once it has ended.
	drainTime = time.Second
)

// Run runs a program of a folder and returns what came of it. An exit status other than 0 is no
// error. Errors wrap ErrNoProgram where it could not be run at all, ErrProgramFailed where it
// was ended by a signal or a limit, or the cause of ctx.
//
// No shell is between; the program gets its own process group, and nothing of the environment
// and of the files that this process has opened. When it ends, or has to, all processes of the
// group are killed.
//
// Spec: Pigeonhole, spec-bosch-sieve-extprograms, sections 3, 4 and 11
func (o ExternalOptions) Run(ctx context.Context, folder string, x External) (ExternalResult, error) {
	o = o.withDefaults()
	path, err := findProgram(folder, x.Name)
	if err != nil {
		return ExternalResult{}, err
	}
	if err := CheckProgramArgs(x.Args); err != nil {
		return ExternalResult{}, fmt.Errorf("%w: %q: %w", ErrProgramFailed, x.Name, err)
	}
	limited := ctx
	if o.Time > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, o.Time)
		defer cancel()
	}
	p := &process{cmd: &exec.Cmd{
		Path: path, Args: append([]string{path}, x.Args...), Env: externalEnv(o.Home, x.Env), Dir: o.Home,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}, most: o.Output, tooMuch: make(chan struct{})}
	defer p.close()
	if err := p.start(x, withLineEnds(x.Input, o.LF)); err != nil {
		return ExternalResult{}, err
	}
	end := p.wait(limited)
	res := ExternalResult{Exit: p.cmd.ProcessState.ExitCode(), Output: p.output, Errors: shownErrors(p.errors, x.Input)}
	why := ""
	switch status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case p.over:
		why = fmt.Sprintf("output limit of %d octets reached", o.Output)
	case end != nil && ctx.Err() != nil:
		return res, fmt.Errorf("%w: %q: %w", ErrProgramFailed, x.Name, context.Cause(ctx))
	case end != nil:
		why = fmt.Sprintf("time limit of %s reached", o.Time)
	case status.Signaled():
		why = fmt.Sprintf("ended by signal %d (%s)", status.Signal(), status.Signal())
	default:
		return res, nil
	}
	res.Output = nil
	return res, fmt.Errorf("%w: %q: %s", ErrProgramFailed, x.Name, why)
}

// process is a program that runs.
type process struct {
	cmd    *exec.Cmd
	mine   []*os.File // the ends of the pipes on this side
	theirs []*os.File
	copies sync.WaitGroup

	most    int
	output  []byte
	over    bool          // output is over most
	tooMuch chan struct{} // closed then
	errors  []byte
}

func (p *process) close() {
	for _, f := range append(p.mine, p.theirs...) {
		_ = f.Close() // some are closed already
	}
}

// pipe makes a pipe. output says that this side reads.
func (p *process) pipe(output bool) (mine, theirs *os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if mine, theirs = w, r; output {
		mine, theirs = r, w
	}
	p.mine, p.theirs = append(p.mine, mine), append(p.theirs, theirs)
	return mine, theirs, nil
}

// start starts the program and what feeds and reads it.
func (p *process) start(x External, input []byte) error {
	failed := func(err error) error { return fmt.Errorf("%w: %q: %w", ErrProgramFailed, x.Name, err) }
	var in, out *os.File
	if input != nil {
		w, r, err := p.pipe(false)
		if err != nil {
			return failed(err)
		}
		in, p.cmd.Stdin = w, r
	}
	if x.Output {
		r, w, err := p.pipe(true)
		if err != nil {
			return failed(err)
		}
		out, p.cmd.Stdout = r, w
	}
	errs, w, err := p.pipe(true)
	if err != nil {
		return failed(err)
	}
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err // the path is nothing to the script
		}
		for _, e := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
			if errors.Is(err, e) {
				return failed(err)
			}
		}
		return fmt.Errorf("%w: %q: %w", ErrNoProgram, x.Name, err)
	}
	for _, f := range p.theirs {
		_ = f.Close()
	}
	if in != nil {
		p.copies.Go(func() {
			_, _ = in.Write(input) // the program need not read it all
			_ = in.Close()
		})
	}
	if out != nil {
		p.copies.Go(func() { p.read(out) })
	}
	p.copies.Go(func() {
		p.errors, _ = io.ReadAll(io.LimitReader(errs, maxErrors))
		_, _ = io.Copy(io.Discard, errs)
	})
	return nil
}

// read reads what the program prints, up to the limit.
func (p *process) read(out *os.File) {
	b, _ := io.ReadAll(io.LimitReader(out, int64(p.most)+1)) // until it ends, or the time of draining does
	if len(b) > p.most {
		p.over = true
		close(p.tooMuch)
		return
	}
	p.output = b
}

// wait waits for the end of the program and ends it where ctx does or it prints too much. It
// returns why it was ended. Nothing of its group is left then.
func (p *process) wait(ctx context.Context) (end error) {
	exited := make(chan struct{})
	go func() {
		_ = p.cmd.Wait() // ProcessState says how
		close(exited)
	}()
	select {
	case <-exited:
	case <-p.tooMuch:
	case <-ctx.Done():
		end = ctx.Err()
	}
	// Where the program has ended, its children keep the number of the group; where there are
	// none, nobody has that number.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-exited
	until := time.Now().Add(drainTime)
	for _, f := range p.mine {
		// A process that left the group may hold the pipes open.
		_ = f.SetDeadline(until)
	}
	p.copies.Wait()
	return end
}
