package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// listenDeliver opens the LMTP socket that `sluice deliver` uses. Its folder is open to all, the socket
// to the group that is configured, or to every user of this machine, as LMTP on loopback is.
func listenDeliver(c *Config) (net.Listener, error) {
	path := c.LMTP.Socket
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		// A folder that we make is open to the MTA's user, whatever the umask; one that was
		// there is its administrator's affair.
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
			return nil, fmt.Errorf("delivery socket: %w", err)
		}
	}
	if err := removeIfThere(path); err != nil {
		return nil, fmt.Errorf("delivery socket: %w", err)
	}
	mode := os.FileMode(0o666)
	if c.LMTP.SocketGroup != "" {
		mode = 0o600 // until the group is set
	}
	l, err := listenUnix(path, mode)
	if err != nil {
		return nil, fmt.Errorf("delivery socket: %w", err)
	}
	if c.LMTP.SocketGroup == "" {
		return l, nil
	}
	g, err := user.LookupGroup(c.LMTP.SocketGroup)
	if err == nil {
		var gid int
		if gid, err = strconv.Atoi(g.Gid); err == nil {
			if err = os.Chown(path, -1, gid); err == nil {
				err = os.Chmod(path, 0o660)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("delivery socket: %w", err), l.Close(), removeIfThere(path))
	}
	return l, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
