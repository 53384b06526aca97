// Package peers starts private instances of real servers on this machine, for tests and
// benchmarks: each has its own directory and a unix socket or a loopback port, and ends with
// whoever started it.
//
// A program that is not installed is ErrMissing; Need turns that into a loud skip, which
// continuous integration counts as a failure.
package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("program is not installed")

// startTime is how long a server may take until it answers.
const startTime = 60 * time.Second

// Process is a running server. Stop ends it.
type Process struct {
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
	err  error // after done
	once sync.Once
}

// Find returns the path of program, also where only root looks or where a package keeps it; globs may be
// given for such places. It returns ErrMissing.
func Find(program string, globs ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, g := range append(globs, "/usr/sbin/"+program, "/usr/local/sbin/"+program) {
		if found, _ := filepath.Glob(g); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("peers: %s: %w", program, ErrMissing)
}

// start runs the program until ready returns nil. Its output goes to the error text if that never happens.
func start(ctx context.Context, cmd *exec.Cmd, ready func(context.Context) error) (*Process, error) {
	p := &Process{cmd: cmd, log: &tail{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return p, nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return nil, fmt.Errorf("peers: %s ended: %w\n%s", filepath.Base(cmd.Path), p.err, p.log)
		case <-ctx.Done():
			p.Kill()
			return nil, fmt.Errorf("peers: %s does not answer: %w\n%s", filepath.Base(cmd.Path), err, p.log)
		}
	}
}

// Stop asks the server to end and waits for it.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the server at once, as a crash would.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Pause stops the server without ending it: it is there and does not answer. When it returns, every
// thread stands still.
func (p *Process) Pause() error {
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		return err
	}
	return stopped(p.cmd.Process.Pid)
}

// stopped waits until every thread of a process that was sent SIGSTOP stands still.
func stopped(pid int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			return fmt.Errorf("peers: process %d is gone", pid)
		}
		still := true
		for _, path := range threads {
			stat, err := os.ReadFile(path)
			// pid (name) state: the name may hold anything, so from its end.
			if _, state, ok := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(") ")); err == nil && (!ok || state[0] != 'T') {
				still = false
			}
		}
		if still {
			return nil
		}
		<-tick.C
	}
	return fmt.Errorf("peers: process %d does not stop", pid)
}

// Resume is the end of a Pause.
func (p *Process) Resume() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT) }

func (p *Process) end(sig syscall.Signal) {
	p.once.Do(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT)
		select {
		case <-p.done:
		case <-time.After(20 * time.Second):
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	})
	<-p.done
}

// answers returns a ready function that connects.
func answers(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// Dir makes a short-named directory for a server's files and sockets (a socket's path has at most 107
// octets) and returns a function that removes it. Servers that refuse to be root may enter it.
func Dir() (string, func(), error) {
	dir, err := os.MkdirTemp("", "sluice-peer-")
	if err != nil {
		return "", nil, fmt.Errorf("peers: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", nil, errors.Join(fmt.Errorf("peers: %w", err), os.RemoveAll(dir))
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// FreePort returns a loopback port that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("peers: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Need fails the test for err; if it is ErrMissing it skips loudly, except in continuous integration.
func Need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "":
		t.Skipf("SKIPPED, a counterpart cannot be had: %v (.ci/prepare tests installs it)", err)
	default:
		t.Fatal(err)
	}
}

// tail keeps the last output of a server. It may be used by many goroutines.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > 1<<16 {
		t.buf.Reset()
	}
	return t.buf.Write(b)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
