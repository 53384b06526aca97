//go:build linux

package procs

import (
	"fmt"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketpair returns both ends of a connection: ours, which knows deadlines, and a child's.
func socketpair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "script"), os.NewFile(uintptr(fds[1]), "core"), nil
}

// confined is how a child is started: it dies with the thread that did it, and no signal of a
// terminal reaches it.
func confined() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// spawner is a thread that starts children. It has given up all new privileges, which children
// inherit; and they live no longer than it.
type spawner struct {
	starts chan func()
	quit   chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{starts: make(chan func()), quit: make(chan struct{})}
	go func() {
		goruntime.LockOSThread() // for good: the thread ends with the goroutine
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		for {
			select {
			case do := <-s.starts:
				do()
			case <-s.quit:
				return
			}
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) (err error) {
	done := make(chan struct{})
	select {
	case s.starts <- func() { err = cmd.Start(); close(done) }:
		<-done
		return err
	case <-s.quit:
		return ErrClosed
	}
}

// stop ends the thread, and children with it. It is called once.
func (s *spawner) stop() { close(s.quit) }

// confine takes from this process what it does not need, for good. memory is octets beyond what it
// has now, cpu seconds.
//
// RLIMIT_NPROC is left alone: it counts the threads of all processes of a user, and Go needs
// some. That a child starts no process is the filter's work.
func confine(memory, cpu int64) error {
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || on != 1 {
		return fmt.Errorf("procs: confine: new privileges are possible: %d, %w", on, err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("procs: confine: %w", err)
	}
	unix.Umask(0o777)
	if err := closeOthers(); err != nil {
		return fmt.Errorf("procs: confine: %w", err)
	}
	data, err := dataSize()
	if err != nil {
		return fmt.Errorf("procs: confine: %w", err)
	}
	for what, most := range map[int]uint64{
		unix.RLIMIT_DATA: uint64(data + memory), unix.RLIMIT_CPU: uint64(cpu), unix.RLIMIT_NOFILE: 0,
		unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_MEMLOCK: 0,
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("procs: confine: limit %d: %w", what, err)
		}
	}
	if err := filter(); err != nil {
		return fmt.Errorf("procs: confine: %w", err)
	}
	return nil
}

// closeOthers closes what is open beside the first three descriptors and what Go waits for events
// with: what this program itself was started with, and files of Go that it reads no more.
func closeOthers() error {
	const dir = "/proc/self/fd/"
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		to, err := os.Readlink(dir + e.Name())
		if fd, bad := strconv.Atoi(e.Name()); err == nil && bad == nil && fd > 2 && !strings.HasPrefix(to, "anon_inode:") {
			_ = unix.Close(fd) // the list's own is closed already
		}
	}
	return nil
}

// dataSize returns the octets that RLIMIT_DATA counts of this process.
func dataSize() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 6 {
		return 0, fmt.Errorf("/proc/self/statm is %q", b)
	}
	pages, err := strconv.ParseInt(f[5], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
