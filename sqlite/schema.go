package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// migrate brings the file to version len(schema), one version a transaction, so that
// an interrupted upgrade goes on where it stopped.
func (c *Conn) migrate(ctx context.Context, schema []string) error {
	for {
		done, err := c.migrateOne(ctx, schema)
		if err != nil || done {
			return err
		}
	}
}

func (c *Conn) migrateOne(ctx context.Context, schema []string) (done bool, err error) {
	version, err := c.version()
	if err != nil {
		return false, err
	}
	if version == len(schema) {
		return true, nil
	}
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("sqlite: upgrade %s: %w", c.path, err)
	}
	if err := c.execBatch("BEGIN IMMEDIATE"); err != nil {
		return false, wrap("upgrade", c.path, err)
	}
	// Another process may have upgraded the file while this one waited for the lock.
	version, err = c.version()
	if err == nil && version < len(schema) {
		err = c.execBatch(schema[version])
		if err == nil {
			err = c.execBatch(fmt.Sprintf("PRAGMA user_version = %d", version+1))
		}
		if err != nil {
			err = wrap(fmt.Sprintf("upgrade to version %d", version+1), c.path, err)
		}
	}
	if err == nil {
		err = wrap("upgrade", c.path, c.execBatch("COMMIT"))
	}
	if err != nil && !c.raw.AutoCommit() {
		err = errors.Join(err, c.execBatch("ROLLBACK"))
	}
	return false, c.versionFits(err, version, len(schema))
}

func (c *Conn) versionFits(err error, version, known int) error {
	if err == nil && version > known {
		return fmt.Errorf("%w: %s has version %d, this program knows %d", ErrNewerSchema, c.path, version, known)
	}
	return err
}

func (c *Conn) version() (int, error) {
	var version int
	if err := c.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return 0, wrap("read version", c.path, err)
	}
	return version, nil
}
