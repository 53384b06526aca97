package js

import (
	goruntime "runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// How often a run's effect on the heap is looked at, and how often at most a collection
// is forced to find out what of it is alive.
const (
	watchEvery   = 5 * time.Millisecond
	collectEvery = 10 * time.Millisecond
)

// watcher looks after the heap while one run lasts. goja does not count what a runtime
// holds, so a run is judged by the whole process: when the heap has grown by half the
// run's memory limit since the run's first few milliseconds, and each time that it has grown
// so much again, a collection shows how much of that is alive, and if that is over the
// limit the run that has lasted longest is ended. A run that ends within a few
// milliseconds costs a timer.
type watcher struct {
	vm      *goja.Runtime
	limit   int64
	timer   *time.Timer
	started bool
	objects int64 // the heap at the first look
	live    int64
}

var watched struct {
	sync.Mutex
	runs      []*watcher // in the order of their first looks
	collected time.Time
	live      int64 // after that collection
}

func watch(vm *goja.Runtime, limit int64) *watcher {
	w := &watcher{vm: vm, limit: limit}
	watched.Lock()
	w.timer = time.AfterFunc(watchEvery, w.look)
	watched.Unlock()
	return w
}

func (w *watcher) stop() {
	w.timer.Stop()
	watched.Lock()
	defer watched.Unlock()
	for i, x := range watched.runs {
		if x == w {
			watched.runs = append(watched.runs[:i:i], watched.runs[i+1:]...)
		}
	}
	w.vm = nil
}

func (w *watcher) look() {
	watched.Lock()
	defer watched.Unlock()
	if w.vm == nil {
		return
	}
	defer w.timer.Reset(watchEvery)
	objects, live := heap()
	if !w.started {
		w.started, w.objects, w.live = true, objects, live
		watched.runs = append(watched.runs, w)
		return
	}
	if objects-max(w.objects, watched.live) <= w.limit/2 || time.Since(watched.collected) < collectEvery {
		return
	}
	goruntime.GC()
	_, watched.live = heap()
	watched.collected = time.Now()
	if watched.live-w.live > w.limit && watched.runs[0] == w {
		w.vm.Interrupt(&runtime.LimitError{Limit: "memory", Max: w.limit})
	}
}

// heap returns the octets of the objects on the heap, and of those that the last
// collection found alive.
func heap() (objects, live int64) {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()), int64(s[1].Value.Uint64())
}
