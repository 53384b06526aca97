package mailbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dotLock takes the lock file path.lock, as mail programs do, and returns what gives it up.
// A lock of a process of this machine that is not there any more is taken over.
func dotLock(path string, wait time.Duration) (unlock func(), err error) {
	lock := path + ".lock"
	host, _ := os.Hostname()
	mine := fmt.Sprintf("%d:%s", os.Getpid(), host)
	until := time.Now().Add(wait)
	for {
		err := makeLock(lock, mine)
		if err == nil {
			return func() { _ = os.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if stale(lock, host) {
			_ = os.Remove(lock)
			continue
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("%s is held by another program for over %s", lock, wait)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// makeLock makes a lock file that says from the start who holds it; there may be none.
func makeLock(lock, holder string) error {
	fd, err := unix.Open(filepath.Dir(lock), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		f, err := os.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // such as on NFS
		if err != nil {
			return err
		}
		_, err = f.WriteString(holder)
		return errors.Join(err, f.Close())
	}
	if err != nil {
		return wrapPath("open", filepath.Dir(lock), err)
	}
	defer closeFD(fd)
	if _, err := unix.Write(fd, []byte(holder)); err != nil {
		return wrapPath("write", lock, err)
	}
	return wrapPath("link", lock, unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, lock, unix.AT_SYMLINK_FOLLOW))
}

// maxLocked is the age from which on a lock is taken for one that was left behind.
const maxLocked = 15 * time.Minute

// stale says whether the holder of a lock is not there any more.
func stale(lock, host string) bool {
	if info, err := os.Lstat(lock); err == nil && time.Since(info.ModTime()) > maxLocked {
		return true
	}
	raw, err := os.ReadFile(lock)
	return err == nil && dead(string(raw), host)
}

// dead says whether the holder of a lock was a process of this machine that has ended.
func dead(holder, host string) bool {
	pid, at, ok := strings.Cut(strings.TrimSpace(holder), ":")
	n, err := strconv.Atoi(pid)
	return ok && at == host && err == nil && n > 1 && errors.Is(unix.Kill(n, 0), unix.ESRCH)
}

// ErrBusy says that another run changes the same mailbox now.
var ErrBusy = errors.New("another sluice filter is changing this mailbox")

// fileLock takes a lock that ends with the process.
func fileLock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
