package mysql

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
)

// Statements are written with names in place of question marks and these words:
//
//	{rows} {meta}   the tables
//	:now              the time when the statement began, in unix milliseconds; the same everywhere in it
//	{live} {dead}     whether the row is there at that time: for what reads
//	:held             the time at this very place, so that of a row that the statement holds is after it was waited for
//	{stands} {over}   whether the row is there at that time: for what writes; at most once in a statement
//	{end}             the deadline that :ttl leads to from then on
//
// A read takes the time before it looks: a row that was replaced in between would else seem expired. A write takes it
// when nobody else can change the row any more: what it waited for may have taken longer than the row had left.
const (
	serverMicros = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
	serverMillis = "(" + serverMicros + " DIV 1000)"
	// Sessions are at +00:00.
	heldMicros = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6))"
	heldMillis = "(" + heldMicros + " DIV 1000)"
)

var words = strings.NewReplacer(
	"{live}", "(expires = 0 OR expires > :now)",
	"{dead}", "(expires <> 0 AND expires <= :now)",
	"{stands}", "(expires = 0 OR expires > :held)",
	"{over}", "(expires <> 0 AND expires <= :held)",
	"{end}", "IF(:ttl = 0, 0, :held + :ttl)",
	"{micros}", serverMicros,
	"{heldmicros}", heldMicros,
)

// names are the tables, quoted.
type names struct{ rows, meta string }

func (n names) in(text string) string {
	return strings.NewReplacer("{rows}", n.rows, "{meta}", n.meta).Replace(text)
}

// args are the values of a statement's names.
type args map[string]any

// statements are those that were used, prepared: database/sql keeps one on every connection. It may be used by many
// goroutines.
type statements struct {
	mu  sync.RWMutex
	all map[string]*statement
}

type statement struct {
	*sql.Stmt
	names []string
	holds bool // it judges a row that it holds by this process's clock
}

// compile turns names into question marks and returns them in their order. With a time of the server :now and :held
// are its expressions.
func compile(text string, tables names, serverTime bool) (string, []string) {
	text = tables.in(words.Replace(text))
	var b strings.Builder
	var found []string
	for {
		before, rest, ok := strings.Cut(text, ":")
		b.WriteString(before)
		if !ok {
			return b.String(), found
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' })
		if end < 0 {
			end = len(rest)
		}
		switch name := rest[:end]; {
		case name == "now" && serverTime:
			b.WriteString(serverMillis)
		case name == "held" && serverTime:
			b.WriteString(heldMillis)
		default:
			b.WriteByte('?')
			found = append(found, name)
		}
		text = rest[end:]
	}
}

// prepare returns the statement for text.
func (s *Store) prepare(ctx context.Context, text string) (*statement, error) {
	s.statements.mu.RLock()
	st := s.statements.all[text]
	s.statements.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	query, found := compile(text, s.tables, s.clock == nil)
	prepared, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.statements.mu.Lock()
	defer s.statements.mu.Unlock()
	if st := s.statements.all[text]; st != nil { // somebody was faster
		_ = prepared.Close()
		return st, nil
	}
	if s.statements.all == nil {
		s.statements.all = map[string]*statement{}
	}
	st = &statement{prepared, found, slices.Contains(found, "held")}
	s.statements.all[text] = st
	return st, nil
}

// bind puts the values in the statement's order. A list of keys is filled up with its last one, to which 0 is added. The time is the clock's,
// read once, unless a says what it is.
func (s *Store) bind(st *statement, a args) []any {
	values := make([]any, len(st.names))
	var now any
	keys, _ := a["keys"].([][]byte)
	bys, _ := a["bys"].([]int64)
	listed, added := 0, 0
	for i, name := range st.names {
		if name == "keys" {
			values[i] = keys[min(listed, len(keys)-1)]
			listed++
			continue
		}
		if name == "bys" {
			by := int64(0)
			if added < len(bys) {
				by = bys[added]
			}
			added, values[i] = added+1, by
			continue
		}
		v, ok := a[name]
		if !ok && (name == "now" || name == "held") {
			if now == nil {
				now = s.clock.Milli()
			}
			v, ok = now, true
		}
		if !ok {
			panic("kv/mysql: a statement wants :" + name)
		}
		values[i] = v
	}
	return values
}

// done is what a statement says that changes rows.
type done struct {
	rows int64 // rows that met the condition; 2 for one that an INSERT found and changed
	id   int64 // the last LAST_INSERT_ID(expression), else 0
}

// exec runs a statement that changes rows.
func (s *Store) exec(ctx context.Context, text string, a args) (done, error) {
	st, err := s.prepare(ctx, text)
	if err != nil {
		return done{}, err
	}
	if st.holds {
		return s.execHolding(ctx, st, a)
	}
	return result(st.ExecContext(ctx, s.bind(st, a)...))
}

// execHolding is exec by this process's clock.
func (s *Store) execHolding(ctx context.Context, st *statement, a args) (d done, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		d, err = result(tx.StmtContext(ctx, st.Stmt).ExecContext(ctx, s.bind(st, a)...))
		return err
	})
	return d, err
}

// transaction runs fn in one and commits. A clock of this process is read before a statement waits for its rows, so if
// it went on until fn has them, all is taken back and made again.
func (s *Store) transaction(ctx context.Context, fn func(tx *sql.Tx) error) error {
	once := func(last bool) (again bool, _ error) {
		began := int64(0)
		if s.clock != nil {
			began = s.clock.Milli()
		}
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return false, err
		}
		defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back; without it the server does so when the connection ends
		if err := fn(tx); err != nil {
			return false, err
		}
		if s.clock != nil && !last && s.clock.Milli() != began {
			return true, nil
		}
		return false, tx.Commit()
	}
	for try := 1; ; try++ {
		if again, err := once(try == strictTries); !again {
			return err
		}
	}
}

func result(r sql.Result, err error) (d done, _ error) {
	if err != nil {
		return done{}, err
	}
	if d.rows, err = r.RowsAffected(); err != nil {
		return done{}, err
	}
	d.id, err = r.LastInsertId()
	return d, err
}

// row runs a statement that gives one row at most, and returns sql.ErrNoRows if it gives none.
func (s *Store) row(ctx context.Context, text string, a args, dest ...any) error {
	st, err := s.prepare(ctx, text)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, s.bind(st, a)...).Scan(dest...)
}

// each runs a statement and see for each of its rows.
func (s *Store) each(ctx context.Context, text string, a args, see func(scan func(...any) error) error) error {
	st, err := s.prepare(ctx, text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, s.bind(st, a)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := see(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// deadlockTries is how often a statement is run that the server took back.
const deadlockTries = 10

// deadlocks runs fn again when the server took its statement back as a whole to end a deadlock. Other errors may leave
// a write of which nobody knows whether it was made; they are the caller's.
func (s *Store) deadlocks(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	for range deadlockTries {
		if err = fn(ctx); err == nil || !again(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// strictTries bounds reads and writes under a clock that never stands still.
const strictTries = 8

// strict runs a read with the time that it judges rows by. A server takes both in one statement. With a clock of this
// process the time is read before, so the read is made again if the clock went on meanwhile.
func (s *Store) strict(fn func() error) (err error) {
	if s.clock == nil {
		return fn()
	}
	for range strictTries {
		now := s.clock.Milli()
		if err = fn(); s.clock.Milli() == now {
			return err
		}
	}
	return err
}
