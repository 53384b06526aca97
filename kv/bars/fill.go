package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
	kvsqlite "github.com/sluice-mail/sluice/kv/sqlite"
)

// fillName is the name of row i of a file made by fill.
func fillName(i int) string { return fmt.Sprintf("%016d", i) }

func fillKey(i int) kv.Key { return kv.Key{Prefix: kv.Script, Name: fillName(i)} }

// fillCounter is the key of a random counter of a file of n rows.
func fillCounter(n int) kv.Key { return fillKey(rand.IntN(n/10)*10 + 3) }

// fill makes a store's file of n rows with values of 64 octets, every tenth a counter (see
// fillCounter), in key order, many a commit; expired says that every second row's time is
// over. It costs some microseconds a row.
func fill(ctx context.Context, path string, n int, expired bool) error {
	s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{Cache: 64 << 20})
	if err != nil {
		return err
	}
	const part = 20_000
	changes := make([]kv.Change, 0, part)
	for from := 0; from < n && err == nil; from += part {
		changes = changes[:0]
		for i := from; i < min(from+part, n); i++ {
			v := kv.Value{Bytes: make([]byte, 64)}
			for o := range v.Bytes {
				v.Bytes[o] = byte(rand.Uint32())
			}
			if i%10 == 3 {
				v.Bytes = []byte("1000000") // which stays as long for a while
			}
			if expired && i%2 == 0 {
				v.Expires = time.UnixMilli(1000)
			}
			changes = append(changes, kv.Change{Key: fillKey(i), Value: v})
		}
		err = s.Apply(ctx, changes)
	}
	return errors.Join(err, s.Close())
}

// copyFile copies a closed store's file.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// withCopy runs fn with a store over a copy of the file, which is removed afterwards.
func withCopy(ctx context.Context, from string, fn func(s *kvsqlite.Store, path string) error) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(from), "copy")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "kv.db")
	if err := copyFile(from, path); err != nil {
		return err
	}
	s, err := kvsqlite.Open(ctx, path, kvsqlite.Options{})
	if err != nil {
		return err
	}
	return errors.Join(fn(s, path), s.Close())
}

// quickBars is set in the environment when bars have to be quick.
const quickBars = "SLUICE_QUICK"

// slowRounds is how many rounds a bar has that prints by itself.
const slowRounds = 7

func printRounds() int {
	if os.Getenv(quickBars) != "" {
		return 3
	}
	return slowRounds
}

// middle returns the median of numbers.
func middle[T float64 | time.Duration](of []T) T {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// rank returns the duration below which the given part of all lies.
func rank(of []time.Duration, part float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(int(part*float64(len(of))), len(of)-1)]
}

// fits says whether a figure keeps its bar.
func fits(ok bool) string {
	if ok {
		return "kept"
	}
	return "MISSED"
}
