package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// BackupTo writes a compact copy of one moment of the database to path, replacing what
// is there only when the copy is complete, on disk and found whole. Writers go on meanwhile.
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
	err = errors.Join(db.copyInto(ctx, tmp.Name()), tmp.Sync(), tmp.Close())
	if err == nil {
		// A copy that cannot be read is no backup, and must not replace one that can.
		err = Verify(ctx, tmp.Name(), nil)
	}
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

// copyInto copies over a connection of its own: those of the readers cannot write
// anywhere, and the writer has other things to do.
func (db *DB) copyInto(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.queue.isClosed() {
		return ErrClosed
	}
	c, err := connect(db.path, true, defaultCache)
	if err != nil {
		return err
	}
	_, err = c.Exec("VACUUM INTO ?", path)
	return errors.Join(err, c.close())
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
