package peers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// PostgresOptions say how a cluster is made. The zero value is the fastest one that is not safe from a power failure.
type PostgresOptions struct {
	// Password makes every connection prove that it knows it (scram-sha-256); empty lets everybody in.
	Password string
	// Fsync makes commits durable, as a real server does.
	Fsync bool
	// Certificate and Key, both PEM, let the server listen on loopback too, with TLS.
	Certificate, Key []byte
	// Settings are added to the server's command line, such as "max_connections=5".
	Settings []string
}

// Postgres is a private PostgreSQL cluster with one database and one user, both named sluice, on a unix
// socket. It is used by one goroutine at a time.
//
// Its server processes are process groups of their own, so it stops, pauses and kills them one by one.
type Postgres struct {
	o       PostgresOptions
	bin     string // directory of the programs
	dir     string // of the socket and the data
	port    int
	account *syscall.Credential
	process *Process
}

// postgresUser is the owner of the database.
const postgresUser = "sluice"

// StartPostgres makes a cluster and starts its server.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	program, err := Find("postgres", "/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return nil, err
	}
	if program, err = filepath.EvalSymlinks(program); err != nil { // the other programs are beside it
		return nil, fmt.Errorf("peers: postgres: %w", err)
	}
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	p := &Postgres{o: o, bin: filepath.Dir(program), dir: dir, port: 5432}
	for _, step := range []func(context.Context) error{p.own, p.initdb, p.listen, p.Start} {
		if err := step(ctx); err != nil {
			remove()
			return nil, err
		}
	}
	return p, nil
}

// own gives the directory to somebody who is not root: the server refuses to run as root.
func (p *Postgres) own(context.Context) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(p.dir, int(uid), int(gid))); err != nil {
			return fmt.Errorf("peers: postgres: %w", err)
		}
		p.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return nil
	}
	return errors.New("peers: postgres: no user that the server could run as: neither postgres nor nobody is there")
}

// command is one of the cluster's programs, run as its owner.
func (p *Postgres) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + p.bin + ":/usr/bin:/bin", "HOME=" + p.dir, "PGPORT=" + strconv.Itoa(p.port)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.account}
	return cmd
}

func (p *Postgres) initdb(ctx context.Context) error {
	args := []string{"-D", p.data(), "-U", postgresUser, "-E", "UTF8", "--locale=C", "--no-sync"}
	if p.o.Password == "" {
		args = append(args, "-A", "trust")
	} else {
		file, err := p.file("password", []byte(p.o.Password+"\n"))
		if err != nil {
			return err
		}
		args = append(args, "-A", "scram-sha-256", "--pwfile", file)
	}
	if out, err := p.command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("peers: initdb: %w\n%s", err, out)
	}
	return nil
}

// file writes a file that only the cluster's owner reads, and returns its path.
func (p *Postgres) file(name string, text []byte) (string, error) {
	path := filepath.Join(p.dir, name)
	err := os.WriteFile(path, text, 0o600)
	if err == nil && p.account != nil {
		err = os.Chown(path, int(p.account.Uid), int(p.account.Gid))
	}
	if err != nil {
		return "", fmt.Errorf("peers: postgres: %w", err)
	}
	return path, nil
}

// listen finds a port for a server that has a certificate.
func (p *Postgres) listen(context.Context) error {
	if p.o.Certificate == nil {
		return nil
	}
	certificate, err1 := p.file("certificate.pem", p.o.Certificate)
	key, err2 := p.file("key.pem", p.o.Key)
	port, err3 := FreePort()
	p.port = port
	p.o.Settings = append([]string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "ssl=on", "ssl_cert_file=" + certificate, "ssl_key_file=" + key,
	}, p.o.Settings...)
	return errors.Join(err1, err2, err3)
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Start starts the server on what the directory holds: after Stop or Kill it goes on there.
func (p *Postgres) Start(ctx context.Context) error {
	settings := append([]string{
		"listen_addresses=", "unix_socket_directories=" + p.dir, "shared_buffers=64MB", "max_connections=100",
		"fsync=" + strconv.FormatBool(p.o.Fsync), "autovacuum_naptime=10s", "log_min_messages=fatal",
	}, p.o.Settings...)
	args := []string{"-D", p.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	// Processes of a killed server hold its memory for a moment more, and a new server does not start beside them.
	for deadline := time.Now().Add(startTime); ; {
		var err error
		p.process, err = start(ctx, p.command(context.WithoutCancel(ctx), "postgres", args...), p.answers)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) || !strings.Contains(err.Error(), "still in use") {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// answers makes the database, which says that the server takes statements and not only connections.
func (p *Postgres) answers(ctx context.Context) error {
	cmd := p.command(ctx, "psql", "-h", p.dir, "-U", postgresUser, "-d", "postgres", "-XAtq", "-c", "SELECT count(*) FROM pg_database WHERE datname = '"+postgresUser+"'")
	cmd.Env = append(cmd.Env, "PGPASSWORD="+p.o.Password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if strings.TrimSpace(string(out)) != "0" {
		return nil
	}
	cmd = p.command(ctx, "psql", "-h", p.dir, "-U", postgresUser, "-d", "postgres", "-XAtq", "-c", "CREATE DATABASE "+postgresUser)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+p.o.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// URL is where clients connect, on loopback if there is a certificate; the password is not in it.
func (p *Postgres) URL() string {
	if p.o.Certificate != nil {
		return "postgres://" + postgresUser + "@127.0.0.1:" + strconv.Itoa(p.port) + "/" + postgresUser
	}
	return "postgres://" + postgresUser + "@/" + postgresUser + "?host=" + url.QueryEscape(p.dir)
}

// Stop ends the server in an orderly way, breaking off what clients do.
func (p *Postgres) Stop() { p.process.end(syscall.SIGINT) }

// Kill ends the server and its processes at once, as a crash would.
func (p *Postgres) Kill() {
	children := p.children()
	p.process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Pause stops the server without ending it: it is there and does not answer.
func (p *Postgres) Pause() error {
	err := p.process.Pause() // first, so that it makes no more children
	for _, pid := range p.children() {
		err = errors.Join(err, syscall.Kill(pid, syscall.SIGSTOP), stopped(pid))
	}
	return err
}

// Resume is the end of a Pause.
func (p *Postgres) Resume() error {
	var err error
	for _, pid := range p.children() {
		err = errors.Join(err, syscall.Kill(pid, syscall.SIGCONT))
	}
	return errors.Join(err, p.process.Resume())
}

// Close ends the server and removes the cluster. It does not kill the server, which would leave a piece of
// shared memory behind.
func (p *Postgres) Close() {
	_ = p.Resume()
	p.process.end(syscall.SIGQUIT)
	_ = os.RemoveAll(p.dir)
}

// children are the processes that the server started.
func (p *Postgres) children() (pids []int) {
	parent := strconv.Itoa(p.process.cmd.Process.Pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// The name stands in brackets and may hold anything; behind it come the state and the parent.
		s := string(b)
		f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		if len(f) < 2 || f[1] != parent {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
