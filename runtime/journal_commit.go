package runtime

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
)

// maxBatch bounds the octets that are written before an fsync.
const maxBatch = 64 << 20

// commit is the committer: it writes what waits, in one go, and makes it durable.
func (j *Journal) commit() {
	defer close(j.done)
	for range j.wake {
		for {
			j.mu.Lock()
			batch := j.takeBatch()
			closed := j.closed
			j.mu.Unlock()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			j.commitBatch(batch)
		}
	}
}

// takeBatch takes from the queue what is written together. j.mu is held.
func (j *Journal) takeBatch() []*waiting {
	n, size := 0, 0
	for n < len(j.queue) && (n == 0 || size+len(j.queue[n].record) <= maxBatch) {
		size += len(j.queue[n].record)
		n++
	}
	batch := j.queue[:n:n]
	j.queue = j.queue[n:]
	if len(j.queue) == 0 {
		j.queue = nil
	}
	return batch
}

func (j *Journal) commitBatch(batch []*waiting) {
	refs, err := j.writeBatch(batch)
	j.mu.Lock()
	for i, w := range batch {
		if w.err = err; err == nil {
			j.addPending(refs[i])
			for _, id := range w.ids {
				j.unconfirmed.add(id, w.at)
			}
		}
		w.record = nil
		close(w.done)
	}
	j.mu.Unlock()
}

// addPending notes that r is to be done. j.mu is held.
func (j *Journal) addPending(r *ref) {
	if r.order == 0 {
		j.next++
		r.order = j.next
	}
	j.pending[r.serial] = r
	r.seg.live++
	r.seg.liveBytes += r.size
}

// writeBatch appends the batch to the active segment and makes it durable.
func (j *Journal) writeBatch(batch []*waiting) ([]*ref, error) {
	if err := j.failure(); err != nil {
		return nil, err
	}
	j.wmu.Lock()
	if err := j.room(); err != nil {
		j.wmu.Unlock()
		return nil, err
	}
	seg, start := j.active, j.active.size
	var refs []*ref
	var buf []byte
	for _, w := range batch {
		seg.fillHead(w.record, j.synced)
		refs = append(refs, &ref{serial: w.delivery.Serial, seg: seg, offset: start + int64(len(buf)), size: int64(len(w.record))})
		if len(batch) == 1 {
			buf = w.record
		} else {
			buf = append(buf, w.record...)
		}
	}
	if err := j.append(buf); err != nil {
		j.wmu.Unlock()
		return nil, err
	}
	end := seg.size
	seg.used = true
	j.wmu.Unlock()
	// Notes may be appended while the disk works: they are durable with the next fsync.
	if err := seg.file.Sync(); err != nil {
		return nil, j.fail(fmt.Errorf("fsync %s: %w", seg.path, err))
	}
	j.wmu.Lock()
	if seg == j.active {
		j.synced = max(j.synced, end)
	}
	j.wmu.Unlock()
	return refs, nil
}

// failure returns the disk error that ended the journal, or nil.
func (j *Journal) failure() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failedError()
}

// failedError is failure for who holds j.mu.
func (j *Journal) failedError() error {
	if j.failed != nil {
		return fmt.Errorf("%w: %w", ErrJournalFailed, j.failed)
	}
	return nil
}

// fail notes a disk error after which nothing more is written.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = err
		j.o.Logger.Error("journal: disk error, nothing more is taken", slog.Any("err", err))
	}
	return j.failedError()
}

// append writes b at the end of the active segment. If that fails, the part that was
// written is cut off again: a full disk is then no more than a failed write, and any other
// error ends the journal. j.wmu is held.
func (j *Journal) append(b []byte) error {
	_, err := j.active.file.Write(b)
	if err == nil {
		j.mu.Lock()
		j.active.size += int64(len(b))
		j.mu.Unlock()
		return nil
	}
	err = fmt.Errorf("write %s: %w", j.active.path, err)
	cutErr := j.active.file.Truncate(j.active.size)
	if cutErr == nil {
		_, cutErr = j.active.file.Seek(j.active.size, io.SeekStart)
	}
	if cutErr == nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		return err
	}
	return j.fail(errors.Join(err, cutErr))
}

// note appends a record that need not be durable yet, and removes segments that are
// done with.
func (j *Journal) note(r *record) error {
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	j.wmu.Lock()
	defer j.wmu.Unlock()
	j.mu.Lock()
	err = j.refused()
	j.mu.Unlock()
	if err != nil {
		return err
	}
	j.active.fillHead(b, j.synced)
	if err := j.append(b); err != nil {
		return err
	}
	j.prune()
	return nil
}

// seal makes everything durable and writes one more record behind it, which proves
// that what is in front of it was whole. j.wmu is held.
func (j *Journal) seal() error {
	if err := j.active.file.Sync(); err != nil {
		return err
	}
	j.synced = j.active.size
	b, err := encodeRecord(&record{})
	if err != nil {
		return err
	}
	j.active.fillHead(b, j.synced)
	if err := j.append(b); err != nil {
		return err
	}
	return j.active.file.Sync()
}

// prune removes the oldest segments as long as nothing in them is pending. One in
// the middle stays until those before it are gone: it may hold their Done records. What
// cannot be removed is logged and tried again. j.wmu is held.
func (j *Journal) prune() {
	for {
		j.mu.Lock()
		oldest := j.segments[0]
		if oldest == j.active || oldest.live > 0 {
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		// It leaves the list, and those behind it may go, when it is gone for good: a later
		// one may hold its Done records.
		err := j.o.remove(oldest.path)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			err = j.o.syncFolder(j.dir)
		}
		if err != nil {
			j.o.Logger.Error("journal: a file that is done with cannot be removed", slog.Any("err", err))
			return
		}
		j.mu.Lock()
		j.segments = j.segments[1:]
		j.mu.Unlock()
	}
}
