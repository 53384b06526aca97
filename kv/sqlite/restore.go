package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/sqlite"
)

// Errors of the functions below, as package sqlite has them.
var (
	ErrForeign = sqlite.ErrForeign // a database of something else
	ErrInUse   = sqlite.ErrInUse   // somebody has it open
)

// CheckFile reads the whole file at path, which nobody may have open, and returns an error unless it
// is a store of a version that this program knows. Nothing is written.
func CheckFile(ctx context.Context, path string) error {
	if err := sqlite.Verify(ctx, path, schema); err != nil {
		return fmt.Errorf("kv/sqlite: check: %w", err)
	}
	return nil
}

// Marks are what must never go back, even if older rows take the place of newer ones.
type Marks struct {
	Clock int64  // latest time that the store has seen, unix milliseconds
	Fence uint64 // largest fencing number that may have been given out
}

// Fold leaves the store at path, which nobody may have open, as one file without a -wal, and returns
// its marks. A file of a newer version is fine. It returns sqlite.ErrForeign for a
// database of something else.
func Fold(path string) (m Marks, err error) {
	err = sqlite.Fold(path, func(c *sqlite.Conn) error {
		var tables, ours int
		err := c.QueryRow(`SELECT count(*), count(*) FILTER (WHERE name IN ('kv', 'meta') AND type = 'table') FROM sqlite_master`).Scan(&tables, &ours)
		switch {
		case err != nil:
			return err
		case tables == 0: // made, and never used
			return nil
		case ours < 2:
			return fmt.Errorf("%w: %s", sqlite.ErrForeign, path)
		}
		return m.read(c)
	})
	if err != nil {
		return m, fmt.Errorf("kv/sqlite: fold: %w", err)
	}
	return m, nil
}

func (m *Marks) read(c *sqlite.Conn) error {
	return errors.Join(meta(c, "clock", &m.Clock), meta(c, "fence", &m.Fence))
}

// Raise brings the file at path, which nobody may have open, to this program's version, and its
// marks up to those that change returns for them.
func Raise(ctx context.Context, path string, change func(Marks) Marks) error {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Schema: schema})
	if err != nil {
		return fmt.Errorf("kv/sqlite: raise: %w", err)
	}
	err = db.Write(ctx, func(tx *sqlite.Tx) error {
		var is Marks
		if err := is.read(tx.Conn); err != nil {
			return err
		}
		to := change(is)
		return errors.Join(setMeta(tx, "clock", max(is.Clock, to.Clock)), setMeta(tx, "fence", max(is.Fence, to.Fence)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("kv/sqlite: raise: %w", err)
	}
	return nil
}
