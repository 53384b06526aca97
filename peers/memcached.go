package peers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// Memcached is a private memcached on a unix socket. It begins empty.
type Memcached struct {
	*Process
	Socket string // path
	args   []string
	remove func()
}

// StartMemcached starts a memcached that keeps items of up to 2 MiB and evicts when its 64 MiB are
// full. Further arguments go to the program. It returns ErrMissing.
func StartMemcached(ctx context.Context, args ...string) (*Memcached, error) {
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	m := &Memcached{Socket: filepath.Join(dir, "s"), remove: remove}
	m.args = append([]string{"-s", m.Socket, "-I", "2m", "-m", "64", "-t", "2"}, args...)
	if os.Getuid() == 0 {
		m.args = append(m.args, "-u", "root") // it will not be root unless told to
	}
	if err := m.Restart(ctx); err != nil {
		remove()
		return nil, err
	}
	return m, nil
}

// Restart starts the server again on the same socket after Stop or Kill, with nothing in it.
func (m *Memcached) Restart(ctx context.Context) error {
	program, err := Find("memcached")
	if err != nil {
		return err
	}
	m.Process, err = start(ctx, exec.Command(program, m.args...), answers("unix", m.Socket))
	return err
}

// URL is where clients find it.
func (m *Memcached) URL() string { return "unix://" + m.Socket }

// Close ends the server and removes its directory. There is nothing that it could save first.
func (m *Memcached) Close() {
	m.Kill()
	m.remove()
}
