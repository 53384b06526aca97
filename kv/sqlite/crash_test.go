package sqlite_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// killedValue is what a child writes under a name: every fifth value stands in big.
func killedValue(name string) []byte {
	n := 10
	if strings.HasSuffix(name, "7") || strings.HasSuffix(name, "3") {
		n = 300
	}
	return bytes.Repeat([]byte(name), n)
}

// TestChildWrites is the other process of TestKillLosesNoAcknowledgedWrite. Eight goroutines write
// durable rows and print each name after its write was acknowledged, beside rows that expire at
// once, a purge, and deletes of many rows.
func TestChildWrites(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_KV")
	if path == "" {
		return // it is a part of another test
	}
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				err := s.Set(t.Context(), key(name), killedValue(name), 0)
				if err == nil && i%4 == 0 {
					err = s.Set(t.Context(), kv.Key{Prefix: kv.Greylist, Name: name}, killedValue(name), time.Millisecond)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				_, err = fmt.Println("ack", name)
				mu.Unlock()
				if err != nil {
					return // the parent has gone
				}
			}
		})
	}
	wg.Go(func() {
		for i := 0; ; i++ {
			_, _, err := s.Purge(t.Context())
			if err == nil && i%50 == 49 {
				_, err = s.DeletePrefix(t.Context(), kv.Greylist, "")
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
}

func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	rounds := 3
	if kvtest.Proof() {
		rounds = 20
	}
	acked := map[string]bool{}
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildWrites$")
		cmd.Env = append(os.Environ(), "SLUICE_TEST_KV="+path)
		cmd.Stderr = os.Stderr
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
			if name, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				acked[name] = true
				if n++; n == 100+150*(round%5) {
					if err := cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
		began := time.Now()
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d rows, opened after %v", round, len(acked), time.Since(began))
		for name := range acked {
			if v, err := s.Get(t.Context(), key(name)); err != nil || !bytes.Equal(v.Bytes, killedValue(name)) {
				t.Errorf("%s was acknowledged and is %d octets, %v", name, len(v.Bytes), err)
			}
		}
		whole(t, s)
		if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// crashed copies a store's files as they stand, as a crash leaves them.
func crashed(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "kv.db")
	for _, suffix := range []string{"", "-wal"} {
		in, err := os.Open(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(to + suffix)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(out, in)
		if err := errors.Join(err, in.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A machine's clock may be set back while nobody runs, after a crash too. The time of the store goes
// on from where it was, at most a second before.
func TestAfterACrashAClockSetBackRevivesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	if err := s.Set(t.Context(), key("a"), []byte("1"), time.Minute); err != nil {
		t.Fatal(err)
	}
	short, err := s.Lock(t.Context(), key("short"), time.Minute, true)
	if err != nil {
		t.Fatal(err)
	}
	long, err := s.Lock(t.Context(), key("long"), time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	sliding, burst := kv.Rule{Limit: 2, Per: time.Hour}, kv.Rule{Limit: 2, Per: time.Hour, Burst: 2}
	for range 2 {
		for _, rule := range []kv.Rule{sliding, burst} {
			if d, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil || !d.Allowed {
				t.Fatalf("%+v, %v", d, err)
			}
		}
	}
	clock.Advance(2 * time.Minute)
	if err := s.Set(t.Context(), key("b"), []byte("1"), time.Minute); err != nil {
		t.Fatal(err)
	}
	path = crashed(t, path)
	clock = kvtest.NewClock()
	clock.Advance(-30 * 24 * time.Hour)
	s = at(t, path, clock)
	absent := func(name string) {
		t.Helper()
		if _, err := s.Get(t.Context(), key(name)); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s came back: %v", name, err)
		}
	}
	absent("a")
	if _, err := s.Lease(t.Context(), short.Key); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("a lease that ran out came back: %v", err)
	}
	if _, err := s.Renew(t.Context(), short, time.Minute); !errors.Is(err, kv.ErrNotOwner) {
		t.Errorf("a lease that ran out was renewed: %v", err)
	}
	if l, err := s.Lock(t.Context(), short.Key, time.Minute, true); err != nil || l.Fence <= long.Fence {
		t.Errorf("fence %d after %d, %v", l.Fence, long.Fence, err)
	}
	if _, err := s.Lock(t.Context(), long.Key, time.Minute, true); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("a lease that runs was lost: %v", err)
	}
	for _, rule := range []kv.Rule{sliding, burst} {
		d, err := s.Rate(t.Context(), key("r"), rule, 1, false)
		if err != nil || d.Allowed || d.RetryAfter > 2*time.Hour {
			t.Errorf("%v: %+v, %v", rule, d, err)
		}
	}
	clock.Advance(61 * time.Second)
	absent("b")
	clock.Advance(2 * time.Hour)
	if _, err := s.Lock(t.Context(), long.Key, time.Minute, true); err != nil {
		t.Errorf("a lease never ends: %v", err)
	}
	for _, rule := range []kv.Rule{sliding, burst} {
		if d, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil || !d.Allowed {
			t.Errorf("%v is frozen: %+v, %v", rule, d, err)
		}
	}
}

// A step back of the clock while the store is open changes nothing either.
func TestAClockSetBackWhileTheStoreIsOpenStopsNothing(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), clock)
	if err := s.Set(t.Context(), key("a"), []byte("1"), time.Minute); err != nil {
		t.Fatal(err)
	}
	clock.Advance(50 * time.Second)
	if _, err := s.Get(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-time.Hour)
	if _, err := s.Get(t.Context(), key("a")); err != nil {
		t.Fatal(err)
	}
	clock.Advance(10 * time.Second)
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("its minute is over: %v", err)
	}
}
