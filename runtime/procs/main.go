package procs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// Name is the name that children run under.
const Name = "sluice: script"

const (
	ready       = 'R' // what a child says when it is confined
	exitRuntime = 2   // with which Go ends a process that has no memory
	exitConfine = 3
	exitPipe    = 4
)

// IsChild says whether this process is a child, which has to call Main and nothing else.
func IsChild() bool { return len(os.Args) == 4 && os.Args[0] == Name }

// Main is a child's whole life: it confines itself, does one job after the other with what load
// compiles, and ends when its socket is closed. It does not return.
func Main(load func(*runtime.Job) (runtime.Program, error)) {
	if err := settle(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitConfine)
	}
	if _, err := os.Stdin.Write([]byte{ready}); err != nil {
		os.Exit(exitPipe)
	}
	e := runtime.NewProgramEnd(os.Stdin, load)
	for {
		if err := e.Run(context.Background()); err != nil {
			if errors.Is(err, io.EOF) {
				os.Exit(0)
			}
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitPipe)
		}
		tidy()
	}
}

// maxStack bounds a goroutine's stack: natives may recurse without a count.
const maxStack = 64 << 20

// settle bounds the process as its arguments say.
func settle() error {
	memory, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("procs: memory: %w", err)
	}
	cpu, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		return fmt.Errorf("procs: processor time: %w", err)
	}
	if zone := os.Args[3]; zone != "" {
		if z, err := time.LoadLocation(zone); err == nil {
			time.Local = z
		}
	}
	// What Go opens or starts when it is first needed is there before nothing more can be.
	_, _ = time.Now().Zone()
	wait := make(chan struct{})
	time.AfterFunc(time.Microsecond, func() { close(wait) })
	<-wait
	goruntime.GOMAXPROCS(1) // a run is one goroutine; a second processor would only be woken for nothing
	debug.SetMaxStack(maxStack)
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(s)
	debug.SetMemoryLimit(int64(s[0].Value.Uint64()) + memory*3/4)
	return confine(memory, cpu)
}

// largeHeap is what a run may leave on the heap before it is collected at once.
const largeHeap = 32 << 20

// tidy gives back what a large run has left, before the next one comes.
func tidy() {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	if metrics.Read(s); s[0].Value.Uint64() > largeHeap {
		debug.FreeOSMemory()
	}
}
