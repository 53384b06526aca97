package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var (
	// ErrClosed says that the journal was closed.
	ErrClosed = errors.New("journal is closed")
	// ErrJournalFull says that the journal holds too much that is not applied yet.
	ErrJournalFull = errors.New("journal is full")
	// ErrJournalFailed is wrapped by every refusal after a disk error: what is on the
	// disk is uncertain until the journal is opened again.
	ErrJournalFailed = errors.New("journal refuses writes until it is opened again")
	// ErrNewerJournal says that a newer version wrote the journal.
	ErrNewerJournal = errors.New("journal was written by a newer version")
)

// JournalOptions are the bounds of a journal. The zero value works.
type JournalOptions struct {
	SegmentSize    int64         // octets after which a new file begins; 64 MiB
	SegmentAge     time.Duration // age after which the next Put begins a new file; 24 h
	MaxRecord      int           // octets of one delivery; 256 MiB
	MaxBytes       int64         // octets of all segments before Put fails with ErrJournalFull; 8 GiB
	MaxSegments    int           // files before what is pending in the oldest moves to the newest; 8
	ConfirmWithin  time.Duration // how long a peer may take to come back for its answer; 5 days
	MaxUnconfirmed int           // how many ids wait for that, the oldest go first; 100,000
	// Salvage opens a damaged journal: what can be read is taken, the damaged file is
	// kept with .damaged behind its name.
	Salvage bool
	Now     func() time.Time
	Logger  *slog.Logger

	// create opens a new segment, syncFolder makes names durable, syncOld what a file of
	// an earlier process holds, and remove removes a file; tests put broken and fast disks
	// in their place.
	create     func(path string) (segmentFile, error)
	syncFolder func(dir string) error
	syncOld    func(f *os.File) error
	remove     func(path string) error
}

func (o JournalOptions) withDefaults() JournalOptions {
	if o.SegmentSize == 0 {
		o.SegmentSize = 64 << 20
	}
	if o.SegmentAge == 0 {
		o.SegmentAge = 24 * time.Hour
	}
	if o.MaxRecord == 0 {
		o.MaxRecord = 256 << 20
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 30
	}
	if o.MaxSegments == 0 {
		o.MaxSegments = 8
	}
	if o.ConfirmWithin == 0 {
		o.ConfirmWithin = 5 * 24 * time.Hour
	}
	if o.MaxUnconfirmed == 0 {
		o.MaxUnconfirmed = 100_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.create == nil {
		o.create = createSegment
	}
	if o.syncFolder == nil {
		o.syncFolder = syncFolder
	}
	if o.syncOld == nil {
		o.syncOld = (*os.File).Sync
	}
	if o.remove == nil {
		o.remove = os.Remove
	}
	return o
}

// Journal holds what was promised and not done yet: deliveries whose 250 was or is
// about to be given. It is a folder of append-only files:
//
//	Put ──► queue ──► one write, one fsync ──► Put returns      (group commit)
//	Done, Confirm ──► written at once, durable with the next fsync
//	segment ──► removed when all that is in it, and in those before it, is done
//
// What Put returned for survives a crash at any moment. A Done or Confirm that a crash
// takes back only means that a delivery is applied again, which does nothing, or that
// a repeat is suppressed. The octets of a message are stored once for all
// its recipients. A torn end is cut off when the journal is opened; damage to what was
// durable is a *DamagedError.
//
// Many goroutines may use a Journal; one process may have it open.
type Journal struct {
	dir  string
	o    JournalOptions
	lock *os.File

	// wmu guards the files: who holds it may append. It is taken before mu.
	wmu      sync.Mutex
	active   *segment
	synced   int64 // octets of the active segment that are durable
	lastSeq  uint64
	segments []*segment // oldest first, the active one last; guarded by mu too where read only

	mu          sync.Mutex
	queue       []*waiting
	pending     map[string]*ref
	next        uint64 // order of the next pending delivery
	unconfirmed unconfirmed
	failed      error
	closed      bool

	wake chan struct{} // holds one; the committer looks at the queue
	done chan struct{} // closed when the committer is gone
}

// ref is where a pending delivery lies.
type ref struct {
	serial string
	order  uint64
	seg    *segment
	offset int64
	size   int64
}

// waiting is a Put that waits for its fsync.
type waiting struct {
	delivery *Delivery
	ids      []string
	record   []byte // with room for its head
	at       time.Time
	err      error
	done     chan struct{}
}

// OpenJournal opens the journal in dir, which is made if it is not there. Damage that
// is no torn end is a *DamagedError, unless o.Salvage is set.
func OpenJournal(dir string, o JournalOptions) (*Journal, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("runtime: journal: %w", err)
	}
	lock, err := lockFolder(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("runtime: journal: %w", err)
	}
	j := &Journal{
		dir: dir, o: o, lock: lock,
		pending:     map[string]*ref{},
		unconfirmed: newUnconfirmed(o.ConfirmWithin, o.MaxUnconfirmed),
		wake:        make(chan struct{}, 1),
		done:        make(chan struct{}),
	}
	if err := j.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("runtime: journal: open %s: %w", dir, err), lock.Close())
	}
	go j.commit()
	return j, nil
}

// Put makes d durable and gives it its Serial. When it returns nil, d will be applied
// whatever happens; when it returns an error, d will not be, except where the disk
// failed in a way that leaves it open (ErrJournalFailed).
//
// When ctx ends first, Put returns only if nothing was written yet.
func (j *Journal) Put(ctx context.Context, d *Delivery) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("runtime: journal: put: %w", err)
	}
	d.Serial = newSerial(j.o.Now())
	w := &waiting{delivery: d, at: j.o.Now(), done: make(chan struct{})}
	for _, p := range d.Plans {
		w.ids = append(w.ids, p.ID)
	}
	var err error
	if w.record, err = encodeRecord(&record{Put: d, At: w.at.UnixMilli()}); err != nil {
		return fmt.Errorf("runtime: journal: put: %w", err)
	}
	if len(w.record) > j.o.MaxRecord {
		return fmt.Errorf("runtime: journal: put: delivery of %d octets is over %d: %w", len(w.record), j.o.MaxRecord, ErrTooLarge)
	}
	j.mu.Lock()
	if err := j.refused(); err != nil {
		j.mu.Unlock()
		return fmt.Errorf("runtime: journal: put: %w", err)
	}
	j.queue = append(j.queue, w)
	j.mu.Unlock()
	j.kick()
	select {
	case <-w.done:
	case <-ctx.Done():
		if j.withdraw(w) {
			return fmt.Errorf("runtime: journal: put: %w", ctx.Err())
		}
		<-w.done
	}
	if w.err != nil {
		return fmt.Errorf("runtime: journal: put: %w", w.err)
	}
	return nil
}

// withdraw takes w out of the queue, and says whether it was still there.
func (j *Journal) withdraw(w *waiting) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, q := range j.queue {
		if q == w {
			j.queue = append(j.queue[:i:i], j.queue[i+1:]...)
			return true
		}
	}
	return false
}

// refused returns why nothing may be written. j.mu is held.
func (j *Journal) refused() error {
	if j.closed {
		return ErrClosed
	}
	return j.failedError()
}

func (j *Journal) kick() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Done says that everything d promised is done and durable elsewhere. A serial that is
// not pending is no error.
func (j *Journal) Done(serial string) error {
	j.mu.Lock()
	if err := j.refused(); err != nil {
		j.mu.Unlock()
		return fmt.Errorf("runtime: journal: done: %w", err)
	}
	r := j.pending[serial]
	if r != nil {
		delete(j.pending, serial)
		r.seg.live--
		r.seg.liveBytes -= r.size
	}
	j.mu.Unlock()
	if r == nil {
		return nil
	}
	if err := j.note(&record{Done: []string{serial}}); err != nil {
		return fmt.Errorf("runtime: journal: done: %w", err)
	}
	return nil
}

// Unconfirmed says whether a delivery with this id was journalled and its answer may
// not have reached the peer: the same again is then a repeat.
func (j *Journal) Unconfirmed(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.unconfirmed.has(id, j.o.Now())
}

// Confirm says that the peer knows the answers of these deliveries, since it went on:
// the same again is from now on a new delivery.
func (j *Journal) Confirm(ids ...string) error {
	j.mu.Lock()
	var gone []string
	for _, id := range ids {
		if j.unconfirmed.remove(id) {
			gone = append(gone, id)
		}
	}
	j.mu.Unlock()
	if gone == nil {
		return nil
	}
	if err := j.note(&record{Confirm: gone}); err != nil {
		return fmt.Errorf("runtime: journal: confirm: %w", err)
	}
	return nil
}

// Pending returns the deliveries that are not done, oldest first. It reads them from
// the disk, all of them into memory; where there may be many, range over All.
func (j *Journal) Pending() []*Delivery {
	var out []*Delivery
	for d := range j.All() {
		out = append(out, d)
	}
	return out
}

// All ranges over the deliveries that are not done when it is called, oldest first, and
// holds one at a time. One that cannot be read is logged and left out, and stays pending.
func (j *Journal) All() iter.Seq[*Delivery] {
	return func(yield func(*Delivery) bool) {
		for _, serial := range j.serials() {
			d, err := j.read(serial)
			if err != nil {
				j.o.Logger.Error("journal: pending delivery cannot be read", slog.Any("err", err))
				continue
			}
			if d != nil && !yield(d) {
				return
			}
		}
	}
}

// Get returns a pending delivery, nil if it is not pending (any more).
func (j *Journal) Get(serial string) (*Delivery, error) {
	d, err := j.read(serial)
	if err != nil {
		return nil, fmt.Errorf("runtime: journal: get: %w", err)
	}
	return d, nil
}

// Err returns the disk error after which nothing more is taken (ErrJournalFailed), nil as
// long as there was none. Only opening the journal again ends it.
func (j *Journal) Err() error { return j.failure() }

// keepKeys is how long a Target remembers its keys at least. A Done that is taken back by a
// power loss is minutes old, a segment with Dones that a full disk kept from being
// written days.
const keepKeys = 30 * 24 * time.Hour

// KeepKeys returns how long the ActionKeys of what was applied have to be remembered: 30
// days, and a day more than the age of the oldest delivery that is pending, since of that
// one everything may be asked for again. Forgetting keys that are younger can double mail.
func (j *Journal) KeepKeys() time.Duration {
	now := j.o.Now()
	keep := keepKeys
	j.mu.Lock()
	defer j.mu.Unlock()
	for serial := range j.pending {
		keep = max(keep, now.Sub(serialTime(serial))+24*time.Hour)
	}
	return keep
}

// JournalStats are the journal's numbers of the moment.
type JournalStats struct {
	Pending     int
	Unconfirmed int
	Segments    int
	Octets      int64
}

// Stats returns how much the journal holds.
func (j *Journal) Stats() JournalStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := JournalStats{Pending: len(j.pending), Unconfirmed: j.unconfirmed.len(), Segments: len(j.segments)}
	for _, seg := range j.segments {
		s.Octets += seg.size
	}
	return s
}

// Close waits for the Puts that are under way, makes everything durable and releases
// the folder.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	j.kick()
	<-j.done
	j.wmu.Lock()
	defer j.wmu.Unlock()
	var err error
	if j.failure() == nil {
		err = j.seal()
	}
	if err = errors.Join(err, j.active.file.Close(), j.lock.Close()); err != nil {
		return fmt.Errorf("runtime: journal: close: %w", err)
	}
	return nil
}

// newSerial returns a name that is unique for ever: the time and 80 random bits, so that
// even a lost journal gives none twice. Serials sort by time.
func newSerial(now time.Time) string {
	var b [16]byte
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	_, _ = rand.Read(b[6:]) // never fails
	return hex.EncodeToString(b[:])
}

// serialTime returns the time in a serial; now for one that is none of ours.
func serialTime(serial string) time.Time {
	b, err := hex.DecodeString(serial)
	if err != nil || len(b) != 16 {
		return time.Now()
	}
	var ms uint64
	for _, c := range b[:6] {
		ms = ms<<8 | uint64(c)
	}
	return time.UnixMilli(int64(ms))
}
