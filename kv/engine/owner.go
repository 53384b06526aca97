package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrOwned says that another process has the store open.
var ErrOwned = errors.New("store is in use by another process")

// own locks path.lock for this process, until the returned file is closed or the process
// ends. The file stays behind; only its lock means anything.
func own(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("kv/engine: open: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		who := "unknown"
		if b, err := io.ReadAll(io.LimitReader(f, 20)); err == nil && len(b) > 0 {
			who = strings.TrimSpace(string(b))
		}
		return nil, errors.Join(fmt.Errorf("kv/engine: open: %w: %s (process %s)", ErrOwned, path, who), f.Close())
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("kv/engine: lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}
