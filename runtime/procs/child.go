package procs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

const (
	startTime = 10 * time.Second       // that a child may take to be ready
	endTime   = 500 * time.Millisecond // that it may take to end once its socket is closed
	leastCPU  = 120 * time.Second      // of processor time that a child has in its life
)

// child is a process that does one job after the other. It belongs to one goroutine at a time.
type child struct {
	cmd    *exec.Cmd
	conn   *os.File
	core   *runtime.CoreEnd
	cpu    time.Duration // of processor time that it may use in all
	busy   time.Duration // that its runs took
	broken atomic.Bool
	exited chan struct{} // closed when it was waited for
	words  words
	ending sync.Once
}

// The ways in which a job can find its child.
type death int

const (
	alive    death = iota
	found          // it was dead before it took up its job
	ofMemory       // it died in the job, as processes do that have no memory
	ofTime         // it had to be killed, since the run's time was over
	ofFault        // it broke the protocol, or died of something else
)

// start starts a child and waits until it is confined. limit is the time of the run that it is for.
func (p *Pool) start(ctx context.Context, limit time.Duration) (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if p.spawner == nil {
		p.spawner = newSpawner()
	}
	s := p.spawner
	p.starting.Add(1)
	p.mu.Unlock()
	defer p.starting.Done()
	c, err := p.spawn(ctx, s, max(leastCPU, 4*limit))
	if err != nil {
		p.log.Error("no process for scripts", "err", err)
		return nil, fmt.Errorf("procs: start: %w", err)
	}
	p.started.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.end()
		return nil, ErrClosed
	}
	p.all[c] = true
	return c, nil
}

func (p *Pool) spawn(ctx context.Context, s *spawner, cpu time.Duration) (*child, error) {
	near, far, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	hear, say, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, near.Close())
	}
	defer say.Close()
	c := &child{conn: near, cpu: cpu, exited: make(chan struct{})}
	c.cmd = &exec.Cmd{
		Path: p.o.Binary,
		Args: []string{Name, strconv.FormatInt(p.o.Memory, 10), strconv.FormatInt(int64(cpu/time.Second), 10), os.Getenv("TZ")},
		Env:  []string{}, Dir: "/", Stdin: far, Stdout: say, Stderr: say, SysProcAttr: confined(),
	}
	if err := s.start(c.cmd); err != nil {
		return nil, errors.Join(err, near.Close(), hear.Close())
	}
	go c.words.read(hear)
	go func() {
		_ = c.cmd.Wait() // how it ended is in its ProcessState
		close(c.exited)
	}()
	if err := c.ready(ctx); err != nil {
		c.end()
		return nil, fmt.Errorf("%w: %s", err, c.obituary())
	}
	c.core = runtime.NewCoreEnd(near)
	return c, nil
}

// ready waits for the octet that a confined child says.
func (c *child) ready(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Now()) })
	defer stop()
	_ = c.conn.SetDeadline(time.Now().Add(startTime))
	var b [1]byte
	if _, err := io.ReadFull(c.conn, b[:]); err != nil || b[0] != ready {
		return errors.New("it does not get ready")
	}
	return c.conn.SetDeadline(time.Time{})
}

// usable says whether a child lives, and has processor time for a run of that time.
func (c *child) usable(limit time.Duration) bool {
	select {
	case <-c.exited:
		return false
	default:
	}
	return 2*(c.busy+limit)+time.Second < c.cpu // what Go does beside a run counts too
}

// do does a job and says what became of the child.
func (c *child) do(ctx context.Context, job *runtime.Job, core runtime.Link, grace time.Duration) (runtime.Value, death, error) {
	began := time.Now()
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.conn.SetDeadline(time.Now().Add(grace))
		close(late)
	})
	v, err := c.core.Serve(ctx, job, core)
	if !stop() {
		<-late
	}
	c.busy += time.Since(began)
	if c.core.Ended() {
		if ctx.Err() != nil {
			_ = c.conn.SetDeadline(time.Time{})
		}
		return v, alive, err
	}
	c.broken.Store(true)
	if ctx.Err() != nil || !errors.Is(err, runtime.ErrPipe) { // it was too late, or said too much
		c.end()
		return nil, ofTime, err
	}
	gone := c.wait(endTime)
	c.end()
	state := c.cmd.ProcessState
	switch {
	case !gone: // it lives and speaks nonsense
		return nil, ofFault, err
	case state.UserTime()+state.SystemTime() >= c.cpu-time.Second:
		return nil, ofTime, &runtime.LimitError{Limit: "time", Max: c.cpu.Milliseconds()}
	case state.ExitCode() == exitRuntime:
		return nil, ofMemory, err
	case c.core.Silent():
		return nil, found, err
	case state.ExitCode() == -1: // by a signal, as of the kernel when the machine has no memory
		return nil, ofMemory, err
	}
	return nil, ofFault, err
}

// wait waits for the end of the process and says whether it came.
func (c *child) wait(most time.Duration) bool {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-c.exited:
		return true
	case <-t.C:
		return false
	}
}

// end ends the process, if it has not ended, and waits for it.
func (c *child) end() {
	c.ending.Do(func() {
		_ = c.conn.Close()
		if !c.broken.Load() && c.wait(endTime) {
			return
		}
		_ = c.cmd.Process.Kill() // it may have ended by itself
		<-c.exited
	})
}

// obituary is how a process ended, and its last words.
func (c *child) obituary() string {
	state := "it lives"
	select {
	case <-c.exited:
		state = c.cmd.ProcessState.String()
	default:
	}
	if text := c.words.String(); text != "" {
		state += ": " + text
	}
	return state
}

// words are the first octets of what a process said before it ended.
type words struct {
	mu   sync.Mutex
	text []byte
}

const maxWords = 300

func (w *words) read(from *os.File) {
	defer from.Close()
	b := make([]byte, 512)
	for {
		n, err := from.Read(b)
		w.mu.Lock()
		w.text = append(w.text, b[:min(n, maxWords-len(w.text))]...)
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// String returns the first line.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, _, _ := strings.Cut(string(w.text), "\n")
	return strings.ToValidUTF8(line, "?")
}
