package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrOwned says that another process has the store open.
var ErrOwned = errors.New("store is in use by another process")

// claim makes the folder of the store at name where it is missing, refuses network file systems and
// locks the store for this process. path is name without links, since what SQLite puts beside
// a file is beside the real one.
func claim(name string) (path string, owner *os.File, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", nil, fmt.Errorf("kv/engine: open: %w", err)
	}
	if path, err = resolve(name); err != nil {
		return "", nil, fmt.Errorf("kv/engine: open: %w", err)
	}
	if err := system.local(path); err != nil {
		return "", nil, err
	}
	owner, err = own(path)
	return path, owner, err
}

// resolve returns the absolute path without links of a file that may be missing.
func resolve(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(name)
	if !errors.Is(err, os.ErrNotExist) {
		return path, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(name))
	return filepath.Join(dir, filepath.Base(name)), err
}

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
