package mysql

import (
	"context"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// purgePlace is where a purge goes on. It is this process's: a new one begins at the beginning.
type purgePlace struct {
	turn chan struct{} // holds one element while a step is under way
	key  []byte
	rows int // looked at in one step; follows the time that steps take
}

const (
	minPurgeRows = 64
	maxPurgeRows = 8192
)

func newPurgePlace() purgePlace {
	return purgePlace{turn: make(chan struct{}, 1), key: []byte{}, rows: 512}
}

const (
	purgeLook = `SELECT COUNT(*), COALESCE(MAX(IF(sub = 'L', fence, 0)), 0) FROM {rows} WHERE k >= :from AND k < :to AND {dead}`
	// All of a new row's fence is reckoned from the floor, so it is raised before rows go, and only rows that it covers go.
	purgeFloor = `UPDATE {meta} SET val = GREATEST(val, :fence) WHERE name = 'floor'`
	purgeRows  = `DELETE FROM {rows} WHERE k >= :from AND k < :to AND {dead} AND (sub <> 'L' OR fence <= :fence)`
)

// Purge removes the expired and deleted rows of the next range of keys. The expiry is compared again in the statement
// that removes, so a row that was written anew stays. A step takes some milliseconds of the server's.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	select {
	case s.purge.turn <- struct{}{}:
		defer func() { <-s.purge.turn }()
	case <-ctx.Done():
		return 0, true, fmt.Errorf("kv/mysql: purge: %w", ctx.Err())
	}
	began := time.Now()
	from := s.purge.key
	to, more, err := s.part(ctx, "purge", from, kv.LastKey, s.purge.rows)
	if err != nil {
		return 0, true, err
	}
	var gone int64
	var fence uint64
	a := args{"from": from, "to": to}
	err = s.call(ctx, "purge", func(ctx context.Context) error { return s.row(ctx, purgeLook, a, &gone, &fence) })
	if err != nil {
		return 0, true, err
	}
	if gone > 0 {
		a["fence"] = fence
		if fence > 0 {
			err = s.call(ctx, "purge", func(ctx context.Context) error {
				_, err := s.exec(ctx, purgeFloor, a)
				return err
			})
			if err != nil {
				return 0, true, err
			}
		}
		var d done
		err = s.call(ctx, "purge", func(ctx context.Context) (err error) {
			d, err = s.exec(ctx, purgeRows, a)
			return err
		})
		if err != nil {
			return 0, true, err
		}
		removed = int(d.rows)
	}
	s.purge.key = to
	if !more {
		s.purge.key = []byte{}
	}
	s.purge.adapt(time.Since(began))
	return removed, more, nil
}

// adapt makes steps take 4 to 8 ms, with their commit.
func (p *purgePlace) adapt(took time.Duration) {
	switch {
	case took > 8*time.Millisecond:
		p.rows = max(p.rows/2, minPurgeRows)
	case took < 4*time.Millisecond:
		p.rows = min(p.rows*2, maxPurgeRows)
	}
}
