package peers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MariaDB is a private MariaDB server with a database named sluice, on a unix socket alone. Root needs no password.
// It is used by one goroutine at a time.
type MariaDB struct {
	*Process
	dir    string
	client string // the mariadb program
	server string
	args   []string
	remove func()
}

// mariadbName is the database that tests work in.
const mariadbName = "sluice"

// StartMariaDB makes a data directory and starts a server on it. args are added to the server's command line,
// such as "--max-allowed-packet=512K". Commits are as durable as a real server's.
func StartMariaDB(ctx context.Context, args ...string) (*MariaDB, error) {
	m := &MariaDB{args: args}
	install, err := Find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	if m.server, err = Find("mariadbd"); err != nil {
		return nil, err
	}
	if m.client, err = Find("mariadb"); err != nil {
		return nil, err
	}
	if m.dir, m.remove, err = Dir(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, install, append([]string{"--no-defaults"},
		append(m.common(), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.remove()
		return nil, fmt.Errorf("peers: mariadb-install-db: %w\n%s", err, out)
	}
	if err := m.Start(ctx); err != nil {
		m.remove()
		return nil, err
	}
	return m, nil
}

// common are the settings that the data directory and the server have in common.
func (m *MariaDB) common() []string {
	args := []string{"--datadir=" + filepath.Join(m.dir, "data"), "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M"}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

// Start starts the server on what the directory holds: after Stop or Kill it goes on there.
func (m *MariaDB) Start(ctx context.Context) error {
	args := append([]string{"--no-defaults"}, m.common()...)
	args = append(args, "--skip-networking", "--skip-log-bin", "--performance-schema=OFF", "--socket="+m.Socket(),
		"--pid-file="+filepath.Join(m.dir, "pid"), "--tmpdir="+m.dir)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), m.server, append(args, m.args...)...)
	cmd.Dir = m.dir
	p, err := start(ctx, cmd, func(ctx context.Context) error {
		return m.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+mariadbName)
	})
	if err != nil {
		return err
	}
	m.Process = p
	return nil
}

// Exec runs statements as root. A read-only server obeys, too.
func (m *MariaDB) Exec(ctx context.Context, statements string) error {
	cmd := exec.CommandContext(ctx, m.client, "--no-defaults", "--socket="+m.Socket(), "--user=root", "--batch")
	cmd.Stdin = strings.NewReader(statements)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("peers: mariadb: %w: %s", err, out)
	}
	return nil
}

// Socket is the path of the server's unix socket.
func (m *MariaDB) Socket() string { return filepath.Join(m.dir, "s") }

// URL is where root finds the database.
func (m *MariaDB) URL() string { return m.URLOf("root") }

// URLOf is where user finds the database.
func (m *MariaDB) URLOf(user string) string {
	return "mysql://" + user + "@localhost/" + mariadbName + "?socket=" + m.Socket()
}

// Remove ends the server and takes its files away.
func (m *MariaDB) Remove() {
	m.Kill()
	m.remove()
}
