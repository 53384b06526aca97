package local

import (
	"context"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// maxKey bounds mailstore.Import.Key, in octets.
const maxKey = 1024

// purgeBatch bounds how much one commit of a purge removes.
const purgeBatch = 1000

// appliedEmails returns what the import with this key made, nothing if there was none.
// Of an Email that was destroyed since, only the ids are left.
func appliedEmails(c *sqlite.Conn, key string) ([]mailstore.Email, error) {
	if key == "" {
		return nil, nil
	}
	var out []mailstore.Email
	rows := c.Query(`SELECT email, blob FROM applied WHERE key = ? ORDER BY n`, key)
	for rows.Next() {
		var e mailstore.Email
		rows.Scan(&e.ID, &e.BlobID)
		out = append(out, e)
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	for i, e := range out {
		card, ok, err := idmap.FindEmail(c, string(e.ID))
		if err != nil {
			return nil, err
		}
		if ok {
			out[i] = emailOf(card)
		}
	}
	return out, nil
}

// remember notes in the running commit that the import with this key is done.
func (a *Account) remember(tx *sqlite.Tx, key string, emails []mailstore.Email) error {
	for i, e := range emails {
		_, err := tx.Exec(`INSERT INTO applied (key, n, email, blob, at) VALUES (?, ?, ?, ?, ?)`,
			key, i, string(e.ID), string(e.BlobID), a.s.o.Now().Unix())
		if err != nil {
			return fmt.Errorf("remember key: %w", err)
		}
	}
	return nil
}

// PruneKeys forgets the keys of imports that are older than olderThan, and returns how
// many rows it removed. An import with such a key would be done again.
func (s *Store) PruneKeys(ctx context.Context, account string, olderThan time.Duration) (removed int, more bool, err error) {
	err = s.with(ctx, account, func(a *Account) error {
		before := s.o.Now().Add(-olderThan).Unix()
		return a.wrap("prune keys", a.db.Write(ctx, func(tx *sqlite.Tx) error {
			n, err := tx.Exec(`DELETE FROM applied WHERE (key, n) IN (SELECT key, n FROM applied WHERE at < ? LIMIT ?)`,
				before, purgeBatch)
			removed, more = int(n), n >= purgeBatch
			return err
		}))
	})
	return removed, more, err
}

// with runs fn on an account that is there already.
func (s *Store) with(ctx context.Context, account string, fn func(*Account) error) error {
	if !s.exists(account) {
		return fmt.Errorf("mailstore/local: account %.64q: %w", account, mailstore.ErrNotFound)
	}
	a, release, err := s.OpenAccount(ctx, account)
	if err != nil {
		return err
	}
	defer release()
	return fn(a)
}
