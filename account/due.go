package account

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// SetDue says when job is due for the account id, in place of what was said before;
// the zero time says never. Times are exact to the millisecond. An account that does
// not live is ErrUnknown.
func (d *Directory) SetDue(ctx context.Context, id, job string, at time.Time) error {
	err := d.db.Write(ctx, func(tx *sqlite.Tx) error {
		if at.IsZero() {
			_, err := tx.Exec(`DELETE FROM due WHERE account = ? AND job = ?`, id, job)
			return err
		}
		return putDue(tx, id, job, at)
	})
	return wrap("set due", err)
}

// DueBy says that job is due for the account id at that time at the latest. It writes
// only if it was not due, or later.
func (d *Directory) DueBy(ctx context.Context, id, job string, at time.Time) error {
	early := func(c *sqlite.Conn) (bool, error) {
		var was int64
		err := c.QueryRow(`SELECT at FROM due WHERE account = ? AND job = ?`, id, job).Scan(&was)
		if errors.Is(err, sqlite.ErrNoRows) {
			return false, nil
		}
		return was <= at.UnixMilli(), err
	}
	done := false
	err := d.db.Read(ctx, func(c *sqlite.Conn) (err error) {
		done, err = early(c)
		return err
	})
	if err == nil && !done {
		err = d.db.Write(ctx, func(tx *sqlite.Tx) error {
			if done, err := early(tx.Conn); done || err != nil {
				return err
			}
			return putDue(tx, id, job, at)
		})
	}
	return wrap("due by", err)
}

func putDue(tx *sqlite.Tx, id, job string, at time.Time) error {
	var name string
	if err := living(tx.Conn, id, &name); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO due (account, job, at) VALUES (?, ?, ?)
		ON CONFLICT (account, job) DO UPDATE SET at = excluded.at`, id, job, at.UnixMilli())
	return err
}

// Due returns the ids of up to limit accounts for which job is due at that time, the
// longest due first.
func (d *Directory) Due(ctx context.Context, job string, at time.Time, limit int) ([]string, error) {
	var ids []string
	err := d.db.Read(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT account FROM due WHERE job = ? AND at <= ? ORDER BY at, account LIMIT ?`, job, at.UnixMilli(), limit)
		for rows.Next() {
			var id string
			if rows.Scan(&id) != nil {
				break // Close has the error
			}
			ids = append(ids, id)
		}
		return rows.Close()
	})
	return ids, wrap("due", err)
}
