package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// counters is how many counters are spread over.
const counters = 1000

// k4 compares counters that are written behind with Redis INCR, and kills processes that count.
func k4(ctx context.Context, t *table) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close(&err)
	e, err := b.engine(ctx, 0, engine.Options{})
	if err != nil {
		return err
	}
	client, err := b.redis(ctx)
	if err != nil {
		return err
	}
	keys, names := make([]kv.Key, counters), make([]string, counters)
	for i := range counters {
		names[i] = fmt.Sprintf("a counter of usual length/%06d", i)
		keys[i] = kv.Key{Prefix: kv.ScriptCounter, Name: names[i]}
	}
	for _, n := range []int{1, 8} {
		err := t.compare(ctx, goroutines(n), nil,
			&side{goroutines: n, op: func(ctx context.Context, g, i int) error {
				_, err := e.Incr(ctx, keys[(i+g*100)%counters], 1, 0)
				return err
			}},
			&side{name: "Redis INCR", goroutines: n, op: func(ctx context.Context, g, i int) error {
				return client.Incr(ctx, names[(i+g*100)%counters]).Err()
			}, bar: 30})
		if err != nil {
			return err
		}
	}
	worst := time.Duration(0)
	kills := 5
	if t.quick {
		kills = 1
	}
	for i := range kills {
		lost, err := lostByKill(ctx, filepath.Join(b.dir, fmt.Sprint("kill", i)))
		if err != nil {
			return err
		}
		worst = max(worst, lost)
	}
	t.add(row{What: fmt.Sprintf("worst loss of %d kills", kills), Ours: worst.Seconds() * 1000, Unit: " ms", Bar: 1000, AtMost: true})
	return nil
}

// counterChild names the folder in the environment of a child that counts until it is killed.
const counterChild = "SLUICE_BARS_COUNT"

func counted() kv.Key { return kv.Key{Prefix: kv.ScriptCounter, Name: "counted"} }

// countForEver counts and says every few milliseconds how far it was acknowledged, and when.
func countForEver(dir string) error {
	ctx := context.Background()
	e, err := engine.Open(ctx, engine.Options{Path: filepath.Join(dir, "kv.db")})
	if err != nil {
		return err
	}
	for said := time.Now(); ; {
		n, err := e.Incr(ctx, counted(), 1, 0)
		if err != nil {
			return err
		}
		if now := time.Now(); now.Sub(said) > 2*time.Millisecond {
			said = now
			fmt.Println(now.UnixNano(), n)
		}
	}
}

// lostByKill starts a child that counts, kills it, and returns how old the youngest count is that survived.
func lostByKill(ctx context.Context, dir string) (time.Duration, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), counterChild+"="+dir)
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	var trouble strings.Builder
	child.Stderr = &trouble
	if err := child.Start(); err != nil {
		return 0, err
	}
	type point struct{ at, n int64 }
	var said []point
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		var p point
		if _, err := fmt.Sscan(lines.Text(), &p.at, &p.n); err != nil {
			continue // the last line may be half
		}
		said = append(said, p)
		if kill == nil { // it counts: let it for a time that is never the same
			kill = time.AfterFunc(time.Second+rand.N(time.Second/2), func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait() // it was killed
	if len(said) < 10 {
		return 0, fmt.Errorf("the child that counts said %d lines: %s", len(said), trouble.String())
	}
	e, err := engine.Open(ctx, engine.Options{Path: filepath.Join(dir, "kv.db")})
	if err != nil {
		return 0, err
	}
	n, err := e.Counter(ctx, counted())
	if err := e.Close(); err != nil {
		return 0, err
	}
	if err != nil {
		return 0, err
	}
	end := said[len(said)-1].at
	for _, p := range said {
		if p.n > n { // the first that is not there any more
			return time.Duration(end - p.at), nil
		}
	}
	return 0, nil
}
