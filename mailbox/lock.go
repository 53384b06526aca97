package mailbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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
		f, err := os.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_, err = f.WriteString(mine)
			if err = errors.Join(err, f.Close()); err != nil {
				return nil, errors.Join(err, os.Remove(lock))
			}
			return func() { _ = os.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if raw, err := os.ReadFile(lock); err == nil && dead(string(raw), host) {
			_ = os.Remove(lock)
			continue
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("%s is held by another program for over %s", lock, wait)
		}
		time.Sleep(50 * time.Millisecond)
	}
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
