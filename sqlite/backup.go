package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// BackupTo writes a compact copy of one moment of the database to path, replacing what
// is there only when the copy is complete and on disk. Writers go on meanwhile.
func (db *DB) BackupTo(ctx context.Context, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if abs == db.path {
		return fmt.Errorf("sqlite: backup: %s is the database itself", abs)
	}
	// VACUUM INTO wants an absent or empty file; ours is made first for its mode.
	tmp, err := os.CreateTemp(filepath.Dir(abs), filepath.Base(abs)+".tmp-*")
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone after the rename
	err = db.ReadOnce(ctx, func(c *Conn) error {
		_, err := c.Exec("VACUUM INTO ?", tmp.Name())
		return err
	})
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if err := os.Rename(tmp.Name(), abs); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if err := syncDir(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	return nil
}

// Check walks the whole file and returns ErrCorrupt with the first fault it finds.
func (db *DB) Check(ctx context.Context) error {
	return db.ReadOnce(ctx, func(c *Conn) error {
		var verdict string
		if err := c.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s: %s", ErrCorrupt, c.path, verdict)
		}
		return nil
	})
}
