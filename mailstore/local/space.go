package local

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// checkFree returns ErrNoSpace if the disk is below its mark.
func (s *Store) checkFree() error {
	if s.o.MinFree == 0 {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.blobDir(), &st); err != nil {
		return fmt.Errorf("free disk space: %w", err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < s.o.MinFree {
		return fmt.Errorf("%w: %d octets are free, %d are to stay free", mailstore.ErrNoSpace, free, s.o.MinFree)
	}
	return nil
}

// noSpace says whether err comes from a full disk or an exhausted quota.
func noSpace(err error) bool {
	return errors.Is(err, mailstore.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || sqlite.IsFull(err)
}
