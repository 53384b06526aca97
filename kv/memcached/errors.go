package memcached

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/sluice-mail/sluice/kv"
)

var errSlow = errors.New("the server did not answer in time")

// answers reports whether err is an answer of the server that calls go on with.
func answers(err error) bool {
	return err == nil || errors.Is(err, memcache.ErrCacheMiss) || lost(err)
}

// lost reports whether a conditional write found the item changed.
func lost(err error) bool {
	return errors.Is(err, memcache.ErrNotStored) || errors.Is(err, memcache.ErrCASConflict) || errors.Is(err, memcache.ErrCacheMiss)
}

// broken reports whether the connection is gone.
func broken(err error) bool {
	var ne net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &ne) || hungUp(err)
}

// hungUp reports whether the server had closed the connection, perhaps long ago: a question may be asked again.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// fail names the act and says who is the reason. The library's own texts may quote what a server
// sent, keys among it, so they are not passed on.
func (s *Store) fail(act string, err error) error {
	if answers(err) {
		s.reach(true)
		return err
	}
	if errors.Is(err, kv.ErrClosed) {
		return kv.ErrClosed
	}
	var no *refusal
	var slow *memcache.ConnectTimeoutError
	var ne net.Error
	text := err.Error()
	kind, why := kv.ErrUnavailable, "the server's answer cannot be understood"
	switch {
	case errors.As(err, &no):
		why = no.why
	case errors.Is(err, errSlow), errors.As(err, &slow), errors.Is(err, os.ErrDeadlineExceeded):
		why = errSlow.Error()
	case errors.As(err, &ne):
		why = text
	case broken(err):
		why = "the server closed the connection"
	case strings.Contains(text, "SERVER_ERROR object too large"):
		kind, why = kv.ErrTooLarge, "the server takes smaller items only; start memcached with a larger -I, at best -I 2m"
	case strings.Contains(text, "SERVER_ERROR out of memory"):
		kind, why = kv.ErrFull, "the server is out of memory"
	case strings.Contains(text, "CLIENT_ERROR unauthenticated"):
		why = "the server wants a user name and a password"
	}
	err = fmt.Errorf("kv/memcached: %s: %w: %s", act, kind, why)
	if kind == kv.ErrUnavailable {
		s.reach(false)
	}
	return err
}

// reach logs when a server cannot be reached any more, or can be again; one line each, however many calls fail.
func (s *Store) reach(up bool) {
	if s.down.Load() != up || !s.down.CompareAndSwap(up, !up) {
		return
	}
	if up {
		s.logger.Info("memcached answers again")
	} else {
		s.logger.Warn("memcached does not answer")
	}
}
