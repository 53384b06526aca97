package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"

	"github.com/mattn/go-sqlite3"
)

// Verify reads the whole file at path and returns ErrCorrupt, ErrNewerSchema if its version is not
// in schema, or ErrForeign if its tables are not what schema makes; a nil schema is any. Nothing is
// written, not beside the file either. Nobody may be writing to the file, and what a -wal
// beside it holds is not looked at.
func Verify(ctx context.Context, path string, schema []string) error {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_mutex=no&mode=ro&immutable=1"
	c, err := bare(path, dsn)
	if err != nil {
		return err
	}
	return errors.Join(c.verify(ctx, schema), c.close())
}

// bare opens a connection without the settings of connect.
func bare(path, dsn string) (*Conn, error) {
	raw, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	return &Conn{path: path, raw: raw.(*sqlite3.SQLiteConn), stmts: map[string]*statement{}}, nil
}

func (c *Conn) verify(ctx context.Context, schema []string) error {
	if err := c.execBatch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON"); err != nil {
		return wrap("verify", c.path, err)
	}
	verdict, err := c.integrity(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return wrap("verify", c.path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s: %s", ErrCorrupt, c.path, verdict)
	}
	if schema == nil {
		return nil
	}
	version, err := c.version()
	if err != nil {
		return err
	}
	if err := c.versionFits(nil, version, len(schema)); err != nil {
		// Another program's file has a version, too, which means nothing here.
		return cmp.Or(c.looksLike(schema, len(schema), false), err)
	}
	if version < 1 {
		return fmt.Errorf("%w: %s has no tables of ours", ErrForeign, c.path)
	}
	return c.looksLike(schema, version, true)
}

// integrity asks SQLite to look at everything, and ends with ctx.
func (c *Conn) integrity(ctx context.Context) (verdict string, err error) {
	rows, err := c.raw.QueryContext(ctx, "PRAGMA integrity_check(1)", nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil && err != io.EOF {
		return "", err
	}
	verdict, _ = row[0].(string)
	return verdict, nil
}

// looksLike returns ErrForeign if the tables are not those of that version of schema, exactly or
// at least by name.
func (c *Conn) looksLike(schema []string, version int, exactly bool) error {
	model, err := bare("model", "file::memory:?_mutex=no")
	if err != nil {
		return err
	}
	defer func() { _ = model.close() }() // it was only in memory
	for _, batch := range schema[:version] {
		if err := model.execBatch(batch); err != nil {
			return wrap("verify", c.path, err)
		}
	}
	want, err := model.shape()
	if err != nil {
		return err
	}
	got, err := c.shape()
	if err != nil {
		return err
	}
	same := maps.Equal(got, want)
	if !exactly {
		same = true
		for name := range want {
			same = same && got[name] != ""
		}
	}
	if !same {
		return fmt.Errorf("%w: %s", ErrForeign, c.path)
	}
	return nil
}

// shape returns the columns of each table and the text of everything else, by name.
func (c *Conn) shape() (map[string]string, error) {
	all := map[string]string{}
	r := c.Query(`SELECT m.type, m.name, CASE m.type WHEN 'table'
		THEN (SELECT group_concat(lower(i.name || ' ' || i.type || ' ' || i.pk), ',') FROM pragma_table_xinfo(m.name) i)
		ELSE m.sql END FROM sqlite_master m WHERE m.sql IS NOT NULL`)
	for r.Next() {
		var kind, name, text string
		if err := r.Scan(&kind, &name, &text); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		all[kind+" "+name] = text
	}
	return all, r.Close()
}

// Fold writes what the -wal of path holds into the file itself, after look has seen it, and leaves
// the file alone: without -wal, -shm, or any connection. It returns ErrInUse if somebody else
// has the file open. The schema is not looked at. A file without a database's first octets
// is ErrCorrupt and left as it is, with its -wal.
func Fold(path string, look func(*Conn) error) error {
	if err := begins(path); err != nil {
		return err
	}
	c, err := connect(path, true, defaultCache)
	if err != nil {
		return err
	}
	err = look(c)
	c.settle()
	if err == nil {
		var busy, frames, done int
		err = c.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
		if err == nil && busy != 0 {
			err = fmt.Errorf("%w: %s", ErrInUse, path)
		}
	}
	if err := errors.Join(err, c.close()); err != nil {
		return err
	}
	// The last connection removes it.
	if _, err := os.Lstat(path + "-wal"); err == nil {
		return fmt.Errorf("%w: %s", ErrInUse, path)
	}
	return nil
}

// magic is how every database begins. An empty file is one, too.
//
// Spec: SQLite, database file format, "The Database Header".
const magic = "SQLite format 3\x00"

// begins returns ErrCorrupt if the file does not begin as a database. To close one that could not be
// read would still write its -wal into it.
func begins(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sqlite: open: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	switch {
	case err == io.EOF: // it is empty
		return nil
	case err != nil && err != io.ErrUnexpectedEOF:
		return fmt.Errorf("sqlite: open: %w", err)
	case string(head[:n]) != magic:
		return fmt.Errorf("%w: %s", ErrCorrupt, path)
	}
	return nil
}
