package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// row is what one row of kv says, with the value from wherever it is kept.
type row struct {
	v     []byte
	exp   int64
	fence uint64
}

func (r row) value() kv.Value { return kv.Value{Bytes: r.v, Expires: kv.Moment(r.exp), Fence: r.fence} }

// columns of a row of kv, in the order of row.scan.
const columns = `k, coalesce(v, (SELECT v FROM big WHERE big.k = kv.k)), exp, fence, sum`

const selectRow = `SELECT ` + columns + ` FROM kv WHERE k = ?`

// scan reads columns and compares the row's sum, which rows of older versions do not
// have: SQLite sees a page that is no page, but not other octets within a value.
func (r *row) scan(c *sqlite.Conn, scan func(...any) error) (key []byte, err error) {
	var sum any
	if err := scan(&key, &r.v, &r.exp, &r.fence, &sum); err != nil {
		return nil, err
	}
	if r.v == nil {
		return nil, fmt.Errorf("%w: %s: the value of a row is missing", sqlite.ErrCorrupt, c.Path())
	}
	if sum != nil && sum != r.sum(key) {
		return nil, fmt.Errorf("%w: %s: a row is not what was written", sqlite.ErrCorrupt, c.Path())
	}
	return key, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is a checksum of key, expiry and value.
func (r *row) sum(key []byte) int64 {
	var exp [8]byte
	binary.BigEndian.PutUint64(exp[:], uint64(r.exp))
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, exp[:])
	return int64(crc32.Update(sum, castagnoli, r.v))
}

// read returns the live row of key, or kv.ErrNotFound.
func read(c *sqlite.Conn, key []byte, now int64) (row, error) {
	var r row
	_, err := r.scan(c, c.QueryRow(selectRow, key).Scan)
	if errors.Is(err, sqlite.ErrNoRows) || err == nil && !kv.Live(r.exp, now) {
		return row{}, kv.ErrNotFound
	}
	return r, err
}

// put writes a row in place of what is there, of which it keeps the fence if it is live at now.
// With a now of 0 the row's own fence is the one that counts.
func (s *Store) put(tx *sqlite.Tx, key []byte, r row, now int64) error {
	v, exp := r.v, r.exp
	if v == nil {
		v = []byte{} // NULL would mean that the value is in big
	}
	var small any = v
	if len(v) > smallValue {
		small = nil
		s.anyBig.Store(true)
		if err := tx.Guard(); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO big (k, v, exp) VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v, exp = excluded.exp`, key, v, exp)
		if err != nil {
			return err
		}
	} else if s.anyBig.Load() {
		if err := tx.Guard(); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM big WHERE k = ?`, key); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO kv (k, v, exp, fence, sum) VALUES (?1, ?2, ?3, ?4, ?6) ON CONFLICT (k) DO UPDATE SET v = excluded.v, sum = excluded.sum,
		fence = CASE WHEN ?5 > 0 AND (exp = 0 OR exp > ?5) THEN max(fence, excluded.fence) ELSE excluded.fence END, exp = excluded.exp`,
		key, small, exp, r.fence, now, r.sum(key))
	return err
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	var r row
	now := s.clock.Milli()
	err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) (err error) {
		r, err = read(c, k.Octets(), now)
		return err
	})
	if err != nil {
		return kv.Value{}, fail("get", err)
	}
	return r.value(), nil
}

// GetMany returns one value per key; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	values := make([]kv.Value, len(ks))
	now := s.clock.Milli()
	err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
		for i, k := range ks {
			r, err := read(c, k.Octets(), now)
			if err == kv.ErrNotFound {
				continue
			}
			if err != nil {
				return err
			}
			values[i] = r.value()
		}
		return nil
	})
	if err != nil {
		return nil, fail("get", err)
	}
	return values, nil
}

// edit runs change, which writes one row, in the writer, with the row's key and the deadline that ttl means.
func (s *Store) edit(ctx context.Context, act string, k kv.Key, v []byte, ttl time.Duration, change func(tx *sqlite.Tx, key []byte, now, exp int64) error) error {
	if err := k.Check(); err != nil {
		return err
	}
	if err := kv.CheckValue(v); err != nil {
		return err
	}
	if _, err := kv.Deadline(0, ttl); err != nil {
		return err
	}
	key := k.Octets()
	return fail(act, s.db.WriteLoose(ctx, s.timed(func(tx *sqlite.Tx, now int64) error {
		exp, err := kv.Deadline(now, ttl)
		if err != nil {
			return err
		}
		return change(tx, key, now, exp)
	})))
}

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.edit(ctx, "set", k, v, ttl, func(tx *sqlite.Tx, key []byte, now, exp int64) error {
		return s.put(tx, key, row{v: v, exp: exp}, now)
	})
}

// SetFenced writes the value unless a larger fence has written the row.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	if fence > math.MaxInt64 {
		return kv.ErrNotOwner // no such number was ever given out
	}
	return s.edit(ctx, "set fenced", k, v, ttl, func(tx *sqlite.Tx, key []byte, now, exp int64) error {
		r, err := read(tx.Conn, key, now)
		if err != nil && err != kv.ErrNotFound {
			return err
		}
		if r.fence > fence {
			return kv.ErrNotOwner
		}
		return s.put(tx, key, row{v: v, exp: exp, fence: fence}, now)
	})
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.CompareAndSwap(ctx, k, nil, v, ttl)
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	done := false
	err := s.edit(ctx, "compare and swap", k, next, ttl, func(tx *sqlite.Tx, key []byte, now, exp int64) error {
		r, err := read(tx.Conn, key, now)
		if err != nil && err != kv.ErrNotFound {
			return err
		}
		there := err == nil
		if there != (old != nil) || there && !bytes.Equal(r.v, old) {
			return nil
		}
		done = true
		return s.put(tx, key, row{v: next, exp: exp}, now)
	})
	return done && err == nil, err
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	var n int64
	err := s.edit(ctx, "increment", k, nil, ttl, func(tx *sqlite.Tx, key []byte, now, exp int64) (err error) {
		n, err = s.increment(tx, key, by, now, exp)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}

// Delete removes what is under the key and says whether there was something.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := k.Check(); err != nil {
		return false, err
	}
	var n int64
	key := k.Octets()
	err := s.write(ctx, "delete", func(tx *sqlite.Tx, now int64) error {
		n = 0
		for _, table := range []string{"big", "kv", "rate", "lock"} {
			if !s.uses(table) {
				continue
			}
			where, args := `k = ?`, []any{key}
			if table == "rate" {
				where, args = ratesOf(key)
			}
			live, err := remove(tx, table, where, args, now)
			if err != nil {
				return err
			}
			if table != "big" { // whose rows are counted in kv
				n += live
			}
		}
		return nil
	})
	return n > 0 && err == nil, err
}

// ratesOf is the condition for the allowances of one key. Behind the name come a NUL and a
// rule, and no rule holds another NUL.
func ratesOf(key []byte) (where string, args []any) {
	lo := append(append([]byte(nil), key...), 0)
	return `k > ? AND k < ? AND instr(substr(k, ?), x'00') = 0`, []any{lo, kv.Behind(lo), len(lo) + 1}
}

// uses reports whether the table may hold rows. Most stores never use the side tables,
// and then deleting need not look there.
func (s *Store) uses(table string) bool {
	switch table {
	case "big":
		return s.anyBig.Load()
	case "rate":
		return s.anyRate.Load()
	case "lock":
		return s.anyLock.Load()
	}
	return true
}

// remove deletes the rows of a table and returns how many of them anybody could see.
func remove(tx *sqlite.Tx, table, where string, args []any, now int64) (live int64, err error) {
	live, err = tx.Exec(`DELETE FROM `+table+` WHERE `+where+` AND (exp = 0 OR exp > ?)`, append(args[:len(args):len(args)], now)...)
	if err == nil {
		_, err = tx.Exec(`DELETE FROM `+table+` WHERE `+where, args...)
	}
	return live, err
}
