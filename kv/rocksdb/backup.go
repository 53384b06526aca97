//go:build rocksdb

package rocksdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluice-mail/sluice/kv"
)

// BackupTo writes a store of one moment to path, a directory that may not be there yet. On the same file system
// it takes no space at first: files that never change are in both.
func (s *Store) BackupTo(ctx context.Context, path string) error {
	end, err := s.begin(ctx, "backup")
	if err != nil {
		return err
	}
	defer end()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kv/rocksdb: backup: %w: %s is there already", kv.ErrInvalid, path)
	}
	if err := s.backupTo(path); err != nil {
		return s.fail("backup", err)
	}
	return nil
}

func (s *Store) backupTo(path string) (err error) {
	parent := filepath.Dir(path)
	// RocksDB makes directories that everybody may read: not outside of one that nobody may enter.
	private, err := os.MkdirTemp(parent, ".backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	copied := filepath.Join(private, "db")
	cp, err := s.db.NewCheckpoint()
	if err != nil {
		return err
	}
	defer cp.Destroy()
	if err := cp.CreateCheckpoint(copied, 0); err != nil {
		return err
	}
	if err := os.Chmod(copied, 0o700); err != nil {
		return err
	}
	if err := os.Rename(copied, path); err != nil {
		return err
	}
	dir, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Check reads everything and reports damage: RocksDB's checksums, and rows that mean nothing.
func (s *Store) Check(ctx context.Context) error {
	end, err := s.begin(ctx, "check")
	if err != nil {
		return err
	}
	defer end()
	err = s.each(ctx, nil, nil, func(key, val []byte) (bool, error) {
		switch {
		case key[0] == spaceMeta:
			return true, nil
		case len(key) < 2:
			return false, errRow
		case key[0] != spaceValue && key[0] != spaceLease && key[0] != spaceRate:
			return false, errRow
		}
		r, err := decode(val)
		if err == nil && key[0] == spaceRate {
			_, err = kv.ParseRateState(r.body)
		}
		return true, err
	})
	return s.fail("check", err)
}
