package mailbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// swap is a file that takes the place of another one.
type swap struct {
	Path   octets `json:"path"`             // of the mailbox
	New    octets `json:"new"`              // what takes its place
	Backup octets `json:"backup,omitempty"` // where what was there is kept; "": nothing was
	// Size and Sum are the length and hash of what was there when New was made. What has come
	// behind it since is taken over.
	Size int64  `json:"size"`
	Sum  string `json:"sum"`
	// NewSize and NewSum are those of New.
	NewSize int64  `json:"new_size"`
	NewSum  string `json:"new_sum"`
}

// do puts the new file in place. It may be repeated.
func (s *swap) do() error {
	if _, err := os.Lstat(string(s.New)); errors.Is(err, fs.ErrNotExist) {
		return nil // it is in place
	}
	if s.Backup != "" {
		if err := takeOver(string(s.Path), s.Size, s.Sum, string(s.New), s.NewSize); err != nil {
			return err
		}
		err := os.Link(string(s.Path), string(s.Backup))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := syncDir(filepath.Dir(string(s.Backup))); err != nil {
			return err
		}
	} else if _, err := os.Lstat(string(s.Path)); err == nil {
		return errors.New("another program has made the mailbox meanwhile; nothing of it was written over")
	}
	if err := os.Rename(string(s.New), string(s.Path)); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(string(s.Path))), syncDir(filepath.Dir(string(s.New))))
}

// takeOver cuts the file to at a length and appends what stands in the mailbox at path behind its
// first octets, of which the hash must be sum. It may be repeated.
func takeOver(path string, size int64, sum, to string, length int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, size))
	if err != nil {
		return err
	}
	if n < size || hex.EncodeToString(h.Sum(nil)) != sum {
		return errors.New("another program has changed the mailbox; nothing of it was written over")
	}
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err = w.Truncate(length); err == nil {
		if _, err = io.Copy(w, f); err == nil {
			err = w.Sync()
		}
	}
	return errors.Join(err, w.Close())
}

// undo puts the old file back, behind it the mail that came since. It may be repeated.
func (s *swap) undo() (did bool, err error) {
	path, old := string(s.Path), string(s.Backup)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && old == "" {
		return false, nil
	}
	unlock, err := lockMbox(path)
	if err != nil {
		return false, err
	}
	defer func() {
		unlock()
		if s.Backup == "" {
			_ = os.Remove(filepath.Dir(path)) // if the run made it: there is nothing else in it
		}
	}()
	if _, err := os.Lstat(string(s.New)); err == nil {
		return false, nil // it never took its place
	}
	if _, err := os.Lstat(old); old != "" && errors.Is(err, fs.ErrNotExist) {
		return false, nil // it is back
	}
	if old == "" {
		old = string(s.New) + ".undo"
	}
	if err := takeOver(path, s.NewSize, s.NewSum, old, s.Size); err != nil {
		return false, fmt.Errorf("%w; what it was before is in %s", err, old)
	}
	if info, err := os.Stat(old); s.Backup == "" && err == nil && info.Size() == 0 {
		return true, errors.Join(os.Remove(path), os.Remove(old))
	}
	return true, errors.Join(os.Rename(old, path), syncDir(filepath.Dir(path)))
}

// lockMbox locks an mbox as mail programs do: with a lock file beside it, where this user may make
// one, and with fcntl where there is a file.
func lockMbox(path string) (unlock func(), err error) {
	dot, err := dotLock(path, lockTime)
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		dot = func() {} // such as in /var/mail, for users
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return dot, nil
		}
		dot()
		return nil, err
	}
	for until := time.Now().Add(lockTime); ; {
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) || time.Now().After(until) {
			dot()
			return nil, errors.Join(fmt.Errorf("%s is locked by another program: %w", path, err), f.Close())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return func() { _ = f.Close(); dot() }, nil
}
