package sqlite

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

	"golang.org/x/sys/unix"
)

// again runs one test of this binary in a process of its own, with path in its
// environment.
func again(t *testing.T, test, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_DB="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestChildWrites is the other process of TestKillLosesNoAcknowledgedWrite: it writes
// with several goroutines and prints each key after its write was acknowledged.
func TestChildWrites(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_DB")
	if path == "" {
		return // it is a part of another test
	}
	db, err := Open(t.Context(), path, Options{Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				if err := db.Write(t.Context(), put(k, strings.Repeat(k, 20))); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				_, err := fmt.Println("ack", k)
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
	path := filepath.Join(t.TempDir(), "test.db")
	acked := map[string]bool{}
	rounds := 4
	if os.Getenv("SLUICE_PROOF") != "" {
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
			if k, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				acked[k] = true
				if n++; n == 40+100*(round%6) {
					if err := cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
	}
	began := time.Now()
	db := openAt(t, path, Options{})
	t.Logf("opened after a crash in %v", time.Since(began))
	got := all(t, db)
	for k := range acked {
		if got[k] != strings.Repeat(k, 20) {
			t.Errorf("%s was acknowledged and is lost", k)
		}
	}
	if len(acked) < 40*rounds {
		t.Errorf("only %d writes were acknowledged", len(acked))
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestChildFails is the other process of TestAnIOErrorStopsAllWriting: a limit on the
// size of files makes write fail.
func TestChildFails(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_DB")
	if path == "" {
		return // it is a part of another test
	}
	db, err := Open(t.Context(), path, Options{Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put("before", "1")); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 64 << 10
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	var failed error
	for i := 0; i < 1000 && failed == nil; i++ {
		failed = db.Write(t.Context(), put("during", fmt.Sprintf("%010000d", i)))
	}
	if !errors.Is(failed, ErrFailed) || !strings.Contains(failed.Error(), path) {
		t.Errorf("the write that hit the error: %v", failed)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put("after", "1")); !errors.Is(err, ErrFailed) {
		t.Errorf("a write after the error: %v", err)
	}
	if got := all(t, db); got["before"] != "1" || got["after"] != "" {
		t.Errorf("reads: before=%q after=%q", got["before"], got["after"])
	}
	_ = db.Close()
}

func TestAnIOErrorStopsAllWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if out, err := again(t, "TestChildFails", path).Output(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	db := openAt(t, path, Options{})
	if got := all(t, db); got["before"] != "1" {
		t.Error("an acknowledged write is lost")
	}
	if err := db.Write(t.Context(), put("after reopening", "1")); err != nil {
		t.Error(err)
	}
}

func TestAFullDiskUndoesTheWriteAndLaterOnesWork(t *testing.T) {
	db := openTest(t, Options{})
	size := func(pages int) {
		t.Helper()
		if err := db.Write(t.Context(), func(tx *Tx) error {
			_, err := tx.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	size(20)
	if err := db.Write(t.Context(), put("small", "1")); err != nil {
		t.Fatal(err)
	}
	release := hold(t, db)
	wait := enqueue(t, db, put("before", "1"), put("big", strings.Repeat("x", 200_000)), put("after", "1"))
	release()
	errs := wait()
	if !errors.Is(errs[1], ErrFull) || !strings.Contains(errs[1].Error(), db.Path()) {
		t.Errorf("got %v", errs[1])
	}
	got := all(t, db)
	for i, k := range []string{"before", "big", "after"} {
		if (got[k] != "") != (errs[i] == nil) {
			t.Errorf("%s: answered %v, there: %v", k, errs[i], got[k] != "")
		}
	}
	size(1_000_000)
	if err := db.Write(t.Context(), put("big", strings.Repeat("x", 200_000))); err != nil {
		t.Error(err)
	}
}
