package local

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// DueVanished counts the ranges that PurgeVanished would remove from all accounts.
func (s *Store) DueVanished(ctx context.Context, olderThan time.Duration) (int64, error) {
	return s.sum(ctx, "due vanished", func(c *sqlite.Conn) (int64, error) {
		return idmap.CountVanished(c, s.o.Now().Add(-olderThan))
	})
}

// DueBlobs counts the blobs of all accounts that no Email has. Files that no row knows are
// found only by the round of PurgeBlobs itself.
func (s *Store) DueBlobs(ctx context.Context) (int64, error) {
	return s.sum(ctx, "due blobs", func(c *sqlite.Conn) (n int64, err error) {
		return n, c.QueryRow(`SELECT count(*) FROM content WHERE dead <> 0`).Scan(&n)
	})
}

// DueChangelog counts the entries of all accounts beyond Options.MaxChangelogEntries.
func (s *Store) DueChangelog(ctx context.Context) (int64, error) {
	return s.sum(ctx, "due changelog", func(c *sqlite.Conn) (n int64, err error) {
		return n, c.QueryRow(`SELECT max(count(*) - ?, 0) FROM changelog`, s.o.MaxChangelogEntries).Scan(&n)
	})
}

// sum adds up what count finds in each account.
func (s *Store) sum(ctx context.Context, act string, count func(*sqlite.Conn) (int64, error)) (total int64, err error) {
	ids, err := s.AccountIDs(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		err := s.with(ctx, id, func(a *Account) error {
			return a.wrap(act, a.db.Read(ctx, func(c *sqlite.Conn) error {
				n, err := count(c)
				total += n
				return err
			}))
		})
		if err != nil && !errors.Is(err, mailstore.ErrNotFound) {
			return 0, err
		}
	}
	return total, nil
}
