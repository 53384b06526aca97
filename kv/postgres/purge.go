package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// purge is where a purge goes on: the table, and the key behind which it begins.
type purge struct {
	mu    sync.Mutex // held while a step runs: two would look at the same rows
	table int
	key   []byte
	rows  int // looked at in one step; follows the time that steps take
}

const (
	minPurgeRows = 64
	maxPurgeRows = 8192
	// A step should take between these: its rows are locked so long.
	shortStep = 2 * time.Millisecond
	longStep  = 8 * time.Millisecond
)

// reset goes to the beginning. Every key is behind the empty one.
func (p *purge) reset() { p.table, p.key, p.rows = 0, []byte{}, 1024 }

// Purge removes the expired rows of the next range of keys. The expiry is compared by the statement that deletes, which
// looks at the newest state of a row that somebody writes at the same time. Nothing waits for the disk: a row that
// comes back after a crash is still expired.
func (s *Store) Purge(ctx context.Context) (removed int, more bool, err error) {
	p := &s.purge
	p.mu.Lock()
	defer p.mu.Unlock()
	var took time.Duration
	var next []byte
	err = s.do(ctx, "purge", func(ctx context.Context) error {
		next = nil
		began := time.Now()
		err := s.pool.QueryRow(ctx, s.q.purge[p.table], s.now(), p.key, p.rows-1, kv.LastKey).Scan(&removed, &next, nil)
		took = time.Since(began)
		return err
	})
	if err != nil {
		return 0, true, err
	}
	switch {
	case took > longStep:
		p.rows = max(p.rows/2, minPurgeRows)
	case took < shortStep:
		p.rows = min(p.rows*2, maxPurgeRows)
	}
	if p.key = next; next != nil {
		return removed, true, nil
	}
	p.key = []byte{}
	p.table = (p.table + 1) % len(tables)
	return removed, p.table != 0, nil
}
