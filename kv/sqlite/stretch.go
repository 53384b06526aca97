package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// stride is how many rows fit a step, learned from the steps before. It is the writer's.
type stride struct {
	walk float64 // rows in a millisecond of walking
	all  float64 // rows in a millisecond of the whole step, commit included
}

const (
	minRows = 64
	maxRows = 8192
)

// rows returns how many rows a step should walk, given how long it should take. It is
// not cut below a quarter of that because of a commit that takes long for any number of rows.
func (s *stride) rows(budget time.Duration) int {
	if s.walk == 0 {
		s.walk, s.all = 512, 256
	}
	n := max(s.all, s.walk/4) * float64(budget) / float64(time.Millisecond)
	return min(max(int(n), minRows), maxRows)
}

// watch begins to measure a step of rows. The function it returns says that the walk is
// over; it learns the rest from the commit.
func (s *stride) watch(tx *sqlite.Tx, rows int) (walked func()) {
	began := time.Now()
	return func() {
		learn(&s.walk, rows, time.Since(began))
		tx.OnCommit(func() { learn(&s.all, rows, time.Since(began)) })
	}
}

// learn changes a speed after a step of rows took d. A slow step is believed at once, a
// quick one by half: what comes next may not be in memory.
func learn(speed *float64, rows int, d time.Duration) {
	now := float64(rows) * float64(time.Millisecond) / float64(max(d, time.Microsecond))
	if now > *speed {
		now = min((*speed+now)/2, 2**speed)
	}
	*speed = max(now, 1)
}

// stretch returns the end of a range of keys that begins at lo, has at most rows rows of
// the table, and ends at end at the latest; last says that it does. Where values of the
// range are in big, their pages count as rows do, since each is read to be given back.
// Only expired values count unless now is 0.
func (s *Store) stretch(tx *sqlite.Tx, table string, lo, end []byte, rows int, now int64) (hi []byte, last bool, err error) {
	hi = end
	err = tx.QueryRow(`SELECT k FROM `+table+` WHERE k >= ? AND k < ? ORDER BY k LIMIT 1 OFFSET ?`, lo, end, rows).Scan(&hi)
	if errors.Is(err, sqlite.ErrNoRows) {
		last, err = true, nil
	}
	if err != nil || table != "kv" || !s.anyBig.Load() {
		return hi, last, err
	}
	const page = 4096
	pages := int64(0)
	values := tx.Query(`SELECT k, length(v) FROM big WHERE k >= ?1 AND k < ?2 AND (?3 = 0 OR exp BETWEEN 1 AND ?3) ORDER BY k`, lo, hi, now)
	for values.Next() {
		var k []byte
		var octets int64
		if err := values.Scan(&k, &octets); err != nil {
			return nil, false, err
		}
		if pages > 0 && pages+octets/page >= int64(rows) {
			hi, last = k, false // at least one value is within
			break
		}
		pages += 1 + octets/page
	}
	return hi, last, values.Close()
}

// pageRows is how many rows one read of a whole table takes in. Between two reads the
// WAL can be emptied, and the context is asked.
const pageRows = 10_000

// sums is a query for sum: it counts the rows of a page that fit the condition, and their
// octets. Both may use the columns named, and the time as ?3.
func sums(table, columns, condition, octets string) string {
	return fmt.Sprintf(`SELECT max(k), count(*), count(*) FILTER (WHERE %[3]s), coalesce(sum(%[4]s) FILTER (WHERE %[3]s), 0)
		FROM (SELECT k, %[2]s FROM %[1]s WHERE k >= ?1 AND k < ?2 ORDER BY k LIMIT ?4)`, table, columns, condition, octets)
}

// sum runs a query made by sums over the rows with lo <= k < hi, a page a read.
func (s *Store) sum(ctx context.Context, query string, lo, hi []byte, now int64) (rows, octets int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		var last []byte
		var seen, n, o int64
		err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
			return c.QueryRow(query, lo, hi, now, pageRows).Scan(&last, &seen, &n, &o)
		})
		if err != nil {
			return 0, 0, err
		}
		rows, octets = rows+n, octets+o
		if seen < pageRows {
			return rows, octets, nil
		}
		lo = append(last, 0) // the first key behind it
	}
}
