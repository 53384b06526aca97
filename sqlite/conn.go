package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// maxStatements bounds the cache of prepared statements of one connection. Texts are
// constants, so only a mistake reaches it.
const maxStatements = 512

// Conn is a connection in the hands of one fn. It must not be kept or used by another
// goroutine after fn returned.
type Conn struct {
	path  string
	raw   *sqlite3.SQLiteConn
	stmts map[string]*statement
	ctx   context.Context // of the fn that runs; ends long loops over rows

	args   []driver.NamedValue // scratch; a statement copies them before it returns
	open   *Rows               // rows that are not closed yet, newest first
	lastID int64

	changed bool // a statement that may change something has succeeded since fn began
}

// statement is a prepared statement and what Exec needs to know of it.
type statement struct {
	raw     *sqlite3.SQLiteStmt
	changes bool // is no reading
	returns bool // may yield rows, so that stepping once is not enough
	busy    bool // rows of it are open
	cached  bool
}

// Exec runs a statement (or, without args, several) and returns how many rows it
// changed.
func (c *Conn) Exec(query string, args ...any) (changes int64, err error) {
	if several(query) {
		if len(args) > 0 {
			return 0, errors.New("sqlite: exec: several statements cannot take arguments")
		}
		c.changed = true
		res, err := c.raw.Exec(query, nil)
		if err != nil {
			return 0, wrap("exec", c.path, err)
		}
		return res.RowsAffected()
	}
	st, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	if st.returns {
		r := c.query(st, args)
		for r.Next() {
			changes++
		}
		return changes, r.Close()
	}
	defer c.release(st)
	if err := c.bind(args); err != nil {
		return 0, err
	}
	res, err := st.raw.ExecContext(context.Background(), c.args)
	if err != nil {
		return 0, wrap("exec", c.path, err)
	}
	c.changed = c.changed || st.changes
	c.lastID, _ = res.LastInsertId() // the driver's result never fails
	return res.RowsAffected()
}

// Path returns the absolute path of the file, for errors.
func (c *Conn) Path() string { return c.path }

// LastInsertID returns the rowid of the last row that Exec inserted on this connection.
func (c *Conn) LastInsertID() int64 { return c.lastID }

// Query runs a statement and returns its rows. It never returns nil; an error shows
// in Next and Close.
func (c *Conn) Query(query string, args ...any) *Rows {
	st, err := c.prepare(query)
	if err != nil {
		return &Rows{err: err}
	}
	return c.query(st, args)
}

// QueryRow runs a statement of which only the first row is wanted.
func (c *Conn) QueryRow(query string, args ...any) *Row {
	return &Row{rows: c.Query(query, args...)}
}

func (c *Conn) query(st *statement, args []any) *Rows {
	if err := c.bind(args); err != nil {
		c.release(st)
		return &Rows{err: err}
	}
	raw, err := st.raw.QueryContext(context.Background(), c.args)
	if err != nil {
		c.release(st)
		return &Rows{err: wrap("query", c.path, err)}
	}
	c.changed = c.changed || st.changes
	r := &Rows{c: c, st: st, raw: raw, values: make([]driver.Value, len(raw.Columns())), older: c.open}
	c.open = r
	return r
}

// prepare returns the statement for query, from the cache if it is there and free.
func (c *Conn) prepare(query string) (*statement, error) {
	st := c.stmts[query]
	if st != nil && !st.busy {
		st.busy = true
		return st, nil
	}
	if several(query) {
		return nil, errors.New("sqlite: prepare: more than one statement in a query")
	}
	raw, err := c.raw.Prepare(query)
	if err != nil {
		return nil, wrap("prepare", c.path, err)
	}
	stmt, ok := raw.(*sqlite3.SQLiteStmt)
	if !ok {
		return nil, fmt.Errorf("sqlite: prepare: unexpected statement %T", raw)
	}
	fresh := &statement{raw: stmt, busy: true, changes: !stmt.Readonly(), returns: stmt.Readonly() || strings.Contains(strings.ToUpper(query), "RETURNING")}
	if st != nil {
		return fresh, nil // the cached one is in use by an outer loop
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	fresh.cached = true
	c.stmts[query] = fresh
	return fresh, nil
}

// forget closes the cached statements that nobody uses.
func (c *Conn) forget() {
	for text, st := range c.stmts {
		if !st.busy {
			_ = st.raw.Close() // a finalized statement repeats its last error only
			delete(c.stmts, text)
		}
	}
}

func (c *Conn) release(st *statement) {
	st.busy = false
	if !st.cached {
		_ = st.raw.Close()
	}
}

// settle closes rows that fn left open: they would pin the snapshot.
func (c *Conn) settle() {
	for c.open != nil {
		_ = c.open.Close()
	}
	c.ctx = nil
}

func (c *Conn) close() error {
	c.settle()
	c.forget()
	return wrap("close", c.path, c.raw.Close())
}

// execBatch runs statements that are not worth keeping prepared.
func (c *Conn) execBatch(text string) error {
	_, err := c.raw.Exec(text, nil)
	return err
}

// run executes a cached statement without arguments, such as BEGIN.
func (c *Conn) run(text string) error {
	st, err := c.prepare(text)
	if err != nil {
		return err
	}
	defer c.release(st)
	rows, err := st.raw.QueryContext(context.Background(), nil)
	if err != nil {
		return err
	}
	err = rows.Next(nil)
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// several reports whether text may hold more than one statement. A semicolon within a
// literal counts too, which only costs that statement its place in the cache.
func several(text string) bool {
	i := strings.IndexByte(text, ';')
	return i >= 0 && strings.TrimSpace(text[i+1:]) != ""
}
