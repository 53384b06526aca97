package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// cell is how a value stands in a row: numbers in n, anything else in v.
type cell struct {
	n    any // int64 or nil
	v    []byte
	size int
}

// cellOf returns v's cell. Since there is one spelling of a number, there is one cell of a value.
func cellOf(v []byte) cell {
	if n, err := kv.ParseCounter(v); err == nil {
		return cell{n: n, v: []byte{}}
	}
	if v == nil {
		v = []byte{}
	}
	return cell{v: v, size: len(v)}
}

// row is a value as it is read.
type row struct {
	n       sql.NullInt64
	v       []byte
	expires int64
	fence   uint64
}

func (r row) value() kv.Value {
	v := kv.Value{Bytes: r.v, Expires: kv.Moment(r.expires), Fence: r.fence}
	if r.n.Valid {
		v.Bytes = kv.FormatCounter(r.n.Int64)
	} else if v.Bytes == nil {
		v.Bytes = []byte{}
	}
	return v
}

// millis is a ttl as statements take it; a negative one is refused.
func millis(ttl time.Duration) (int64, error) { return kv.Deadline(0, ttl) }

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	var r row
	a := args{"k": k.Octets()}
	err := s.call(ctx, "get", func(ctx context.Context) error {
		return s.strict(func() error {
			r = row{}
			err := s.row(ctx, `SELECT n, v, expires, fence FROM {rows} WHERE k = :k AND sub = '' AND {live}`, a, &r.n, &r.v, &r.expires, &r.fence)
			if errors.Is(err, sql.ErrNoRows) {
				return kv.ErrNotFound
			}
			return err
		})
	})
	if err != nil {
		return kv.Value{}, err
	}
	return r.value(), nil
}

// manyKeys are the numbers of keys that a statement is prepared for; the next larger one is filled up. They stay below
// those from which MariaDB makes a table of a list.
var manyKeys = []int{8, 64, 500}

// list is a list of n keys.
func list(n int) string { return "(" + strings.Repeat(":keys, ", n-1) + ":keys)" }

// manyQueries go with manyKeys.
var manyQueries = func() (all []string) {
	for _, n := range manyKeys {
		all = append(all, `SELECT k, n, v, expires, fence FROM {rows} WHERE {live} AND sub = '' AND k IN `+list(n))
	}
	return all
}()

// GetMany returns one value per key, in their order; an absent one has nil Bytes. It is one statement for each 500 keys.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	if len(ks) == 0 {
		return values, nil
	}
	keys := make([][]byte, len(ks))
	for i, k := range ks {
		keys[i] = k.Octets()
	}
	err := s.call(ctx, "get many", func(ctx context.Context) error {
		return s.strict(func() error {
			found, err := s.many(ctx, keys)
			for i, k := range keys {
				values[i] = kv.Value{}
				if r, ok := found[string(k)]; ok {
					values[i] = r.value()
				}
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// many returns the live rows of keys.
func (s *Store) many(ctx context.Context, keys [][]byte) (map[string]row, error) {
	found := map[string]row{}
	for len(keys) > 0 {
		size := 0
		for size < len(manyKeys)-1 && manyKeys[size] < len(keys) {
			size++
		}
		part := keys[:min(len(keys), manyKeys[size])]
		keys = keys[len(part):]
		err := s.each(ctx, manyQueries[size], args{"keys": part}, func(scan func(...any) error) error {
			var k []byte
			var r row
			if err := scan(&k, &r.n, &r.v, &r.expires, &r.fence); err != nil {
				return err
			}
			found[string(k)] = r
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// write is the one way values change: one statement, of which see tells what it said.
func (s *Store) write(ctx context.Context, act string, k kv.Key, v []byte, ttl time.Duration, query string, more args, see func(done) error) error {
	if err := k.Check(); err != nil {
		return err
	}
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	ms, err := millis(ttl)
	if err != nil {
		return err
	}
	c := cellOf(v)
	a := args{"k": k.Octets(), "n": c.n, "v": c.v, "size": c.size, "ttl": ms}
	maps.Copy(a, more)
	return s.call(ctx, act, func(ctx context.Context) error {
		d, err := s.exec(ctx, query, a)
		if err != nil || see == nil {
			return err
		}
		return see(d)
	})
}

// An INSERT that finds a row assigns from left to right when it holds the row. What decides comes first, with the only
// look at the time; what follows goes by what was assigned.
const insert = `INSERT INTO {rows} (k, sub, n, v, size, expires, fence) VALUES (:k, '', :n, :v, :size, {end}, :fence) ON DUPLICATE KEY UPDATE `

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.write(ctx, "set", k, v, ttl, insert+`
		fence = IF({over}, 0, fence), n = VALUES(n), v = VALUES(v), size = VALUES(size), expires = {end}`,
		args{"fence": uint64(0)}, nil)
}

// SetFenced writes the value unless a larger fence has written the row. The row has the caller's fence from the first
// assignment on if and only if it is written.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	return s.write(ctx, "set fenced", k, v, ttl, insert+`
		fence = IF(LAST_INSERT_ID(IF({over} OR fence <= VALUES(fence), 1, 2)) = 1, VALUES(fence), fence),
		n = IF(fence = VALUES(fence), VALUES(n), n),
		v = IF(fence = VALUES(fence), VALUES(v), v),
		size = IF(fence = VALUES(fence), VALUES(size), size),
		expires = IF(fence = VALUES(fence), {end}, expires)`,
		args{"fence": fence}, func(d done) error {
			if d.id == 2 {
				return kv.ErrNotOwner
			}
			return nil
		})
}

// giveUp begins assignments to a row that may be over: if so, it is one that was given up for those that follow.
const giveUp = `expires = IF({over}, 1, expires),`

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (added bool, err error) {
	err = s.write(ctx, "add", k, v, ttl, insert+giveUp+`
		fence = IF(LAST_INSERT_ID(IF(expires = 1, 1, 2)) = 1, 0, fence),
		n = IF(expires = 1, VALUES(n), n),
		v = IF(expires = 1, VALUES(v), v),
		size = IF(expires = 1, VALUES(size), size),
		expires = IF(expires = 1, {end}, expires)`,
		args{"fence": uint64(0)}, func(d done) error {
			added = d.id != 2
			return nil
		})
	return added && err == nil, err
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (swapped bool, err error) {
	if old == nil {
		return s.Add(ctx, k, next, ttl)
	}
	if len(old) > kv.MaxValue { // no row holds it
		old = old[:kv.MaxValue+1]
	}
	is := cellOf(old)
	query := `UPDATE {rows} SET n = :n, v = :v, size = :size, expires = {end}
		WHERE k = :k AND sub = '' AND {stands} AND n <=> :oldn AND v = :oldv`
	err = s.write(ctx, "compare and swap", k, next, ttl, query, args{"oldn": is.n, "oldv": is.v}, func(d done) error {
		swapped = d.rows > 0
		return nil
	})
	return swapped && err == nil, err
}

// incrQuery adds within bounds. LAST_INSERT_ID carries the new number, or 1 for a row that stays as it is; a row that is
// new carries none. It is not assigned itself, since the server takes it for unsigned.
const incrQuery = `INSERT INTO {rows} (k, sub, n, v, size, expires, fence) VALUES (:k, '', :by, '', 0, {end}, 0) ON DUPLICATE KEY UPDATE ` + giveUp + `
	fence = CASE WHEN LAST_INSERT_ID(CASE WHEN expires = 1 THEN :by WHEN n BETWEEN :lo AND :hi THEN n + :by ELSE 1 END) = 0
		THEN IF(expires = 1, 0, fence) ELSE IF(expires = 1, 0, fence) END,
	n = CASE WHEN expires = 1 THEN :by WHEN n BETWEEN :lo AND :hi THEN n + :by ELSE n END,
	v = IF(expires = 1, '', v),
	size = IF(expires = 1, 0, size),
	expires = IF(expires = 1, {end}, expires)`

// Incr adds to a counter.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (n int64, err error) {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if by > 0 {
		hi -= by
	} else {
		lo -= by
	}
	for range incrTries {
		stays := false
		err = s.write(ctx, "incr", k, nil, ttl, incrQuery, args{"by": by, "lo": lo, "hi": hi}, func(d done) error {
			switch {
			case d.rows == 2:
				n = d.id
			case d.id == 0:
				n = by
			default:
				stays = true
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if !stays {
			return n, nil
		}
		// Nothing was done. A look at the row says why, unless it has become one that counts.
		v, err := s.Get(ctx, k)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		is, err := kv.CounterOf(v, err)
		if err != nil {
			return 0, err
		}
		if n, err = kv.AddCounter(is, by); err != nil || by == 0 {
			return n, err
		}
	}
	return 0, fmt.Errorf("kv/mysql: incr: %w: the row becomes another faster than it is read", kv.ErrUnavailable)
}

// incrTries bounds how often a row may turn from no counter into one between two statements.
const incrTries = 100

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}
