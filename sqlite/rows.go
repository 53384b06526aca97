package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// Rows is the result of a query:
//
//	r := c.Query(`SELECT a, b FROM t WHERE c = ?`, 1)
//	for r.Next() {
//		r.Scan(&a, &b)
//	}
//	err := r.Close()
//
// The first error of the whole loop is kept, ends it and is returned by Close.
type Rows struct {
	c      *Conn
	st     *statement
	raw    driver.Rows
	values []driver.Value
	older  *Rows
	seen   int
	err    error
}

// Next moves to the next row and says whether there is one.
func (r *Rows) Next() bool {
	if r.raw == nil || r.err != nil {
		return false
	}
	r.seen++
	if r.seen%64 == 0 && r.c.ctx != nil {
		if err := r.c.ctx.Err(); err != nil {
			r.fail(fmt.Errorf("sqlite: query: %w", err))
			return false
		}
	}
	switch err := r.raw.Next(r.values); {
	case err == nil:
		return true
	case errors.Is(err, io.EOF):
		r.finish()
	default:
		r.fail(wrap("query", r.c.path, err))
	}
	return false
}

// Scan copies the columns of the current row into the variables that dest points to:
// int64, int, uint32, uint64, bool, float64, string, []byte, any, or types made of
// them. NULL fits only []byte (nil) and any. Octets are the caller's to keep.
func (r *Rows) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if r.raw == nil {
		r.err = errors.New("sqlite: scan: no current row")
		return r.err
	}
	if len(dest) != len(r.values) {
		r.fail(fmt.Errorf("sqlite: scan: %d variables for %d columns", len(dest), len(r.values)))
		return r.err
	}
	for i, d := range dest {
		if err := assign(d, r.values[i]); err != nil {
			r.fail(fmt.Errorf("sqlite: scan: %s: column %d: %w", r.c.path, i+1, err))
			return r.err
		}
	}
	return nil
}

// Close ends the query and returns the first error of the loop. It may be called
// twice.
func (r *Rows) Close() error {
	r.finish()
	return r.err
}

func (r *Rows) fail(err error) {
	r.err = err
	r.finish()
}

// finish gives the statement back. Rows may be closed in any order.
func (r *Rows) finish() {
	if r.raw == nil {
		return
	}
	err := r.raw.Close()
	r.raw = nil
	if r.err == nil && err != nil {
		r.err = wrap("query", r.c.path, err)
	}
	r.c.release(r.st)
	for p := &r.c.open; *p != nil; p = &(*p).older {
		if *p == r {
			*p = r.older
			break
		}
	}
}

// Row is a query of which only the first row is wanted.
type Row struct{ rows *Rows }

// Scan copies the first row into dest as Rows.Scan does, or returns ErrNoRows.
func (r *Row) Scan(dest ...any) error {
	if !r.rows.Next() {
		if err := r.rows.Close(); err != nil {
			return err
		}
		return ErrNoRows
	}
	_ = r.rows.Scan(dest...) // kept by the rows and returned by Close
	return r.rows.Close()
}
