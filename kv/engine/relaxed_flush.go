package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

const (
	// groupRows and groupOctets bound one commit, and so how long durable writers wait for it.
	groupRows   = 400
	groupOctets = 4 << 20

	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// flusher is what writes dirty cells: a goroutine that makes passes over the stripes, and a
// watchman that says when, sweeps, and tells writers to wait while the disk hangs.
type flusher struct {
	r      *relaxed
	due    chan struct{} // holds one wish for a pass
	first  chan struct{} // wakes the watchman after the first dirty cell
	stop   chan struct{}
	ended  sync.WaitGroup
	taken  []taken // of the flusher's goroutine
	inPass atomic.Bool
	retry  atomic.Int64 // no pass by itself before this moment

	mu         sync.Mutex
	asked      chan struct{} // closed and replaced when something has changed; nil if nobody waits
	passes     uint64        // begun
	done, good uint64        // the last one that is over, and that wrote everything
	failure    error         // of the last pass
	backoff    time.Duration

	flushes, flushed, errors atomic.Int64
}

// taken is a dirty cell as a pass found it.
type taken struct {
	st      *cellStripe
	c       *cell
	version uint64
	change  kv.Change
	since   int64
}

func (f *flusher) start(r *relaxed) {
	f.r = r
	f.due, f.first, f.stop = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	f.ended.Go(f.serve)
	f.ended.Go(f.watch)
}

// kick wishes for a pass.
func (f *flusher) kick() {
	select {
	case f.due <- struct{}{}:
	default:
	}
}

func (f *flusher) awake() {
	select {
	case f.first <- struct{}{}:
	default:
	}
}

// await returns when ready does, which it asks after every change, with mu locked.
func (f *flusher) await(ctx context.Context, ready func() (bool, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if ok, err := ready(); ok {
			return err
		}
		if f.asked == nil {
			f.asked = make(chan struct{})
		}
		asked := f.asked
		f.mu.Unlock()
		var err error
		select {
		case <-asked:
		case <-ctx.Done():
			err = ctx.Err()
		}
		f.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// tell has all who wait look again. mu is locked.
func (f *flusher) tell() {
	if f.asked != nil {
		close(f.asked)
		f.asked = nil
	}
}

// flush returns when every write that was acknowledged before is in the backend.
func (f *flusher) flush(ctx context.Context) error {
	// A cell is dirty before its write is acknowledged and until it is committed.
	if f.r.dirty.Load() == 0 {
		return ctx.Err()
	}
	f.mu.Lock()
	want := f.passes + 1 // one that begins from now on
	f.mu.Unlock()
	f.kick()
	return f.await(ctx, func() (bool, error) {
		switch {
		case f.good >= want:
			return true, nil
		case f.done >= want:
			return true, f.failure
		case f.stopped():
			return true, kv.ErrClosed
		}
		return false, nil
	})
}

func (f *flusher) stopped() bool {
	select {
	case <-f.stop:
		return true
	default:
		return false
	}
}

func (f *flusher) serve() {
	for {
		select {
		case <-f.stop:
			return
		case <-f.due:
			f.pass()
		}
	}
}

// pass writes what is dirty. Cells that are written to while it runs are left to the next.
func (f *flusher) pass() {
	f.mu.Lock()
	f.passes++
	pass := f.passes
	f.mu.Unlock()
	f.inPass.Store(true)
	defer f.inPass.Store(false)
	written := f.flushed.Load()
	var err error
	for i := range f.r.stripes {
		f.take(&f.r.stripes[i])
		for err == nil && len(f.taken) >= groupRows {
			err = f.write()
		}
		if err != nil {
			break
		}
	}
	for err == nil && len(f.taken) > 0 {
		err = f.write()
	}
	f.giveBack()
	if f.r.keep < 0 {
		f.r.sweep(0, cellStripes, true)
	}
	if f.flushed.Load() > written {
		f.flushes.Add(1)
	}
	f.mu.Lock()
	before := f.failure
	f.done, f.failure = pass, err
	if err == nil {
		f.good, f.backoff = pass, 0
		f.retry.Store(0)
	} else {
		f.errors.Add(1)
		f.backoff = min(max(2*f.backoff, minBackoff), maxBackoff)
		f.retry.Store(f.r.mono() + int64(f.backoff))
	}
	f.tell()
	f.mu.Unlock()
	f.look()
	switch {
	case err != nil && before == nil:
		f.r.log.Error("kv/engine: relaxed rows cannot be written, it is tried again", "err", err)
	case err == nil && before != nil:
		f.r.log.Info("kv/engine: relaxed rows are written again")
	}
}

// take empties the list of a stripe.
func (f *flusher) take(st *cellStripe) {
	if st.since.Load() == 0 {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	now := f.r.clock.Milli()
	since := st.since.Load()
	for _, c := range st.listed {
		c.listed = false
		live := c.there && kv.Live(c.deadline, now)
		if !live && !c.stored {
			f.r.clean(c) // nobody will ever miss it
			continue
		}
		t := taken{st: st, c: c, version: c.version, since: since, change: kv.Change{Key: c.key}}
		if live {
			t.change.Value = c.value()
			c.stored = true // or it may be, whatever the commit's outcome
		}
		f.taken = append(f.taken, t)
	}
	clear(st.listed)
	st.listed = st.listed[:0]
	f.hand()
	st.since.Store(0)
}

// hand says how old the oldest cell in hand is.
func (f *flusher) hand() {
	oldest := int64(0)
	for i := range f.taken {
		if s := f.taken[i].since; oldest == 0 || s < oldest {
			oldest = s
		}
	}
	f.r.inflight.Store(oldest)
}

// write commits a group of what was taken. While it does, nobody caches what is read behind the
// cells of the group, and what was cached before is dead.
func (f *flusher) write() error {
	n, octets := 0, 0
	var changes []kv.Change
	for n < len(f.taken) && n < groupRows {
		c := f.taken[n].change
		octets += len(c.Value.Bytes)
		if n > 0 && octets > groupOctets {
			break
		}
		changes = append(changes, c)
		n++
	}
	if err := f.commit(changes); err != nil {
		return fmt.Errorf("kv/engine: flush: %w", err)
	}
	for i := range f.taken[:n] {
		t := &f.taken[i]
		t.st.mu.Lock()
		if t.c.version == t.version {
			f.r.clean(t.c)
			t.c.stored = t.change.Value.Bytes != nil
		}
		t.st.mu.Unlock()
	}
	left := copy(f.taken, f.taken[n:])
	clear(f.taken[left:])
	f.taken = f.taken[:left]
	f.hand()
	f.flushed.Add(int64(n))
	if f.r.crowded() {
		f.r.sweep(0, cellStripes, true)
	}
	f.look()
	return nil
}

func (f *flusher) commit(changes []kv.Change) error {
	for i := range changes {
		if k := changes[i].Key; f.r.cacheable[k.Prefix] {
			g := f.r.cache.generation(k)
			g.begin()
			defer g.end()
		}
	}
	return f.r.batch.Apply(context.Background(), changes)
}

// giveBack puts what could not be written on the lists again.
func (f *flusher) giveBack() {
	for i := range f.taken {
		t := &f.taken[i]
		t.st.mu.Lock()
		if !t.c.listed {
			f.r.list(t.st, t.c, t.since)
		} else if t.since < t.st.since.Load() {
			t.st.since.Store(t.since)
		}
		t.st.mu.Unlock()
	}
	clear(f.taken)
	f.taken = f.taken[:0]
	f.hand()
}

// look finds out whether writers have to wait, and lets those go on that need not.
func (f *flusher) look() (age time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.r.inflight.Load()
	older := func(s int64) {
		if s != 0 && (oldest == 0 || s < oldest) {
			oldest = s
		}
	}
	for i := range f.r.stripes {
		older(f.r.stripes[i].since.Load())
	}
	older(f.r.inflight.Load()) // again: what left a list meanwhile went there
	if oldest != 0 {
		age = time.Duration(f.r.mono() - oldest)
	}
	f.r.late.Store(age > f.r.limit)
	f.tell()
	return age
}

// watch wishes for passes in time, sweeps, and sleeps while there are no cells.
func (f *flusher) watch() {
	t := time.NewTimer(f.r.tick)
	defer t.Stop()
	next := 0
	for {
		if f.r.dirty.Load() == 0 && f.r.cells.Load() == 0 {
			select {
			case <-f.first:
			case <-f.stop:
				return
			}
		}
		t.Reset(f.r.tick)
		select {
		case <-t.C:
		case <-f.stop:
			return
		}
		age := f.look()
		if (age >= f.r.after || f.r.full()) && f.r.dirty.Load() > 0 && !f.inPass.Load() && f.r.mono() >= f.retry.Load() {
			f.kick()
		}
		step := cellStripes
		if f.r.keep > 0 {
			step = min(int(cellStripes*f.r.tick/f.r.keep)+1, cellStripes)
		}
		f.r.sweep(next, step, f.r.keep < 0)
		next = (next + step) % cellStripes
	}
}

// crowded reports whether there are more clean cells than may be.
func (r *relaxed) crowded() bool {
	return r.cells.Load()-r.dirty.Load() > r.maxRows || r.held.Load()-r.octets.Load() > r.maxOctets
}

// sweep drops clean cells of n stripes that nobody used since the last sweep, or all of them. If
// somebody pins it leaves that to the next one, unless memory is at its bound.
func (r *relaxed) sweep(from, n int, all bool) {
	if !r.pins.TryLock() {
		if !r.crowded() {
			return
		}
		r.pins.Lock()
	}
	defer r.pins.Unlock()
	for i := range n {
		st := &r.stripes[(from+i)%cellStripes]
		st.mu.Lock()
		dropped := false
		for _, c := range st.cells {
			switch {
			case c.dirty:
			case c.used && !all:
				c.used = false
			default:
				r.drop(st, c)
				dropped = true
			}
		}
		if dropped {
			st.drops++
		}
		st.mu.Unlock()
	}
}

// close refuses what comes from now on and writes what was acknowledged. If that cannot be
// written it is lost, and close returns why.
func (r *relaxed) close() error {
	r.closed.Store(true)
	r.barrier()
	r.mu.Lock()
	r.tell()
	r.mu.Unlock()
	err := r.flush(context.Background())
	if err != nil {
		err = errors.Join(err, fmt.Errorf("kv/engine: close: %d relaxed rows are lost", r.dirty.Load()))
	}
	close(r.stop)
	r.ended.Wait()
	r.mu.Lock()
	r.tell()
	r.mu.Unlock()
	return err
}

// beforePurge comes before each step of a purge. Before the first of a round it writes what is dirty,
// so that the purge neither counts an expired row that has long been written anew, nor leaves one
// that expired in memory. That is for the count alone: a cell is written whether or not its old row is
// there. So a purge goes on if nothing can be written; it may make the room that is lacking.
func (r *relaxed) beforePurge(ctx context.Context) {
	if !r.purging.Swap(true) {
		_ = r.flush(ctx) // its error comes from the next flush, too
	}
}

// metrics adds what r counted.
func (r *relaxed) metrics(m *Metrics) {
	m.Dirty = r.dirty.Load()
	m.Flushes, m.FlushedRows, m.FlushErrors = r.flushes.Load(), r.flushed.Load(), r.errors.Load()
}
