package local

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// ErrDamagedBlob says that a blob's file is not there or has another length than its
// row says.
var ErrDamagedBlob = errors.New("blob file is damaged")

// blobPath returns where the octets of a blob of an account are: below two hex digits
// a level, under the blob's id and the account's.
func (s *Store) blobPath(account, blob string) string {
	parts := []string{s.blobDir()}
	for i := range s.o.BlobNestedLevels {
		parts = append(parts, blob[2*i:2*i+2])
	}
	return filepath.Join(append(parts, blob+"."+account)...)
}

// putBlob makes the file of a blob and everything about it durable. It links one that
// was written for another account a moment ago, or writes one. The caller holds the
// lock of path.
func (s *Store) putBlob(path string, d digest, raw []byte) error {
	if err := s.checkFree(); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if from, ok := s.links.get(d, int64(len(raw))); ok && from != path && s.link(from, path) {
		s.stats.linked.Add(1)
		return s.syncDirs(dir)
	}
	if err := s.write(path, raw); err != nil {
		return err
	}
	if err := s.syncDirs(dir); err != nil {
		return err
	}
	s.stats.written.Add(1)
	s.links.put(d, path, int64(len(raw)))
	return nil
}

// maxKnownDirs bounds how many directories are remembered as durable: all of two levels.
const maxKnownDirs = 1<<16 + 1<<8

// syncDirs makes the names in a blob directory durable, and its own name and those
// above it, once in the life of the process: whoever made a directory may have ended
// before its name was on disk. They are synced last, since the file system then has
// them in the journal already, together with the file.
func (s *Store) syncDirs(dir string) error {
	if err := syncDir(dir); err != nil {
		return err
	}
	var fresh []string
	for ; dir != s.blobDir() && !s.durable(dir); dir = filepath.Dir(dir) {
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
		fresh = append(fresh, dir)
	}
	if len(fresh) == 0 {
		return nil
	}
	s.dirMu.Lock()
	defer s.dirMu.Unlock()
	if s.dirs == nil || len(s.dirs) >= maxKnownDirs {
		s.dirs = make(map[string]bool)
	}
	for _, d := range fresh {
		s.dirs[d] = true
	}
	return nil
}

// durable says whether the names of a directory and of those above it are on disk.
func (s *Store) durable(dir string) bool {
	s.dirMu.Lock()
	defer s.dirMu.Unlock()
	return s.dirs[dir]
}

// link makes path a name of the file at from. Any failure means that it has to be
// written: the file may be purged, or have as many names as it can have.
func (s *Store) link(from, path string) bool {
	err := os.Link(from, path)
	if errors.Is(err, os.ErrExist) {
		// A file that no row knows; take its place.
		if os.Remove(path) != nil {
			return false
		}
		err = os.Link(from, path)
	}
	return err == nil
}

// write makes the file under a temporary name and gives it its own when it is on disk.
func (s *Store) write(path string, raw []byte) (err error) {
	f, err := os.CreateTemp(s.tempDir(), "blob-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readBlob returns the octets of a file that has to have size octets.
func readBlob(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is not there", ErrDamagedBlob, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != size {
		return nil, fmt.Errorf("%w: %s has %d octets, want %d", ErrDamagedBlob, path, info.Size(), size)
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(f, raw); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamagedBlob, path, err)
	}
	return raw, nil
}

// maxLinks bounds how many files are remembered for links.
const maxLinks = 256

// links remembers the files written last, so that a message for several accounts is
// written once. The zero value is ready.
type links struct {
	mu    sync.Mutex
	paths map[digest]linkable
	order []digest // oldest first
}

type linkable struct {
	path string
	size int64
}

func (l *links) put(d digest, path string, size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paths == nil {
		l.paths = make(map[digest]linkable)
	}
	if _, ok := l.paths[d]; !ok {
		l.order = append(l.order, d)
	}
	l.paths[d] = linkable{path, size}
	if len(l.order) > maxLinks {
		delete(l.paths, l.order[0])
		l.order = l.order[1:]
	}
}

// get returns a file with these octets, if it is still there in full length.
func (l *links) get(d digest, size int64) (path string, ok bool) {
	l.mu.Lock()
	f, ok := l.paths[d]
	l.mu.Unlock()
	if !ok || f.size != size {
		return "", false
	}
	info, err := os.Lstat(f.path)
	return f.path, err == nil && info.Size() == size
}

// sum is the digest of octets.
func sum(raw []byte) digest { return sha256.Sum256(raw) }
