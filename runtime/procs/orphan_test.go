package procs_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/procs"
)

// A server that is killed says no farewell. Its children end with it, also one that has a run without end.
func TestNoChildOutlivesAServerThatIsKilled(t *testing.T) {
	if as := os.Getenv("PROCS_SERVER"); as != "" { // the server
		binary = as
		e := engineOver(newPool(t, procs.Options{Children: 1}))
		fmt.Printf("child %v\n", run(t, e, probe("pid"), runtime.RunOptions{}).Value)
		r := run(t, e, compile(t, `for (;;) {}`), runtime.RunOptions{Limits: runtime.Limits{Time: 20 * time.Second, Steps: 1 << 40}})
		t.Fatal(r.Err) // it is killed before that
	}
	server := exec.Command(os.Args[0], "-test.run=^TestNoChildOutlivesAServerThatIsKilled$", "-test.v")
	server.Env = append(os.Environ(), "PROCS_SERVER="+binary)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	pid := ""
	for lines := bufio.NewScanner(out); pid == "" && lines.Scan(); {
		pid, _ = strings.CutPrefix(lines.Text(), "child ")
		if pid == lines.Text() {
			pid = ""
		}
	}
	// Long enough for the child to be at its endless run.
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
		goruntime.Gosched()
	}
	if _, err := os.Stat("/proc/" + pid); pid == "" || err != nil {
		rest, _ := io.ReadAll(out)
		t.Fatalf("the server has no child %q: %v\n%s", pid, err, rest)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	for began := time.Now(); ; goruntime.Gosched() {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") { // nobody may be there to bury it
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("its child lives on")
		}
	}
}
