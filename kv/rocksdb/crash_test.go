//go:build rocksdb

package rocksdb_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
	"golang.org/x/sys/unix"
)

// again runs one test of this binary in a process of its own, with path in its environment.
func again(t *testing.T, test, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_ROCKSDB="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestChildWrites is the other process of TestKillLosesNoAcknowledgedWrite: it says what was acknowledged.
func TestChildWrites(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_ROCKSDB")
	if path == "" {
		return // it is a part of another test
	}
	// Small buffers: the process is killed while files are written, too.
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path, Buffer: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				err := s.Set(t.Context(), key(k), []byte(strings.Repeat(k, 50)), 0)
				if err == nil && i%4 == 0 {
					_, err = s.Incr(t.Context(), kv.Key{Prefix: kv.ScriptCounter, Name: fmt.Sprint(w)}, 1, 0)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				_, err = fmt.Println("ack", k)
				mu.Unlock()
				if err != nil {
					return // the parent has gone
				}
			}
		})
	}
	wg.Wait()
}

func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	acked := map[string]bool{}
	counts := map[string]int64{}
	rounds := 4
	if kvtest.Proof() {
		rounds = 20
	}
	for round := range rounds {
		cmd := again(t, "TestChildWrites", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); {
			// What the dying process printed in full counts, too: it was acknowledged.
			k, ok := strings.CutPrefix(lines.Text(), "ack ")
			if !ok {
				continue
			}
			acked[k] = true
			var pid, w, i int
			if _, err := fmt.Sscanf(k, "%d-%d-%d", &pid, &w, &i); err != nil {
				t.Fatal(err)
			}
			if i%4 == 0 {
				counts[fmt.Sprint(w)]++
			}
			if n++; n == 40+150*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
	}
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for k := range acked {
		if v, err := s.Get(t.Context(), key(k)); err != nil || string(v.Bytes) != strings.Repeat(k, 50) {
			t.Errorf("%s was acknowledged and is lost: %v", k, err)
		}
	}
	if len(acked) < 40*rounds {
		t.Errorf("only %d writes were acknowledged", len(acked))
	}
	for w, n := range counts {
		// Of each process at most one increment was made and not acknowledged.
		if got, err := s.Counter(t.Context(), kv.Key{Prefix: kv.ScriptCounter, Name: w}); err != nil || got < n || got > n+int64(rounds) {
			t.Errorf("counter %s is %d, %v, %d increments were acknowledged", w, got, err, n)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestChildFails is the other process of TestAnIOErrorStopsWriting: a limit on the size of files makes writes fail.
func TestChildFails(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_ROCKSDB")
	if path == "" {
		return // it is a part of another test
	}
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := s.Set(ctx, key("before"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: 256 << 10, Max: 1 << 62}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	var failed error
	for i := 0; i < 1000 && failed == nil; i++ {
		if failed = s.Set(ctx, key(fmt.Sprintf("during%d", i)), make([]byte, 10_000), 0); failed == nil {
			fmt.Println("ack", fmt.Sprintf("during%d", i))
		}
	}
	if !kv.IsUnavailable(failed) || !strings.Contains(failed.Error(), "kv/rocksdb: set: ") {
		t.Errorf("the write that hit the error: %v", failed)
	}
	if err := s.Set(ctx, key("after"), []byte("1"), 0); err == nil {
		t.Error("a write after the error was acknowledged")
	}
	if v, err := s.Get(ctx, key("before")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("reading after the error: %q, %v", v.Bytes, err)
	}
	if _, err := s.Get(ctx, key("after")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("a write that failed is there: %v", err)
	}
	_ = s.Close()
}

func TestAnIOErrorStopsWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	out, err := again(t, "TestChildFails", path).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := at(t, path, kvtest.NewClock())
	n := 0
	for line := range strings.Lines(string(out)) {
		if k, ok := strings.CutPrefix(strings.TrimSpace(line), "ack "); ok {
			n++
			if _, err := s.Get(t.Context(), key(k)); err != nil {
				t.Errorf("%s was acknowledged and is lost: %v", k, err)
			}
		}
	}
	if n == 0 {
		t.Error("nothing was acknowledged")
	}
	if err := s.Set(t.Context(), key("after"), []byte("1"), time.Minute); err != nil {
		t.Error(err)
	}
}
