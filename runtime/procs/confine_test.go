//go:build linux

package procs

import (
	"errors"
	"os/exec"
	"testing"
)

func TestAChildThatIsToStartAsThePoolIsClosedDoesNot(t *testing.T) {
	s := newSpawner()
	busy := make(chan struct{})
	s.starts <- func() { <-busy }
	failed := make(chan error)
	go func() { failed <- s.start(exec.Command("/bin/true")) }()
	s.stop()
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	close(busy)
}
