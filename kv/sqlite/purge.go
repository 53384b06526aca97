package sqlite

import (
	"context"
	"fmt"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// purgePlace is where a purge goes on: the table, and the first key that it has not
// looked at. It belongs to who holds the writing connection. The file keeps a copy, so
// that a restart goes on there.
type purgePlace struct {
	table   int
	key     []byte
	unsaved int // steps since the file's copy was written
}

// tables hold rows under keys. big goes along with kv, in the same commits and by the
// same ranges of keys, so no crash can part a key from its value.
var tables = []string{"kv", "rate", "lock"}

// saveSteps is after how many steps that removed nothing the place is written down all
// the same. A step that changes nothing costs no fsync.
const saveSteps = 32

func (p purgePlace) octets() []byte { return append([]byte{byte(p.table)}, p.key...) }

func (p *purgePlace) restore(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if int(b[0]) >= len(tables) {
		return fmt.Errorf("purge goes on in unknown table %d", b[0])
	}
	p.table, p.key = int(b[0]), append([]byte{}, b[1:]...)
	return nil
}

// Purge removes the expired rows of the next range of keys, in a background write. The
// expiry is compared again in the statement that deletes, so a row that was written
// anew stays.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	err = s.background(ctx, "purge", func(tx *sqlite.Tx, now int64) error {
		next := s.purge
		rows := s.purgeStride.rows(tx.Budget())
		walked := s.purgeStride.watch(tx, rows)
		hi, last, err := s.stretch(tx, tables[next.table], next.key, kv.Behind(nil), rows, now)
		if err != nil {
			return err
		}
		n, err := s.purgeRange(tx, tables[next.table], next.key, hi, now)
		if err != nil {
			return err
		}
		walked()
		removed, more = int(n), true
		next.key = hi
		if last {
			next.key = []byte{}
			if next.table++; next.table == len(tables) {
				next.table, more = 0, false
			}
		}
		if next.unsaved++; n > 0 || next.unsaved >= saveSteps || !more && next.unsaved > 1 {
			if err := setMeta(tx, "purge", next.octets()); err != nil {
				return err
			}
			next.unsaved = 0
		}
		tx.OnCommit(func() { s.purge = next })
		return nil
	})
	if err != nil {
		return 0, true, err
	}
	return removed, more, nil
}

// purgeRange deletes what is expired from lo up to, but not with, hi.
func (s *Store) purgeRange(tx *sqlite.Tx, table string, lo, hi []byte, now int64) (int64, error) {
	const where = ` WHERE k >= ? AND k < ? AND exp BETWEEN 1 AND ?`
	if table == "kv" && s.anyBig.Load() {
		if _, err := tx.Exec(`DELETE FROM big`+where, lo, hi, now); err != nil {
			return 0, err
		}
	}
	return tx.Exec(`DELETE FROM `+table+where, lo, hi, now)
}

// Due counts the expired rows, which is what a round of Purge would remove. It reads all
// keys.
func (s *Store) Due(ctx context.Context) (total int64, err error) {
	now := s.clock.Milli()
	for _, table := range tables {
		n, _, err := s.sum(ctx, sums(table, `exp`, `exp BETWEEN 1 AND ?3`, `0`), []byte{}, kv.Behind(nil), now)
		if err != nil {
			return 0, fail("due", err)
		}
		total += n
	}
	return total, nil
}
