package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/mysql"
)

type mysqlBase struct {
	db    *sql.DB
	write bool
}

func openMySQL(o Options) (base, error) {
	c, err := mysql.ParseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kv.ErrInvalid, err)
	}
	if o.Username != "" {
		c.User = o.Username
	}
	if o.Password != "" {
		c.Passwd = o.Password
	}
	if o.TLS != nil && c.Net != "unix" {
		c.TLS = o.TLS.Clone()
	}
	c.ParseTime, c.Loc, c.ClientFoundRows = true, time.UTC, true // rows are counted as the others count them
	c.Timeout, c.Logger = o.Timeout, nolog{}
	inner, err := mysqldriver.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("%w: the url cannot be used", kv.ErrInvalid)
	}
	b := &mysqlBase{write: o.Write, db: sql.OpenDB(mysqlConnector{inner, o})}
	b.db.SetMaxOpenConns(o.Pool)
	b.db.SetMaxIdleConns(o.Pool)
	b.db.SetConnMaxIdleTime(time.Minute)
	return b, nil
}

// nolog takes what the driver would print.
type nolog struct{}

func (nolog) Print(...any) {}

// mysqlConnector makes connections that are set up alike.
type mysqlConnector struct {
	driver.Connector
	o Options
}

// Connect dials and sets the session up.
func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	exec, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("driver runs no plain statements"), conn.Close())
	}
	set := []string{"SET SESSION autocommit = 1, time_zone = '+00:00', sql_mode = " + ownMode}
	if !c.o.Write {
		set = append(set, "SET SESSION TRANSACTION READ ONLY")
	}
	for _, q := range set {
		if _, err := exec.ExecContext(ctx, q, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	// The server should give up, too. MariaDB and MySQL have different names for that.
	seconds := strconv.FormatFloat(c.o.Timeout.Seconds(), 'f', 3, 64)
	if _, err := exec.ExecContext(ctx, "SET SESSION max_statement_time = "+seconds, nil); err != nil {
		_, _ = exec.ExecContext(ctx, "SET SESSION max_execution_time = "+strconv.FormatInt(max(c.o.Timeout.Milliseconds(), 1), 10), nil)
	}
	return conn, nil
}

// ownMode is the server's SQL mode without those that change what quotes mean, which must not depend on
// the server. The last ones stand for several modes, ANSI_QUOTES among them.
var ownMode = func() string {
	mode := "CONCAT(',', @@sql_mode, ',')"
	for _, m := range []string{"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"} {
		mode = "REPLACE(" + mode + ", '," + m + ",', ',')"
	}
	return "TRIM(BOTH ',' FROM " + mode + ")"
}()

func (b *mysqlBase) dialect() dialect { return mysqlDialect }

func (b *mysqlBase) close() error { return b.db.Close() }

func (b *mysqlBase) query(ctx context.Context, st statement, args []any, out *collector) error {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return mysqlError(err)
	}
	begin := "START TRANSACTION READ ONLY"
	if b.write {
		begin = "START TRANSACTION"
	}
	err = inTransaction(ctx, conn, begin, b.write, func() error { return sqlRows(ctx, conn, st, args, "SELECT ROW_COUNT()", mysqlValue, out) })
	return mysqlError(errors.Join(err, release(conn, st)))
}

// mysqlError tells a server that cannot be reached from a mistake.
func mysqlError(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		switch e.Number {
		case 1792: // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
			return fmt.Errorf("%w: %s", ErrReadOnly, e.Message)
		case 1040, 1053, 1203, 1205, 1213, 1969, 3024: // too many connections, shutdown, lock wait, deadlock, time over
			return unavailable(errors.New(e.Message))
		case 1044, 1045, 1698: // somebody has to set this right, and it is no fault of the statement
			return unavailable(errors.New("access denied"))
		}
		return errors.New(e.Message)
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysqldriver.ErrInvalidConn) {
		return unavailable(errors.New("no connection"))
	}
	return err
}

// mysqlValue makes a value of what the driver gives.
func mysqlValue(v any, column *sql.ColumnType) any {
	name := column.DatabaseTypeName()
	switch v := v.(type) {
	case time.Time:
		switch {
		case v.IsZero(): // 0000-00-00
			return nil
		case name == "DATE":
			return v.Format(time.DateOnly)
		}
		return timeText(v)
	case uint64:
		if v > math.MaxInt64 {
			return strconv.FormatUint(v, 10)
		}
		return int64(v)
	case float32: // the nearest with as few digits
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return f
	case []byte:
		if strings.HasSuffix(name, "BLOB") || strings.HasSuffix(name, "BINARY") || name == "BIT" || name == "GEOMETRY" {
			return v
		}
		return string(v)
	}
	return v
}
