package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// control serves the ops to the other commands on a unix socket of mode 0600. The peer has to be
// the server's user or root, whatever the file's mode became.
type control struct {
	server *http.Server
	path   string
}

type peerKey struct{}

// listenControl opens the socket; a stale one, left by a server that was killed, is
// replaced: the data directory's lock already says that no other server runs.
func listenControl(n *node, path string, log *slog.Logger) (*control, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := listenUnix(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	c := &control{path: path}
	c.server = &http.Server{
		Handler:           http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveControl(w, r, n, log) }), maxControlBody),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerUID(conn))
		},
	}
	go c.server.Serve(l)
	return c, nil
}

// maxSocketPath is the longest path of a unix socket, in octets.
//
// Spec: unix(7), "Address format".
const maxSocketPath = 107

// listenUnix makes a unix socket that has its mode from its first moment on.
func listenUnix(path string, mode os.FileMode) (net.Listener, error) {
	// Between bind and chmod the socket would have the umask's mode, so it is made under
	// another name, which nobody knows, and renamed.
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if len(tmp) > maxSocketPath {
		return nil, fmt.Errorf("%s: the path has %d octets, the system takes %d for a socket: choose a shorter one", path, len(path), maxSocketPath-len(tmp)+len(path))
	}
	os.Remove(tmp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(tmp, mode)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// peerUID returns the user at the other end, -1 if it cannot be told.
func peerUID(conn net.Conn) int {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return -1
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid
}

func serveControl(w http.ResponseWriter, r *http.Request, n *node, log *slog.Logger) {
	answer := func(code int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(v)
	}
	if uid, _ := r.Context().Value(peerKey{}).(int); uid != 0 && uid != os.Geteuid() {
		answer(http.StatusForbidden, controlError{"this control socket is for the server's user and root"})
		return
	}
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v"), "/")
	if version != controlVersion {
		answer(http.StatusBadRequest, controlError{fmt.Sprintf("the server speaks control protocol %s, this command %s: restart the server or use its binary", controlVersion, version)})
		return
	}
	h := handlers[name]
	if h == nil {
		answer(http.StatusNotFound, controlError{fmt.Sprintf("the server does not know %q", name)})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(http.StatusBadRequest, controlError{err.Error()})
		return
	}
	defer func() {
		if p := recover(); p != nil {
			log.Error("control: panic", slog.String("op", name), slog.Any("err", p))
			answer(http.StatusInternalServerError, controlError{"server error"})
		}
	}()
	out, err := h(r.Context(), n, body)
	if err != nil {
		answer(http.StatusUnprocessableEntity, controlError{err.Error()})
		return
	}
	answer(http.StatusOK, out)
}

func (c *control) close(ctx context.Context) error {
	err := c.server.Shutdown(ctx)
	os.Remove(c.path)
	return err
}
