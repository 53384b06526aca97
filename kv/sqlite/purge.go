package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// purgePlace is where a purge goes on: the table, and the key behind which it begins.
// It belongs to the writer. The file keeps a copy, so that a restart goes on there.
type purgePlace struct {
	table int
	key   []byte
	rows  int // looked at in one step; follows the time that steps take
}

// purgeTables are walked in this order. big is purged along with kv.
var purgeTables = []string{"kv", "rate", "lock"}

const (
	minPurgeRows = 64
	maxPurgeRows = 8192
)

// newPurgePlace is the beginning. Every key is behind the empty one.
func newPurgePlace() purgePlace { return purgePlace{key: []byte{}, rows: 1024} }

func (p purgePlace) octets() []byte { return append([]byte{byte(p.table)}, p.key...) }

func (p *purgePlace) restore(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if int(b[0]) >= len(purgeTables) {
		return fmt.Errorf("purge goes on in unknown table %d", b[0])
	}
	p.table, p.key = int(b[0]), append([]byte{}, b[1:]...)
	return nil
}

// Purge removes the expired rows of the next range of keys. The expiry is compared again
// in the statement that deletes, inside the writer, so a row that was written anew stays.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	err = s.write(ctx, "purge", func(tx *sqlite.Tx, now int64) error {
		began := time.Now()
		next := s.purge
		n, end, err := purgeStep(tx, &next, now)
		if err != nil {
			return err
		}
		removed, more = int(n), true
		if end {
			next.key = []byte{}
			if next.table++; next.table == len(purgeTables) {
				next.table, more = 0, false
			}
		}
		if n > 0 {
			if err := setMeta(tx, "purge", next.octets()); err != nil {
				return err
			}
		}
		tx.OnCommit(func() {
			next.adapt(time.Since(began))
			s.purge = next
		})
		return nil
	})
	if err != nil {
		return 0, true, err
	}
	return removed, more, nil
}

// adapt makes steps take 2 to 4 ms with their share of the commit.
func (p *purgePlace) adapt(took time.Duration) {
	switch {
	case took > 4*time.Millisecond:
		p.rows = max(p.rows/2, minPurgeRows)
	case took < 2*time.Millisecond:
		p.rows = min(p.rows*2, maxPurgeRows)
	}
}

// purgeStep deletes in one range and moves p behind it. end says that the table is done.
func purgeStep(tx *sqlite.Tx, p *purgePlace, now int64) (removed int64, end bool, err error) {
	table := purgeTables[p.table]
	var last []byte
	err = tx.QueryRow(`SELECT k FROM `+table+` WHERE k > ? ORDER BY k LIMIT 1 OFFSET ?`, p.key, p.rows-1).Scan(&last)
	switch {
	case errors.Is(err, sqlite.ErrNoRows):
		end, last = true, after(nil)
	case err != nil:
		return 0, false, err
	}
	const where = ` WHERE k > ? AND k <= ? AND exp BETWEEN 1 AND ?`
	removed, err = tx.Exec(`DELETE FROM `+table+where, p.key, last, now)
	if err == nil && table == "kv" && removed > 0 {
		_, err = tx.Exec(`DELETE FROM big`+where, p.key, last, now)
	}
	p.key = last
	return removed, end, err
}

// Due counts the expired rows, which is what a round of Purge would remove. It reads all
// keys.
func (s *Store) Due(ctx context.Context) (total int64, err error) {
	err = s.db.Read(ctx, func(c *sqlite.Conn) error {
		for _, table := range purgeTables {
			var n int64
			if err := c.QueryRow(`SELECT count(*) FROM `+table+` WHERE exp BETWEEN 1 AND ?`, s.clock.Milli()).Scan(&n); err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("kv/sqlite: due: %w", err)
	}
	return total, nil
}
