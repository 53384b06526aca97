//go:build linux

package lmtp

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// resetWithin is how long a closed connection may take to say so once something was sent
// on it: at once on this machine, a round trip elsewhere.
const resetWithin = 250 * time.Millisecond

// hungUp says whether the peer has ended its side of the connection. It may still read.
func hungUp(conn net.Conn) bool {
	return poll(conn, unix.POLLRDHUP, 0)&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// gone says whether a peer that hung up before the last answer does not read any more
// either: what was sent to it comes back as a reset.
func gone(conn net.Conn) bool {
	return poll(conn, 0, resetWithin)&(unix.POLLHUP|unix.POLLERR) != 0
}

// poll returns what is known of a connection; POLLHUP and POLLERR are always looked for.
func poll(conn net.Conn, events int16, wait time.Duration) int16 {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0
	}
	fds := []unix.PollFd{{Events: events}}
	until := time.Now().Add(wait)
	err = raw.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		for {
			_, err := unix.Poll(fds, int(max(time.Until(until), 0).Milliseconds()))
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return 0
	}
	return fds[0].Revents
}
