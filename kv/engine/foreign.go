package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// versioned is a backend that can tell whether another process has written to it.
type versioned interface {
	DataVersion(ctx context.Context) (int64, error)
}

// watcher notices writes of other processes, within foreignEvery and the time of a commit,
// at most foreignLate. They are not meant to happen (the embedded file is locked), but a
// tool that opens the file nevertheless must not make the cache lie for ever. The watcher
// looks only while somebody reads from the cache, and beside the reader.
type watcher struct {
	backend versioned
	clock   *kv.Clock // of the machine: a test's clock may stand still
	changed func()

	looked  atomic.Int64 // nanoseconds
	looking atomic.Bool
	version int64 // of whoever holds looking
	known   bool
	seen    atomic.Int64 // times that another process had written
}

func newWatcher(b versioned, clock *kv.Clock, machine bool, changed func()) *watcher {
	if !machine {
		clock = kv.NewClock(nil, 0)
	}
	w := &watcher{backend: b, clock: clock, changed: changed}
	w.looked.Store(clock.Nano() - int64(2*foreignLate))
	return w
}

// fresh reports whether the last look is young enough, and starts one in time.
func (w *watcher) fresh() bool {
	now := w.clock.Nano()
	age := now - w.looked.Load()
	if age <= int64(foreignEvery) {
		return true
	}
	if w.looking.CompareAndSwap(false, true) {
		go w.look(now)
	}
	return age <= int64(foreignLate)
}

// look asks the backend. Entries that were filled between the last look and this one
// may be as old as the last one, so a change drops all of them.
func (w *watcher) look(now int64) {
	defer w.looking.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := w.backend.DataVersion(ctx)
	if err != nil {
		return // the cache stays out of use, and the next reader tries again
	}
	if !w.known || v != w.version {
		w.changed() // also at the first look: what was filled before it may be older
	}
	if w.known && v != w.version {
		w.seen.Add(1)
	}
	w.version, w.known = v, true
	w.looked.Store(now)
}
