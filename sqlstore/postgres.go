package sqlstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sluice-mail/sluice/kv"
)

type postgresBase struct {
	pool    *pgxpool.Pool
	write   bool
	session string // sets a connection up
}

func openPostgres(o Options) (base, error) {
	c, err := pgxpool.ParseConfig(o.URL)
	if err != nil || !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, fmt.Errorf("%w: url cannot be read; want postgres://user@host:port/database", kv.ErrInvalid)
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = int32(o.Pool), 0, 0
	c.MaxConnIdleTime, c.PingTimeout = time.Minute, o.Timeout
	cc := c.ConnConfig
	cc.ConnectTimeout = o.Timeout
	if o.Username != "" {
		cc.User = o.Username
	}
	if o.Password != "" {
		cc.Password = o.Password
	}
	if o.TLS != nil {
		useTLS(&cc.Config, o)
	}
	// Times, blobs and quotes are read here, so their form must not depend on the server.
	session := fmt.Sprintf(`SET application_name = 'sluice'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET bytea_output = 'hex';
SET standard_conforming_strings = on; SET client_encoding = 'UTF8'; SET statement_timeout = %d; SET default_transaction_read_only = %t`,
		max(o.Timeout.Milliseconds(), 1), !o.Write)
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		return conn.PgConn().Exec(ctx, session).Close()
	}
	// A row is read as a whole before it is counted. In it a blob is twice as long as it is.
	most := 2*o.Octets + 1<<20
	cc.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(most)
		return f
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		return nil, fmt.Errorf("%w: the url cannot be used", kv.ErrInvalid)
	}
	return &postgresBase{pool, o.Write, session}, nil
}

// useTLS puts Options.TLS in place of what the URL says for every host that is no unix socket.
func useTLS(c *pgconn.Config, o Options) {
	for _, f := range c.Fallbacks {
		if !strings.HasPrefix(f.Host, "/") {
			f.TLSConfig = o.TLS.Clone()
			f.TLSConfig.ServerName = f.Host
		}
	}
	if !strings.HasPrefix(c.Host, "/") {
		c.TLSConfig = o.TLS.Clone()
		c.TLSConfig.ServerName = c.Host
	}
}

func (b *postgresBase) dialect() dialect { return postgresDialect }

func (b *postgresBase) close() error {
	b.pool.Close()
	return nil
}

// query sends the arguments as text whose types the server finds out, as psql does; bytes
// are sent as they are.
func (b *postgresBase) query(ctx context.Context, st statement, args []any, out *collector) error {
	conn, err := b.pool.Acquire(ctx)
	if err != nil {
		return postgresError(err)
	}
	defer conn.Release() // which closes it if a transaction is left open
	pg := conn.Conn().PgConn()
	if st.lasting {
		defer b.forget(ctx, pg)
	}
	begin := "BEGIN READ ONLY"
	if b.write {
		begin = "BEGIN READ WRITE"
	}
	if err := pg.Exec(ctx, begin).Close(); err != nil {
		return postgresError(err)
	}
	if err := postgresRows(ctx, pg, st, args, out); err != nil {
		if !pg.IsClosed() {
			_ = pg.Exec(ctx, "ROLLBACK").Close()
		}
		return postgresError(err)
	}
	end := "ROLLBACK"
	if b.write {
		end = "COMMIT"
	}
	return postgresError(pg.Exec(ctx, end).Close())
}

// forget empties the session of a connection and sets it up again, so that the next script does not meet
// what this one has left.
func (b *postgresBase) forget(ctx context.Context, pg *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := pg.Exec(ctx, "DISCARD ALL").Close()
	if err == nil {
		err = pg.Exec(ctx, b.session).Close()
	}
	if err != nil {
		_ = pg.Close(ctx)
	}
}

func postgresRows(ctx context.Context, pg *pgconn.PgConn, st statement, args []any, out *collector) error {
	values, formats := make([][]byte, len(args)), make([]int16, len(args))
	for i, a := range args {
		values[i], formats[i] = postgresArgument(a)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rr := pg.ExecParams(ctx, st.text, values, nil, formats, nil)
	var types []uint32
	for rr.NextRow() {
		if types == nil {
			types = postgresColumns(rr, out)
		}
		row := make([]any, len(types))
		for i, v := range rr.Values() {
			row[i] = postgresValue(types[i], v)
		}
		if err := out.row(row); err != nil {
			cancel() // the rest is not waited for, which costs the connection
			_, _ = rr.Close()
			return err
		}
	}
	if types == nil && len(rr.FieldDescriptions()) > 0 {
		postgresColumns(rr, out)
	}
	tag, err := rr.Close()
	if out.Columns == nil {
		out.Changed = tag.RowsAffected()
	}
	return err
}

// postgresColumns notes the columns and returns their types.
func postgresColumns(rr *pgconn.ResultReader, out *collector) []uint32 {
	types, names := []uint32{}, []string{}
	for _, f := range rr.FieldDescriptions() {
		types, names = append(types, f.DataTypeOID), append(names, f.Name)
	}
	out.columns(names)
	return types
}

func postgresArgument(a any) ([]byte, int16) {
	switch a := a.(type) {
	case nil:
		return nil, pgtype.TextFormatCode
	case bool:
		return strconv.AppendBool(nil, a), pgtype.TextFormatCode
	case int64:
		return strconv.AppendInt(nil, a, 10), pgtype.TextFormatCode
	case float64:
		return strconv.AppendFloat(nil, a, 'g', -1, 64), pgtype.TextFormatCode
	case []byte:
		return append([]byte{}, a...), pgtype.BinaryFormatCode
	}
	return []byte(fmt.Sprint(a)), pgtype.TextFormatCode
}

// postgresValue reads a value as the server writes it. Types without a kind of their own, such
// as numeric, uuid, json and arrays, stay text.
func postgresValue(oid uint32, v []byte) any {
	if v == nil {
		return nil
	}
	s := string(v)
	switch oid {
	case pgtype.BoolOID:
		return s == "t"
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case pgtype.ByteaOID:
		if b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`)); err == nil {
			return b
		}
	case pgtype.TimestampOID:
		if t, err := time.Parse(time.DateTime, s); err == nil {
			return timeText(t)
		}
	case pgtype.TimestamptzOID:
		if t, err := time.Parse(time.DateTime+"-07", s); err == nil {
			return timeText(t)
		}
	}
	return s
}

// postgresError tells a server that cannot be reached from a mistake.
func postgresError(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "25006":
			return fmt.Errorf("%w: %s", ErrReadOnly, e.Message)
		case e.Code == "57014", e.Code == "55P03", e.Code[:min(2, len(e.Code))] == "53", e.Code == "57P03", e.Code == "57P01", e.Code == "40001", e.Code == "40P01":
			return unavailable(errors.New(e.Message)) // time over, locked, too many connections, shutting down
		case strings.HasPrefix(e.Code, "28"), e.Code == "3D000": // no such user, password or database
			return unavailable(errors.New("access denied"))
		}
		return fmt.Errorf("%s (%s)", e.Message, e.Code)
	}
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	if _, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return fmt.Errorf("%w: more octets than the store gives", ErrTooLarge)
	}
	return unavailable(errors.New("no connection"))
}
