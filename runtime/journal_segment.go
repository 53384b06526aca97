package runtime

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A segment begins with a head: the version, a random marker, and a CRC of both. A record is
//
//	marker[8] length[4] synced[8] crc[4] payload[length]
//
// The marker is secret, so that no message can look like a record. synced is how much of the
// segment was durable when the record was written: a record whose synced lies behind
// a broken place proves that the place was once whole and is damaged; without such a
// record it is the torn end of a write that nobody was told of.
const (
	segmentMagic   = "sluicej"
	segmentVersion = '1'
	segmentHead    = len(segmentMagic) + 1 + markerSize + 4
	markerSize     = 8
	recordHead     = markerSize + 4 + 8 + 4
	segmentSuffix  = ".journal"
	newSuffix      = segmentSuffix + ".new" // of a file that is not durable yet
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentFile is what a journal does to a file.
type segmentFile interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Close() error
}

// segment is one file of a journal.
type segment struct {
	seq    uint64
	path   string
	marker [markerSize]byte
	file   segmentFile // nil unless active
	size   int64
	begun  time.Time // of the active one
	used   bool      // something was put into the active one
	// live counts the pending deliveries that lie here, and their octets. Guarded by
	// Journal.mu.
	live      int
	liveBytes int64
}

// record is the payload of a record; one of its fields is set.
type record struct {
	Put *Delivery `cbor:"p,omitempty"`
	// Moved says that Put was here before: its ids are not unconfirmed anew.
	Moved       bool             `cbor:"m,omitempty"`
	At          int64            `cbor:"a,omitempty"` // unix milliseconds, of a Put
	Done        []string         `cbor:"d,omitempty"`
	Confirm     []string         `cbor:"c,omitempty"`
	Unconfirmed map[string]int64 `cbor:"u,omitempty"` // the whole set; id to unix milliseconds
	First       bool             `cbor:"f,omitempty"` // the first of a segment, with Unconfirmed
}

// DamagedError says that something that was durable can no longer be read.
type DamagedError struct {
	File   string
	Offset int64
	What   string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: damaged at offset %d: %s", e.File, e.Offset, e.What)
}

var (
	// journalEnc and journalDec carry Go structs: times to the nanosecond.
	journalEnc = must(cbor.EncOptions{Time: cbor.TimeRFC3339Nano, Sort: cbor.SortNone}.UserBufferEncMode())
	journalDec = must(cbor.DecOptions{
		IntDec: cbor.IntDecConvertSignedOrFail, UTF8: cbor.UTF8DecodeInvalid, DefaultMapType: valueMap,
		MaxNestedLevels: 64, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
	}.DecMode())
)

// encodeStruct returns v, a Go struct of this package, in CBOR.
func encodeStruct(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := journalEnc.MarshalToBuffer(v, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// encodeRecord returns r with room for its head in front.
func encodeRecord(r *record) ([]byte, error) {
	var b bytes.Buffer
	size := recordHead + 512
	if r.Put != nil {
		size += len(r.Put.Raw) + 256*len(r.Put.Plans)
	}
	b.Grow(size)
	b.Write(make([]byte, recordHead))
	if err := journalEnc.MarshalToBuffer(r, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// fillHead completes a record for this segment.
func (s *segment) fillHead(b []byte, synced int64) {
	copy(b, s.marker[:])
	binary.LittleEndian.PutUint32(b[markerSize:], uint32(len(b)-recordHead))
	binary.LittleEndian.PutUint64(b[markerSize+4:], uint64(synced))
	binary.LittleEndian.PutUint32(b[markerSize+12:], checksum(b))
}

// checksum covers all of a record but the marker and itself.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[markerSize:markerSize+12], castagnoli), castagnoli, b[recordHead:])
}

func segmentPath(dir string, seq uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", seq, segmentSuffix))
}

// createSegment is JournalOptions.create of real disks.
func createSegment(path string) (segmentFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// newSegment makes a file with its head, not durable and under a name of its own yet.
func newSegment(o *JournalOptions, dir string, seq uint64) (*segment, error) {
	s := &segment{seq: seq, path: strings.TrimSuffix(segmentPath(dir, seq), segmentSuffix) + newSuffix, size: int64(segmentHead), begun: o.Now()}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // a crash or a full disk left it
	}
	_, _ = rand.Read(s.marker[:]) // never fails
	f, err := o.create(s.path)
	if err != nil {
		return nil, err
	}
	s.file = f
	head := append([]byte(segmentMagic), segmentVersion)
	head = append(head, s.marker[:]...)
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	if _, err := f.Write(head); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(s.path))
	}
	return s, nil
}

// openSegment reads a segment's head. It returns nil for a last segment that was never
// finished.
func openSegment(f *os.File, seq uint64, last bool) (*segment, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, segmentHead)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	crcAt := segmentHead - 4
	whole := n == segmentHead && binary.LittleEndian.Uint32(head[crcAt:]) == crc32.Checksum(head[:crcAt], castagnoli)
	switch {
	case whole && strings.HasPrefix(string(head), segmentMagic) && head[len(segmentMagic)] == segmentVersion:
		s := &segment{seq: seq, path: f.Name(), size: info.Size()}
		copy(s.marker[:], head[len(segmentMagic)+1:])
		return s, nil
	case whole && strings.HasPrefix(string(head), segmentMagic):
		return nil, fmt.Errorf("%s: version %c, this is %c: %w", f.Name(), head[len(segmentMagic)], segmentVersion, ErrNewerJournal)
	case last && info.Size() <= int64(segmentHead):
		return nil, nil
	}
	return nil, &DamagedError{File: f.Name(), What: "this is not the head of a journal file"}
}

// scan calls fn with each record of the segment, and returns the offset behind the last
// whole one. What is broken is passed to damaged, with whether it is a torn end only; scan
// goes on with what is whole behind it if damaged says so.
func (s *segment) scan(r io.ReaderAt, maxRecord int, fn func(offset, size int64, payload []byte) error, damaged func(de *DamagedError, torn bool) (goOn bool, err error)) (int64, error) {
	offset, good := int64(segmentHead), int64(segmentHead)
	for offset < s.size {
		payload, _, what := s.recordAt(r, offset, maxRecord)
		if what == "" {
			size := int64(recordHead + len(payload))
			if err := fn(offset, size, payload); err != nil {
				return good, &DamagedError{File: s.path, Offset: offset, What: err.Error()}
			}
			offset += size
			good = offset
			continue
		}
		next, proof, err := s.after(r, offset, maxRecord)
		if err != nil {
			return good, err
		}
		goOn, err := damaged(&DamagedError{File: s.path, Offset: offset, What: what}, !proof)
		if err != nil || !goOn || next < 0 {
			return good, err
		}
		offset = next
	}
	return good, nil
}

// recordAt reads the record at offset, or says what is wrong with it.
func (s *segment) recordAt(r io.ReaderAt, offset int64, maxRecord int) (payload []byte, synced int64, what string) {
	var head [recordHead]byte
	if _, err := r.ReadAt(head[:], offset); err != nil {
		return nil, 0, "record ends within its head"
	}
	if !bytes.Equal(head[:markerSize], s.marker[:]) {
		return nil, 0, "no record begins here"
	}
	n := int64(binary.LittleEndian.Uint32(head[markerSize:]))
	if n > int64(maxRecord) || offset+recordHead+n > s.size {
		return nil, 0, fmt.Sprintf("record of %d octets ends behind the file", n)
	}
	b := make([]byte, recordHead+n)
	if _, err := r.ReadAt(b, offset); err != nil {
		return nil, 0, err.Error()
	}
	if checksum(b) != binary.LittleEndian.Uint32(b[markerSize+12:]) {
		return nil, 0, "checksum does not match"
	}
	return b[recordHead:], int64(binary.LittleEndian.Uint64(b[markerSize+4:])), ""
}

// after looks for whole records behind a broken place: it returns the offset of the first,
// or -1, and whether one of them proves that the place was durable.
func (s *segment) after(r io.ReaderAt, broken int64, maxRecord int) (first int64, proof bool, err error) {
	first = -1
	const window = 1 << 20
	buf := make([]byte, window)
	for at := broken + 1; at < s.size; {
		n, err := r.ReadAt(buf[:min(window, s.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return first, proof, err
		}
		i := bytes.Index(buf[:n], s.marker[:])
		if i < 0 {
			at += max(int64(n)-markerSize+1, 1)
			continue
		}
		at += int64(i)
		payload, synced, what := s.recordAt(r, at, maxRecord)
		if what != "" {
			at++
			continue
		}
		if first < 0 {
			first = at
		}
		if synced > broken {
			return first, true, nil
		}
		at += int64(recordHead + len(payload))
	}
	return first, proof, nil
}
