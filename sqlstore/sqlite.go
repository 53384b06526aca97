package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/sluice-mail/sluice/kv"
)

// maxSQLiteValue is how many octets a text, a blob or a row may have that SQLite makes.
const maxSQLiteValue = 64 << 20

type sqliteBase struct {
	db    *sql.DB
	write bool
}

// sqliteConnector opens connections to a file.
type sqliteConnector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

// Connect opens one. It cannot attach another file.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver returns SQLite's.
func (c sqliteConnector) Driver() driver.Driver { return c.driver }

func openSQLite(o Options) (base, error) {
	if o.Path == "" {
		return nil, fmt.Errorf("%w: no path", kv.ErrInvalid)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	v := url.Values{"_busy_timeout": {strconv.FormatInt(o.Timeout.Milliseconds(), 10)}, "_loc": {"UTC"}, "_foreign_keys": {"true"}}
	if o.Write {
		v.Set("mode", "rw")
	} else {
		v.Set("mode", "ro")
		v.Set("_query_only", "true")
	}
	d := &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		c.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
		c.SetLimit(sqlite3.SQLITE_LIMIT_LENGTH, max(maxSQLiteValue, o.Octets))
		_, err := c.Exec("PRAGMA trusted_schema = OFF", nil)
		return err
	}}
	b := &sqliteBase{write: o.Write, db: sql.OpenDB(sqliteConnector{"file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode(), d})}
	b.db.SetMaxOpenConns(o.Pool)
	b.db.SetMaxIdleConns(o.Pool)
	b.db.SetConnMaxIdleTime(time.Minute)
	return b, nil
}

func (b *sqliteBase) dialect() dialect { return sqliteDialect }

func (b *sqliteBase) close() error { return b.db.Close() }

func (b *sqliteBase) query(ctx context.Context, st statement, args []any, out *collector) error {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return sqliteError(err)
	}
	begin := "BEGIN"
	if b.write {
		begin = "BEGIN IMMEDIATE"
	}
	err = inTransaction(ctx, conn, begin, b.write, func() error { return sqlRows(ctx, conn, st, args, "SELECT changes()", sqliteValue, out) })
	return sqliteError(errors.Join(err, release(conn, st)))
}

// sqliteError tells a database that cannot be had for now from a mistake.
func sqliteError(err error) error {
	e, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrCantOpen, sqlite3.ErrIoErr, sqlite3.ErrFull, sqlite3.ErrNomem:
		return unavailable(e)
	case sqlite3.ErrReadonly:
		return fmt.Errorf("%w: %w", ErrReadOnly, e)
	}
	return err
}

// sqliteValue makes a value of what the driver gives. It reads columns declared as times and
// truth values as such.
func sqliteValue(v any, column *sql.ColumnType) any {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return v
	case strings.EqualFold(column.DatabaseTypeName(), "date"):
		return t.UTC().Format(time.DateOnly)
	}
	return timeText(t)
}

// inTransaction does work between begin and COMMIT, or ROLLBACK where it fails or nothing may
// change.
func inTransaction(ctx context.Context, conn *sql.Conn, begin string, write bool, work func() error) error {
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	err := work()
	if err == nil && write {
		if _, err = conn.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	// Time may be over, and the connection must not stay in the transaction.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, failed := conn.ExecContext(end, "ROLLBACK"); failed != nil {
		drop(conn)
	}
	return err
}

// drop has the pool forget a connection.
func drop(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }

// release gives a connection back. One in whose session a statement may have left something is
// dropped, so that the next script does not meet it.
func release(conn *sql.Conn, st statement) error {
	if st.lasting {
		drop(conn)
	}
	if err := conn.Close(); !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}

// sqlRows runs a statement over database/sql. changes asks how many rows the last one changed.
func sqlRows(ctx context.Context, conn *sql.Conn, st statement, args []any, changes string, value func(any, *sql.ColumnType) any, out *collector) error {
	rows, err := conn.QueryContext(ctx, st.text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	if len(types) > 0 {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = t.Name()
		}
		out.columns(names)
	}
	for rows.Next() {
		values, into := make([]any, len(types)), make([]any, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, t := range types {
			values[i] = value(values[i], t)
		}
		if err := out.row(values); err != nil {
			return err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(types) > 0 || !counted[st.word] {
		return err
	}
	return conn.QueryRowContext(ctx, changes).Scan(&out.Changed)
}

// counted are statements after which there is a number of rows that they changed.
var counted = words("INSERT UPDATE DELETE REPLACE WITH")
