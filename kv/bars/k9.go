package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sluice-mail/sluice/kv"
	kvsqlite "github.com/sluice-mail/sluice/kv/sqlite"
)

const (
	k9Rounds  = 20
	k9Writers = 8
	k9Child   = "SLUICE_BARS_K9" // the file that the other process writes
)

func init() {
	path := os.Getenv(k9Child)
	if path == "" {
		return
	}
	// It is killed; an error is its only other end.
	fmt.Fprintln(os.Stderr, "bars:", k9Write(context.Background(), path))
	os.Exit(1)
}

// k9 kills a process with eight durable writers and a purge twenty times, and looks for each write that
// it said was acknowledged. The other faults of K9 are in the tests of sqlite and kv/sqlite.
func k9(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "k9")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "kv.db")
	acked := map[string]bool{}
	var opened []time.Duration
	lost := map[string]bool{}
	for round := range k9Rounds {
		if err := k9Kill(ctx, path, 500+200*(round%5), acked); err != nil {
			return err
		}
		began := time.Now()
		s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{})
		if err != nil {
			return err
		}
		opened = append(opened, time.Since(began))
		for name := range acked {
			v, err := s.Get(ctx, kv.Key{Prefix: kv.Script, Name: name})
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return errors.Join(err, s.Close())
			}
			if !bytes.Equal(v.Bytes, k9Value(name)) {
				lost[name] = true
			}
		}
		if err := errors.Join(s.Check(ctx), s.Close()); err != nil {
			return err
		}
	}
	longest := rank(opened, 1)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "K9  kill -9, %d rounds under %d writers\tmeasured\tbar\t\n", k9Rounds, k9Writers)
	fmt.Fprintf(t, "acknowledged durable writes\t%d\t\t\n", len(acked))
	fmt.Fprintf(t, "of them lost\t%d\t0\t%s\n", len(lost), fits(len(lost) == 0))
	fmt.Fprintf(t, "longest reopening\t%v\t< 1s\t%s\n", longest.Round(10*time.Microsecond), fits(longest < time.Second))
	return t.Flush()
}

// k9Kill starts the other process and kills it after some writes. What it printed in full counts.
func k9Kill(ctx context.Context, path string, after int, acked map[string]bool) error {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), k9Child+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
			acked[name] = true
			if n++; n == after {
				_ = cmd.Process.Kill() // if it has gone there are not enough lines
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if n < after {
		return fmt.Errorf("the writing process ended by itself after %d writes", n)
	}
	return ctx.Err()
}

// k9Value is what stands under a name; every fifth is too big to stand beside its key.
func k9Value(name string) []byte {
	n := 4
	if strings.HasSuffix(name, "3") || strings.HasSuffix(name, "8") {
		n = 200
	}
	return bytes.Repeat([]byte(name), n)
}

// k9Write is the other process: it prints each name after its write was acknowledged.
func k9Write(ctx context.Context, path string) error {
	s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{})
	if err != nil {
		return err
	}
	failed := make(chan error, k9Writers+1)
	var mu sync.Mutex
	for g := range k9Writers {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				err := s.Set(ctx, kv.Key{Prefix: kv.Script, Name: name}, k9Value(name), 0)
				if err == nil && i%4 == 0 {
					err = s.Set(ctx, kv.Key{Prefix: kv.Greylist, Name: name}, k9Value(name), time.Millisecond)
				}
				if err == nil {
					mu.Lock()
					_, err = fmt.Println("ack", name)
					mu.Unlock()
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	go func() {
		for {
			if _, _, err := s.Purge(ctx); err != nil {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}
