package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load reads all segments, cuts a torn end off, and begins a new one: an old segment is
// never appended to.
func (j *Journal) load() error {
	if err := j.removeUnfinished(); err != nil {
		return err
	}
	seqs, err := listSegments(j.dir)
	if err != nil {
		return err
	}
	var broken []*segment
	for i, seq := range seqs {
		s, damaged, err := j.loadSegment(seq, i == len(seqs)-1)
		if err != nil {
			return err
		}
		j.lastSeq = seq
		if s == nil {
			continue
		}
		j.segments = append(j.segments, s)
		if damaged {
			broken = append(broken, s)
		}
	}
	if err := j.rotate(); err != nil {
		return err
	}
	for _, s := range broken {
		if err := os.Link(s.path, s.path+".damaged"); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := j.move(s); err != nil {
			return err
		}
		if err := j.forget(s); err != nil {
			return err
		}
	}
	return j.o.syncFolder(j.dir)
}

// forget removes a segment that nothing is pending in, whatever comes before it.
func (j *Journal) forget(s *segment) error {
	for i, t := range j.segments {
		if t == s {
			j.segments = append(j.segments[:i:i], j.segments[i+1:]...)
			return os.Remove(s.path)
		}
	}
	return nil // pruned already
}

// removeUnfinished removes files that never got their names: nothing was put into them.
func (j *Journal) removeUnfinished() error {
	paths, err := filepath.Glob(filepath.Join(j.dir, "*"+newSuffix))
	if err != nil {
		return err
	}
	for _, p := range paths {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	return nil
}

func listSegments(dir string) ([]uint64, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for _, p := range paths {
		seq, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(p), segmentSuffix), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: no file of a journal has this name", p)
		}
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs, nil
}

// loadSegment takes over what a segment holds, and says whether it is damaged, which
// is an error unless the journal is to be salvaged. It returns nil for a segment
// that was begun and never used, which it removes.
func (j *Journal) loadSegment(seq uint64, last bool) (s *segment, damaged bool, err error) {
	path := segmentPath(j.dir, seq)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err = openSegment(f, seq, last)
	var de *DamagedError
	if errors.As(err, &de) && j.o.Salvage {
		j.o.Logger.Error("journal: damaged file is set aside", slog.Any("err", err))
		return nil, false, os.Rename(path, path+".damaged")
	}
	if err != nil {
		return nil, false, err
	}
	if s == nil {
		return nil, false, os.Remove(path)
	}
	torn := false
	good, err := s.scan(f, j.o.MaxRecord, func(offset, size int64, payload []byte) error {
		return j.replay(s, offset, size, payload)
	}, func(de *DamagedError, tornEnd bool) (goOn bool, err error) {
		if tornEnd && last {
			torn = true
			return false, nil
		}
		damaged = true
		j.o.Logger.Error("journal: damaged", slog.Any("err", de))
		if !j.o.Salvage {
			return false, de
		}
		return true, nil
	})
	if err != nil {
		return nil, false, err
	}
	if torn && !damaged {
		j.o.Logger.Info("journal: a write that was under way is cut off", slog.String("file", path), slog.Int64("octets", s.size-good))
		if err := f.Truncate(good); err != nil {
			return nil, false, err
		}
		s.size = good
	}
	if last {
		// A process that was killed may have left it in the system's memory only. From now on
		// it is relied upon, and it is not the last one any more.
		if err := j.o.syncOld(f); err != nil {
			return nil, false, err
		}
	}
	return s, damaged, nil
}

// replay takes over one record.
func (j *Journal) replay(s *segment, offset, size int64, payload []byte) error {
	var r record
	if err := journalDec.Unmarshal(payload, &r); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if r.First {
		j.unconfirmed.restore(r.Unconfirmed)
	}
	if r.Put != nil {
		n := &ref{serial: r.Put.Serial, seg: s, offset: offset, size: size}
		if old := j.pending[n.serial]; old != nil {
			n.order = old.order
			old.seg.live--
			old.seg.liveBytes -= old.size
		}
		j.addPending(n)
		if !r.Moved {
			for _, p := range r.Put.Plans {
				j.unconfirmed.add(p.ID, time.UnixMilli(r.At))
			}
		}
	}
	for _, serial := range r.Done {
		if old := j.pending[serial]; old != nil {
			delete(j.pending, serial)
			old.seg.live--
			old.seg.liveBytes -= old.size
		}
	}
	for _, id := range r.Confirm {
		j.unconfirmed.remove(id)
	}
	return nil
}
