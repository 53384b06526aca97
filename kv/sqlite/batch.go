package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

var _ kv.Batcher = (*Store)(nil)

// Apply makes all changes in one commit, or none. Rows get exactly the expiry and the fence
// that the changes say, whatever was there; allowances and leases of the keys stay.
//
// It is meant for a caller that alone writes these rows: between the moment that it decided what they
// are and the commit, nobody else may. Other writes wait behind the whole batch, so a batch of
// some hundred rows is as much as is polite.
func (s *Store) Apply(ctx context.Context, changes []kv.Change) error {
	for i := range changes {
		c := &changes[i]
		if err := c.Key.Check(); err != nil {
			return err
		}
		if err := kv.CheckValue(c.Value.Bytes); err != nil {
			return err
		}
		if c.Value.Fence > math.MaxInt64 {
			return fmt.Errorf("%w: fence of more than 63 bits", kv.ErrInvalid)
		}
	}
	if len(changes) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, "apply", func(tx *sqlite.Tx, _ int64) error {
		for i := range changes {
			if err := s.apply(tx, &changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) apply(tx *sqlite.Tx, c *kv.Change) error {
	key := c.Key.Octets()
	if c.Value.Bytes != nil {
		r := row{v: c.Value.Bytes, fence: c.Value.Fence}
		if !c.Value.Expires.IsZero() {
			r.exp = c.Value.Expires.UnixMilli()
		}
		return s.put(tx, key, r, 0)
	}
	_, err := tx.Exec(`DELETE FROM kv WHERE k = ?`, key)
	if err == nil && s.anyBig.Load() {
		_, err = tx.Exec(`DELETE FROM big WHERE k = ?`, key)
	}
	return err
}

// DeleteBeside removes what is under k except its value: allowances and the copy of a lease. It says
// whether anything of that was live. Where there is none, it costs no commit.
func (s *Store) DeleteBeside(ctx context.Context, k kv.Key) (bool, error) {
	if err := k.Check(); err != nil {
		return false, err
	}
	if !s.anyRate.Load() && !s.anyLock.Load() {
		return false, ctx.Err()
	}
	key := k.Octets()
	rates, args := ratesOf(key)
	var some bool
	err := s.db.ReadOnce(ctx, func(c *sqlite.Conn) error {
		return c.QueryRow(`SELECT EXISTS (SELECT 1 FROM lock WHERE k = ?) OR EXISTS (SELECT 1 FROM rate WHERE `+rates+`)`,
			append([]any{key}, args...)...).Scan(&some)
	})
	if err != nil || !some {
		return false, fail("delete", err)
	}
	var n int64
	err = s.write(ctx, "delete", func(tx *sqlite.Tx, now int64) error {
		live, err := remove(tx, "rate", rates, args, now)
		if err != nil {
			return err
		}
		n, err = remove(tx, "lock", `k = ?`, []any{key}, now)
		n += live
		return err
	})
	return n > 0 && err == nil, err
}
