package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// crashCounters is how many counters the dying process has, each with a goroutine.
const crashCounters = 4

// TestChildCounts is the other process of TestAKillTakesNoMoreThanTheLastSecond. Each of its goroutines
// counts its counter up, along with a value of the same number, and says now and then how far
// it is: "n counter number nanoseconds". Durable writes go on beside them: "d number".
func TestChildCounts(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_RELAXED")
	if path == "" {
		return // it is a part of another test
	}
	e, err := engine.Open(t.Context(), engine.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var out sync.Mutex
	say := func(format string, args ...any) bool {
		out.Lock()
		defer out.Unlock()
		_, err := fmt.Printf(format+"\n", args...)
		return err == nil // else the parent has gone
	}
	var wg sync.WaitGroup
	for c := range crashCounters {
		wg.Go(func() {
			told := time.Duration(0)
			for {
				n, err := e.Incr(t.Context(), relaxedKey(fmt.Sprint(c)), 1, 0)
				if err == nil {
					err = e.Set(t.Context(), kv.Key{Prefix: kv.Greylist, Name: fmt.Sprint(c)}, kv.FormatCounter(n), 0)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if now := time.Since(began); now > told+time.Millisecond {
					told = now
					if !say("n %d %d %d", c, n, now) {
						return
					}
				}
			}
		})
	}
	wg.Go(func() {
		for i := 0; ; i++ {
			if err := e.Set(t.Context(), kv.Key{Prefix: kv.Script, Name: "durable"}, kv.FormatCounter(int64(i)), 0); err != nil {
				t.Error(err)
				return
			}
			if !say("d %d", i) {
				return
			}
		}
	})
	wg.Wait()
}

// acknowledged is what a dying process said.
type acknowledged struct {
	last    time.Duration // when it spoke last
	at      [crashCounters][]told
	durable int64
}

type told struct {
	n  int64
	at time.Duration
}

func (a *acknowledged) read(line string) bool {
	var c int
	var n, at int64
	if _, err := fmt.Sscanf(line, "n %d %d %d", &c, &n, &at); err == nil {
		a.at[c] = append(a.at[c], told{n, time.Duration(at)})
		a.last = max(a.last, time.Duration(at))
		return true
	}
	if _, err := fmt.Sscanf(line, "d %d", &n); err == nil {
		a.durable = n
	}
	return false
}

// least returns the number that counter c had reached at a moment.
func (a *acknowledged) least(c int, at time.Duration) (n int64) {
	for _, t := range a.at[c] {
		if t.at <= at {
			n = max(n, t.n)
		}
	}
	return n
}

// What is lost was acknowledged in the second before the last word of the process.
func TestAKillTakesNoMoreThanTheLastSecond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	rounds := 4
	if kvtest.Proof() {
		rounds = 20
	}
	var kept [crashCounters]int64
	for round := range rounds {
		a := dyingChild(t, path)
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for c := range kept {
			n, err := s.Counter(t.Context(), relaxedKey(fmt.Sprint(c)))
			if err != nil {
				t.Fatal(err)
			}
			v, err := kv.CounterOf(s.Get(t.Context(), kv.Key{Prefix: kv.Greylist, Name: fmt.Sprint(c)}))
			if err != nil {
				t.Fatal(err)
			}
			want := max(kept[c], a.least(c, a.last-time.Second))
			if n < want || v < want-1 {
				t.Errorf("round %d, counter %d is %d, its value %d, want at least %d", round, c, n, v, want)
			}
			if most := a.least(c, a.last); n < most {
				t.Logf("counter %d lost the last %d of %d", c, most-n, most)
			}
			kept[c] = n
		}
		if n, err := kv.CounterOf(s.Get(t.Context(), kv.Key{Prefix: kv.Script, Name: "durable"})); err != nil || n < a.durable {
			t.Errorf("the durable row is %d, %v, want at least %d", n, err, a.durable)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// dyingChild runs TestChildCounts, kills it at a random moment and returns what it had said.
func dyingChild(t *testing.T, path string) *acknowledged {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildCounts$")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_RELAXED="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var a acknowledged
	life := time.Duration(500+rand.IntN(1500)) * time.Millisecond
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if a.read(lines.Text()) && a.last > life && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || context.Cause(t.Context()) != nil {
		t.Fatal("the child ended by itself")
	}
	return &a
}
