package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the sluice command, so that tests start and kill the
// real program in a process of its own.
func TestMain(m *testing.M) {
	beChild()
	switch os.Getenv("SLUICE_TEST_MAIN") {
	case "child":
		childMain()
	case "1":
		dieAt(os.Getenv("SLUICE_TEST_DIE_AT"))
		main()
	}
	testscript.Main(m, map[string]func(){"sluice": main})
}

// server is a running `sluice serve` with its own data and ports.
type server struct {
	t      testing.TB
	binary string // this test's own
	dir    string
	config string
	env    []string
	imap   string
	lmtp   string
	http   string
	cmd    *exec.Cmd
	log    *syncBuffer
	exited chan error
}

// syncBuffer collects a process's output.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// freeAddress returns a loopback address that nobody listens on at this moment. The server
// keeps its ports over restarts, so they cannot be its own choice.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newServer lays out a data directory with scripts (name to text) and the TOML after the
// listeners. It is not started.
func newServer(t testing.TB, toml string, scripts map[string]string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), log: &syncBuffer{}}
	s.imap, s.lmtp, s.http = freeAddress(t), freeAddress(t), freeAddress(t)
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.config = filepath.Join(s.dir, "sluice.toml")
	text := fmt.Sprintf("[server]\nhostname = \"example.test\"\nlog-level = \"debug\"\n[imap]\nlisten = [%q]\nmax-connections-by-ip = 2000\n[lmtp]\nlisten = [%q]\n[http]\nlisten = [%q]\n%s",
		s.imap, s.lmtp, s.http, strings.ReplaceAll(toml, "$DIR", s.dir))
	if err := os.WriteFile(s.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("server log:\n%s", tail(s.log.String(), 8000))
		}
	})
	return s
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// startServer starts a server and waits until it is ready.
func startServer(t testing.TB, toml string, scripts map[string]string) *server {
	t.Helper()
	s := newServer(t, toml, scripts)
	s.start()
	return s
}

func (s *server) args(args ...string) []string {
	return append(args, "--config", s.config, "--data", filepath.Join(s.dir, "data"))
}

// command is a sluice command on this server's data.
func (s *server) command(args ...string) *exec.Cmd {
	cmd := exec.Command(cmp.Or(s.binary, os.Args[0]), s.args(args...)...)
	cmd.Env = append(os.Environ(), "SLUICE_TEST_MAIN=1")
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

// sluice runs a command to its end and returns its output.
func (s *server) sluice(stdin string, args ...string) string {
	s.t.Helper()
	cmd := s.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = s.command("serve")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait() }(s.cmd, s.exited)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := http.Get("http://" + s.http + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-s.exited:
			s.cmd = nil
			s.t.Fatalf("the server ended before it was ready: %v\n%s", err, s.log)
		case <-ctx.Done():
			s.t.Fatalf("the server is not ready: %v\n%s", ctx.Err(), s.log)
		case <-tick.C:
		}
	}
}

// kill ends the server as a crash does.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// stop ends the server as an administrator does, and fails if it does not end well.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	err := <-s.exited
	s.cmd = nil
	if err != nil {
		s.t.Fatalf("the server did not end well: %v\n%s", err, tail(s.log.String(), 4000))
	}
}

func (s *server) addAccount(name, password string) {
	s.t.Helper()
	s.sluice(password+"\n", "account", "add", name, "--password-stdin")
}

// missing reports a counterpart that cannot be had: loudly skipped, and a failure in CI,
// where it must not be missing.
func missing(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing; in CI it must be there: %v", program, errors.Unwrap(err))
	}
	t.Skipf("SKIPPED: %s is not installed; .ci/prepare tests installs it", program)
	return ""
}
