// Command child is a child process for the tests of procs, built without the race detector. Beside
// JavaScript it knows scripts that try what no script can.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/runtime/procs"
)

func main() {
	if !procs.IsChild() {
		os.Exit(1)
	}
	procs.Main(func(j *runtime.Job) (runtime.Program, error) {
		if j.Language == "probe" {
			return probe{j.Name, string(j.Source)}, nil
		}
		return js.Load(j)
	})
}

type probe struct{ name, source string }

func (p probe) Language() string      { return "probe" }
func (p probe) Name() string          { return p.name }
func (p probe) Sites() []runtime.Site { return nil }

var held [][]byte

// Run does what the source says and returns what came of it.
func (p probe) Run(*runtime.Task) (runtime.Value, error) {
	verb, rest, _ := strings.Cut(p.source, " ")
	var err error
	switch verb {
	case "environment":
		return strings.Join(os.Environ(), " "), nil
	case "pid":
		return int64(os.Getpid()), nil
	case "read":
		_, err = os.ReadFile(rest)
	case "write":
		err = os.WriteFile(rest, []byte("x"), 0o600)
	case "remove":
		err = os.Remove(rest)
	case "dial":
		_, err = net.DialTimeout("tcp", rest, time.Second)
	case "exec":
		err = exec.Command(rest).Run()
	case "fork":
		_, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		err = errno
	case "kill":
		err = syscall.Kill(os.Getppid(), syscall.SIGTERM)
	case "die":
		os.Exit(7)
	case "die2":
		var m map[string]int
		go func() { m["x"]++ }()
		select {}
	case "noise":
		_, _ = os.Stdin.Write([]byte(strings.Repeat("\xff", 4096)))
		select {}
	case "sleep":
		select {}
	case "allocate":
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
	case "burn":
		for {
		}
	default:
		err = errors.New("unknown probe")
	}
	return fmt.Sprint(err), nil
}
