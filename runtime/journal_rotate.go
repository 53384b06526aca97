package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sort"
)

// room makes sure that the active segment may grow: when it is full the next one
// begins. j.wmu is held.
func (j *Journal) room() error {
	j.mu.Lock()
	var total int64
	for _, s := range j.segments {
		total += s.size
	}
	j.mu.Unlock()
	// A clock that was set back makes a file live longer, which harms nothing.
	old := j.active.used && j.o.Now().Sub(j.active.begun) >= j.o.SegmentAge
	if old || j.active.size >= j.o.SegmentSize {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	if total >= j.o.MaxBytes {
		return fmt.Errorf("%w: %d octets", ErrJournalFull, total)
	}
	return nil
}

// rotate begins a new segment, whose first record holds the unconfirmed ids, and
// makes both the old and the new one durable. If that fails the old one stays active.
// j.wmu is held.
func (j *Journal) rotate() error {
	if j.active != nil {
		if err := j.active.file.Sync(); err != nil {
			return j.fail(fmt.Errorf("fsync %s: %w", j.active.path, err))
		}
		j.synced = j.active.size
	}
	s, err := newSegment(&j.o, j.dir, j.lastSeq+1)
	if err != nil {
		return err
	}
	drop := func(err error) error { return errors.Join(err, s.file.Close(), os.Remove(s.path)) }
	j.mu.Lock()
	first := &record{First: true, Unconfirmed: j.unconfirmed.snapshot(j.o.Now())}
	j.mu.Unlock()
	b, err := encodeRecord(first)
	if err != nil {
		return drop(err)
	}
	s.fillHead(b, 0)
	if _, err := s.file.Write(b); err != nil {
		return drop(err)
	}
	s.size += int64(len(b))
	// It gets its name when it is on the disk: a file of that name is whole or damaged.
	if err := s.file.Sync(); err != nil {
		return j.fail(fmt.Errorf("fsync %s: %w", s.path, err))
	}
	final := segmentPath(j.dir, s.seq)
	if err := os.Rename(s.path, final); err != nil {
		return drop(err)
	}
	s.path = final
	if err := j.o.syncFolder(j.dir); err != nil {
		return j.fail(fmt.Errorf("fsync %s: %w", s.path, err))
	}
	old := j.active
	j.mu.Lock()
	j.segments = append(j.segments, s)
	j.mu.Unlock()
	j.active, j.synced, j.lastSeq = s, s.size, s.seq
	if old != nil {
		if err := old.file.Close(); err != nil { // it was synced before
			j.o.Logger.Error("journal: close", slog.Any("err", err))
		}
	}
	j.prune()
	if s := j.worthMoving(); s != nil {
		if err := j.move(s); err != nil { // no reason to refuse what is to be put now
			j.o.Logger.Error("journal: what is pending in an old file cannot be moved", slog.Any("err", err))
		}
	}
	return nil
}

// worthMoving returns the oldest segment if there are too many, and what is pending in it
// is little beside what could be freed.
func (j *Journal) worthMoving() *segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) <= j.o.MaxSegments {
		return nil
	}
	var dead int64
	for _, s := range j.segments {
		dead += s.size - s.liveBytes
	}
	if oldest := j.segments[0]; oldest.liveBytes < max(j.o.SegmentSize, dead)/2 {
		return oldest
	}
	return nil
}

// move writes what is pending in s to the active segment once more, so that s and those
// that wait for it can go: one delivery that cannot be applied for days must not keep
// everything that came after it. j.wmu is held.
func (j *Journal) move(s *segment) error {
	var moved []*ref
	for _, serial := range j.serials() {
		j.mu.Lock()
		r := j.pending[serial]
		j.mu.Unlock()
		if r == nil || r.seg != s {
			continue
		}
		d, err := j.read(serial)
		if err != nil {
			return err
		}
		if d == nil {
			continue // done meanwhile
		}
		b, err := encodeRecord(&record{Put: d, Moved: true})
		if err != nil {
			return err
		}
		j.active.fillHead(b, j.synced)
		at := j.active.size
		if err := j.append(b); err != nil {
			return err
		}
		moved = append(moved, &ref{serial: serial, order: r.order, seg: j.active, offset: at, size: int64(len(b))})
	}
	if err := j.active.file.Sync(); err != nil {
		return j.fail(fmt.Errorf("fsync %s: %w", j.active.path, err))
	}
	j.synced = j.active.size
	var done []string
	j.mu.Lock()
	for _, r := range moved {
		old := j.pending[r.serial]
		if old == nil { // its Done may lie in front of the copy
			done = append(done, r.serial)
			continue
		}
		old.seg.live--
		old.seg.liveBytes -= old.size
		j.addPending(r)
	}
	j.mu.Unlock()
	if done != nil {
		b, err := encodeRecord(&record{Done: done})
		if err != nil {
			return err
		}
		j.active.fillHead(b, j.synced)
		if err := j.append(b); err != nil {
			return err
		}
	}
	j.prune()
	return nil
}

// serials returns what is pending, oldest first.
func (j *Journal) serials() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	refs := make([]*ref, 0, len(j.pending))
	for _, r := range j.pending {
		refs = append(refs, r)
	}
	sort.Slice(refs, func(a, b int) bool { return refs[a].order < refs[b].order })
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.serial
	}
	return out
}

// read returns a pending delivery, or nil if it is done meanwhile.
func (j *Journal) read(serial string) (*Delivery, error) {
	for range 3 { // it may move to another segment meanwhile
		j.mu.Lock()
		r := j.pending[serial]
		var at ref
		var seg segment
		if r != nil {
			at, seg = *r, *r.seg
		}
		j.mu.Unlock()
		if r == nil {
			return nil, nil
		}
		d, err := readDelivery(&seg, at.offset, j.o.MaxRecord)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		return d, err
	}
	return nil, nil
}

func readDelivery(s *segment, offset int64, maxRecord int) (*Delivery, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	payload, _, what := s.recordAt(f, offset, maxRecord)
	if what != "" {
		return nil, &DamagedError{File: s.path, Offset: offset, What: what}
	}
	var r record
	if err := journalDec.Unmarshal(payload, &r); err != nil {
		return nil, &DamagedError{File: s.path, Offset: offset, What: err.Error()}
	}
	return r.Put, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
