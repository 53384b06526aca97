package local

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/sqlite"
)

// stageWorkers is how many files of one APPEND are written at a time: their fsyncs
// share journal commits of the file system.
const stageWorkers = 8

// stage makes the blob files of messages durable. The locks of the blobs are held until
// release, so that no purge removes a file before its row is committed. release is told
// whether it was; if not, it removes the files that got no row.
func (a *Account) stage(ctx context.Context, raws [][]byte) (list []staged, release func(committed bool), err error) {
	if err := a.s.checkFree(); err != nil {
		return nil, nil, err
	}
	list = make([]staged, len(raws))
	digests := make([]digest, len(raws))
	first := make(map[string]int, len(raws)) // where each blob stands first
	for i, raw := range raws {
		digests[i] = sum(raw)
		r := &list[i]
		r.size = int64(len(raw))
		r.blob = blobID(a.id, digests[i])
		r.path = a.s.blobPath(a.id, r.blob)
		if _, ok := first[r.path]; !ok {
			first[r.path] = i
		}
	}
	paths := make([]string, 0, len(first))
	for p := range first {
		paths = append(paths, p)
	}
	slices.Sort(paths) // the same order for everybody
	unlocks := make([]func(), 0, len(paths))
	for _, p := range paths {
		unlocks = append(unlocks, a.s.busy.lock(p))
	}
	var fresh []int
	release = func(committed bool) {
		if !committed && len(fresh) > 0 {
			a.tidy(context.WithoutCancel(ctx), list, fresh)
		}
		for _, u := range unlocks {
			u()
		}
	}
	defer func() {
		if err != nil {
			release(false)
		}
	}()
	err = a.read(ctx, func(c *sqlite.Conn) error {
		for _, p := range paths {
			i := first[p]
			_, _, ok, err := idmap.FindContent(c, list[i].blob)
			if err != nil {
				return err
			}
			if !ok || !present(p, list[i].size) {
				fresh = append(fresh, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = each(ctx, fresh, func(i int) error {
		a.describe(raws[i], &list[i])
		return a.s.putBlob(list[i].path, digests[i], raws[i])
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range list {
		if j := first[list[i].path]; j != i {
			list[i] = list[j]
		} else if list[i].thread == "" && !slices.Contains(fresh, i) {
			list[i].thread = threadID(a.id, mail.New(raws[i])) // known octets
		}
	}
	return list, release, nil
}

// present says whether a blob's file is whole, as far as its length tells. A file that
// was lost is healed by whoever brings the octets again.
func present(path string, size int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Size() == size
}

// tidy removes the files that stage wrote and no commit wanted.
func (a *Account) tidy(ctx context.Context, list []staged, fresh []int) {
	err := a.writable(ctx)
	if err == nil {
		err = a.db.Read(ctx, func(c *sqlite.Conn) error {
			for _, i := range fresh {
				_, _, ok, err := idmap.FindContent(c, list[i].blob)
				if err != nil {
					return err
				}
				if !ok {
					if err := os.Remove(list[i].path); err != nil && !errors.Is(err, os.ErrNotExist) {
						return err
					}
				}
			}
			return nil
		})
	}
	if err != nil {
		a.s.log.Warn("mailstore/local: a blob without a row stays until the next sweep", "account", a.id, "err", err)
	}
}

// writable returns an error if writing to the database stopped after an I/O error. What
// its journal holds shows only when it is opened again: a commit that failed may be
// there all the same, so no file must go meanwhile for want of a row.
func (a *Account) writable(ctx context.Context) error {
	return a.db.Write(ctx, func(*sqlite.Tx) error { return nil })
}

// each runs fn for all of list, a few at a time, and returns the first error.
func each(ctx context.Context, list []int, fn func(int) error) error {
	if len(list) == 1 {
		return fn(list[0])
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	for range min(stageWorkers, len(list)) {
		wg.Go(func() {
			for i := range next {
				if err := fn(i); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, i := range list {
		mu.Lock()
		stop := failed != nil || ctx.Err() != nil
		mu.Unlock()
		if stop {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(failed, ctx.Err())
}
