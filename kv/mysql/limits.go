package mysql

import (
	"context"
	"database/sql"
	"errors"
	"hash/maphash"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// How an allowance or a lease is taken: one statement reads it, Go decides, another writes if the row is still what was
// read. Callers of one process take turns on a key, so only other machines come in between; who meets them too often
// locks the row.
const (
	optimisticTries = 8
	lockedTries     = 100 // each failure is another machine's row that was made or purged
	turns           = 1024
)

var seed = maphash.MakeSeed()

// turn waits until nobody in this process works on the row, and returns what gives the turn back.
func (s *Store) turn(ctx context.Context, key []byte, sub string) (func(), error) {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(key)
	_, _ = h.WriteString(sub)
	c := s.turns[h.Sum64()%turns]
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ruleSub is where the allowance of rule stands under its key.
func ruleSub(r kv.Rule) string { return "R" + r.String() }

// The state is read together with the time, in one row also if there is no state.
const (
	rateRead   = `SELECT {micros}, (SELECT v FROM {rows} WHERE k = :k AND sub = :sub)`
	rateLocked = `SELECT {heldmicros}, v FROM {rows} WHERE k = :k AND sub = :sub FOR UPDATE`
	rateInsert = `INSERT INTO {rows} (k, sub, v, size, expires, fence) VALUES (:k, :sub, :v, 40, :expires, 0)`
	rateUpdate = `UPDATE {rows} SET v = :v, size = 40, expires = :expires WHERE k = :k AND sub = :sub AND v = :old`
)

// Rate asks rule for cost units of k's allowance.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (d kv.Decision, err error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	t := taking{s: s, key: k.Octets(), sub: ruleSub(rule), rule: rule, cost: cost, peek: peek}
	err = s.call(ctx, "rate", func(ctx context.Context) error {
		if !peek {
			over, err := s.turn(ctx, t.key, t.sub)
			if err != nil {
				return err
			}
			defer over()
		}
		for range s.tries {
			if taken, err := t.optimistic(ctx); taken || err != nil {
				return err
			}
		}
		for range lockedTries {
			if taken, err := t.locked(ctx); taken || err != nil {
				return err
			}
		}
		return errors.New("the allowance comes and goes faster than it is read")
	})
	if err != nil {
		return kv.Decision{}, err
	}
	return t.d, nil
}

// taking is one call of Rate. The state is one moment's, so what others did before or after does not matter: the write
// is made on exactly the state that Take saw.
type taking struct {
	s    *Store
	key  []byte
	sub  string
	rule kv.Rule
	cost int64
	peek bool

	is         []byte // nil: there is none
	next       []byte
	expires    int64
	nothingNew bool // next need not be written
	d          kv.Decision
}

// decide has Take say what becomes of the state.
func (t *taking) decide(micros int64, state []byte) error {
	var old kv.RateState
	var err error
	t.is = state
	if len(t.is) > 0 { // a deleted one is empty
		if old, err = kv.ParseRateState(state); err != nil {
			return err
		}
	}
	now := micros * int64(time.Microsecond)
	if t.s.clock != nil {
		now = t.s.clock.Nano()
	}
	next, expires, d := t.rule.Take(old, now, t.cost)
	t.d, t.next, t.expires = d, next.Append(nil), expires
	t.nothingNew = t.peek || !d.Allowed || t.is != nil && next == old
	return nil
}

func (t *taking) args() args {
	return args{"k": t.key, "sub": t.sub, "v": t.next, "expires": t.expires, "old": t.is}
}

// optimistic reads and writes, and says whether nobody came in between.
func (t *taking) optimistic(ctx context.Context) (bool, error) {
	var micros int64
	var state []byte
	if err := t.s.row(ctx, rateRead, t.args(), &micros, &state); err != nil {
		return false, err
	}
	if err := t.decide(micros, state); err != nil || t.nothingNew {
		return true, err
	}
	query := rateUpdate
	if t.is == nil {
		query = rateInsert
	}
	done, err := t.s.exec(ctx, query, t.args())
	if number(err) == erDupEntry { // somebody made the row
		return false, nil
	}
	return done.rows > 0, err
}

// locked does the same in a transaction that keeps others from the row. If there is no row there is nothing to lock, and
// then it is made as optimistically as before.
func (t *taking) locked(ctx context.Context) (bool, error) {
	read, err := t.s.prepare(ctx, rateLocked)
	if err != nil {
		return false, err
	}
	write, err := t.s.prepare(ctx, rateUpdate)
	if err != nil {
		return false, err
	}
	tx, err := t.s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back; without it the server does so when the connection ends
	var micros int64
	var state []byte
	err = tx.StmtContext(ctx, read.Stmt).QueryRowContext(ctx, t.s.bind(read, t.args())...).Scan(&micros, &state)
	if errors.Is(err, sql.ErrNoRows) {
		_ = tx.Rollback()
		return t.optimistic(ctx)
	}
	if err != nil {
		return false, err
	}
	if err := t.decide(micros, state); err != nil || t.nothingNew {
		return true, err
	}
	d, err := result(tx.StmtContext(ctx, write.Stmt).ExecContext(ctx, t.s.bind(write, t.args())...))
	if err != nil {
		return false, err
	}
	if d.rows != 1 {
		return false, errors.New("a locked row was changed by another")
	}
	return true, tx.Commit()
}
