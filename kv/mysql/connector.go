package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// minPacket is what the largest statement takes: an old value and a new one, the key and some more.
const minPacket = 2*kv.MaxValue + kv.MaxName + 4096

// connector makes connections that are set up alike, whatever the server's own settings are.
type connector struct {
	inner   sqldriver.Connector
	timeout time.Duration
	log     *slog.Logger
	warned  atomic.Bool // of commits that are not flushed
	frozen  atomic.Bool // warned of a time that stands still while a statement waits
}

// Connect dials, authenticates and sets the session up, all within the timeout: a server that accepts and then says
// nothing would else hold a place of the pool for ever.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.setUp(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Driver returns the driver of the connections.
func (c *connector) Driver() sqldriver.Driver { return c.inner.Driver() }

// setUp makes the session independent of the server's defaults. Assignments are made from left to right (the statements
// rely on it), bytes are taken as they are, no statement locks a gap between rows, and one that nobody waits for any
// more does not go on waiting for a lock.
func (c *connector) setUp(ctx context.Context, conn sqldriver.Conn) error {
	exec, ok := conn.(sqldriver.ExecerContext)
	if !ok {
		return errors.New("driver runs no plain statements")
	}
	wait := strconv.FormatInt(max(1, int64((c.timeout+time.Second-1)/time.Second)), 10)
	for _, q := range []string{
		"SET NAMES binary",
		"SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', innodb_lock_wait_timeout = " + wait,
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	} {
		if _, err := exec.ExecContext(ctx, q, nil); err != nil {
			return err
		}
	}
	packet, flush, goesOn, err := settings(ctx, conn)
	if err != nil {
		return err
	}
	if packet < minPacket {
		return fmt.Errorf("the server's max_allowed_packet is %d octets, and rows need %d; set it to 16M", packet, minPacket)
	}
	if flush != 1 && !c.warned.Swap(true) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the server's innodb_flush_log_at_trx_commit is not 1: its crash takes the last writes, durable ones, too")
	}
	if goesOn == 0 && !c.frozen.Swap(true) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the server runs with sysdate_is_now: a write that waits for others judges expiry by the time when it began to wait")
	}
	return nil
}

// settings reads what the promises depend on. goesOn is 1 if SYSDATE is not the time when the statement began.
func settings(ctx context.Context, conn sqldriver.Conn) (packet, flush, goesOn int64, err error) {
	query, ok := conn.(sqldriver.QueryerContext)
	if !ok {
		return 0, 0, 0, errors.New("driver runs no plain statements")
	}
	rows, err := query.QueryContext(ctx, "SELECT @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, SLEEP(0.001), SYSDATE(6) > NOW(6)", nil)
	if err != nil {
		return 0, 0, 0, err
	}
	row := make([]sqldriver.Value, 4)
	if err := rows.Next(row); err != nil {
		return 0, 0, 0, errors.Join(err, rows.Close())
	}
	for i, n := range []*int64{&packet, &flush, new(int64), &goesOn} {
		if err == nil {
			*n, err = integer(row[i])
		}
	}
	if end := rows.Next(row); end != io.EOF && err == nil {
		err = errors.New("the server's settings are more than a row")
	}
	return packet, flush, goesOn, errors.Join(err, rows.Close())
}

// integer reads a number in any form in which drivers give one.
func integer(v sqldriver.Value) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case uint64:
		return int64(v), nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	}
	return 0, fmt.Errorf("a setting of the server is a %T", v)
}
