package mysql

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var _ kv.Adder = (*Store)(nil)

// addMany adds to the rows that it finds; what is no number stays none, since NULL and anything is NULL.
func addMany(n int) string {
	return `INSERT INTO {rows} (k, sub, n, v, size, expires, fence) VALUES ` +
		strings.Repeat(`(:keys, '', :bys, '', 0, {end}, 0), `, n-1) + `(:keys, '', :bys, '', 0, {end}, 0) ON DUPLICATE KEY UPDATE ` + giveUp + `
	fence = IF(expires = 1, 0, fence), n = IF(expires = 1, VALUES(n), n + VALUES(n)), v = IF(expires = 1, '', v),
	size = IF(expires = 1, 0, size), expires = IF(expires = 1, {end}, expires)`
}

// addQueries and numberQueries go with manyKeys.
var addQueries, numberQueries = func() (add, read []string) {
	for _, n := range manyKeys {
		add = append(add, addMany(n))
		read = append(read, `SELECT k, n FROM {rows} WHERE sub = '' AND n IS NOT NULL AND k IN `+list(n))
	}
	return add, read
}()

// IncrMany adds to many counters, in one transaction for each 500 and in the order of their keys, so that such calls
// seldom meet. If one would overflow, which ends the transaction, or a key repeats, they are added to one by one.
func (s *Store) IncrMany(ctx context.Context, adds []kv.Addition, ttl time.Duration) ([]int64, error) {
	if err := kv.CheckAdditions(adds); err != nil {
		return nil, err
	}
	ms, err := millis(ttl)
	if err != nil {
		return nil, err
	}
	single := func(part []kv.Addition) ([]int64, error) {
		return kv.IncrEach(ctx, part, 1, func(ctx context.Context, a kv.Addition) (int64, error) { return s.Incr(ctx, a.Key, a.By, ttl) }, ttl)
	}
	if len(adds) < 2 || kv.Repeats(adds) {
		return single(adds)
	}
	numbers, own := make([]int64, 0, len(adds)), make([]error, 0, 2)
	for part := range slices.Chunk(adds, manyKeys[len(manyKeys)-1]) {
		n, err := s.add(ctx, part, ms)
		if errors.Is(err, kv.ErrOverflow) {
			n, err = single(part)
		}
		if err != nil && !kv.OfCounter(err) {
			return nil, err
		}
		numbers, own = append(numbers, n...), append(own, err)
	}
	return numbers, kv.FirstError(own)
}

// add is one transaction.
func (s *Store) add(ctx context.Context, adds []kv.Addition, ms int64) ([]int64, error) {
	type one struct {
		key []byte
		by  int64
	}
	sorted := make([]one, len(adds))
	for i, a := range adds {
		sorted[i] = one{a.Key.Octets(), a.By}
	}
	slices.SortFunc(sorted, func(a, b one) int { return slices.Compare(a.key, b.key) })
	keys, bys := make([][]byte, len(sorted)), make([]int64, len(sorted))
	for i, a := range sorted {
		keys[i], bys[i] = a.key, a.by
	}
	size := 0
	for manyKeys[size] < len(keys) {
		size++
	}
	var found map[string]int64
	err := s.call(ctx, "incr many", func(ctx context.Context) error {
		write, err := s.prepare(ctx, addQueries[size])
		if err != nil {
			return err
		}
		read, err := s.prepare(ctx, numberQueries[size])
		if err != nil {
			return err
		}
		return s.transaction(ctx, func(tx *sql.Tx) error {
			found = make(map[string]int64, len(keys))
			if _, err := tx.StmtContext(ctx, write.Stmt).ExecContext(ctx, s.bind(write, args{"keys": keys, "bys": bys, "ttl": ms})...); err != nil {
				if number(err) == erDataOutOfRange {
					return kv.ErrOverflow
				}
				return err
			}
			rows, err := tx.StmtContext(ctx, read.Stmt).QueryContext(ctx, s.bind(read, args{"keys": keys})...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var k []byte
				var n int64
				if err := rows.Scan(&k, &n); err != nil {
					return err
				}
				found[string(k)] = n
			}
			return rows.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	numbers := make([]int64, len(adds))
	for i, a := range adds {
		n, ok := found[string(a.Key.Octets())]
		if !ok {
			err = kv.ErrNotCounter
		}
		numbers[i] = n
	}
	return numbers, err
}
