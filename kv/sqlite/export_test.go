package sqlite

import (
	"context"

	"github.com/sluice-mail/sluice/sqlite"
)

// Parted counts values without their key, keys without their value, and values kept twice.
func (s *Store) Parted(ctx context.Context) (n int, err error) {
	err = s.db.Read(ctx, func(c *sqlite.Conn) error {
		return c.QueryRow(`SELECT (SELECT count(*) FROM big WHERE NOT EXISTS (SELECT 1 FROM kv WHERE kv.k = big.k AND v IS NULL AND kv.exp = big.exp))
			+ (SELECT count(*) FROM kv WHERE v IS NULL AND NOT EXISTS (SELECT 1 FROM big WHERE big.k = kv.k))`).Scan(&n)
	})
	return n, err
}
