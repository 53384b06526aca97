package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"
	"github.com/sluice-mail/sluice/kv"
)

// Errors of the server, by their names in the manual.
const (
	erDiskFull          = 1021
	erConCount          = 1040
	erDBAccessDenied    = 1044
	erAccessDenied      = 1045
	erBadDB             = 1049
	erServerShutdown    = 1053
	erDupEntry          = 1062
	erGetErrno          = 1030
	erRecordFileFull    = 1114
	erHostIsBlocked     = 1129
	erTableAccessDenied = 1142
	erNoSuchTable       = 1146
	erPacketTooLarge    = 1153
	erTooManyUserConns  = 1203
	erLockWaitTimeout   = 1205
	erLockDeadlock      = 1213
	erUserLimitReached  = 1226
	erOptionPrevents    = 1290 // --read-only
	erQueryInterrupted  = 1317
	erNeedReprepare     = 1615
	erBinlogUnsafe      = 1665
	erDataOutOfRange    = 1690
	erAccessNoPassword  = 1698
	erReadOnlyTx        = 1792
	erReadOnlyMode      = 1836
	erConnectionKilled  = 1927
	erNoSuchInEngine    = 1932
)

// speaks are the errors whose text of the server helps and holds neither keys nor values.
var speaks = map[uint16]bool{
	erDiskFull: true, erConCount: true, erDBAccessDenied: true, erAccessDenied: true, erBadDB: true, erServerShutdown: true,
	erRecordFileFull: true, erHostIsBlocked: true, erTableAccessDenied: true, erNoSuchTable: true, erPacketTooLarge: true,
	erTooManyUserConns: true, erLockWaitTimeout: true, erLockDeadlock: true, erUserLimitReached: true, erOptionPrevents: true,
	erQueryInterrupted: true, erBinlogUnsafe: true, erAccessNoPassword: true, erReadOnlyTx: true, erReadOnlyMode: true,
	erConnectionKilled: true, erNoSuchInEngine: true,
}

// number returns the server's number of err, or 0 if the server did not say it.
func number(err error) uint16 {
	if e, ok := errors.AsType[*driver.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// readOnly reports whether err says that this server takes no writes, as one that was primary until a failover.
func readOnly(err error) bool {
	switch number(err) {
	case erOptionPrevents, erReadOnlyTx, erReadOnlyMode:
		return true
	}
	return false
}

// full reports whether err says that there is no room for the row.
func full(err error) bool {
	e, ok := errors.AsType[*driver.MySQLError](err)
	if !ok {
		return false
	}
	return e.Number == erDiskFull || e.Number == erRecordFileFull ||
		e.Number == erGetErrno && (strings.Contains(e.Message, "error 28") || strings.Contains(e.Message, "error 135"))
}

// again reports whether err says that the server took the statement back as a whole, so that it may be sent again.
func again(err error) bool {
	n := number(err)
	return n == erLockDeadlock || n == erNeedReprepare
}

// fail names the act and says whether the store or the caller is the reason. ctx is the caller's.
func (s *Store) fail(ctx context.Context, act string, err error) error {
	for _, own := range []error{kv.ErrNotFound, kv.ErrNotCounter, kv.ErrOverflow, kv.ErrInvalid, kv.ErrLocked, kv.ErrNotOwner, kv.ErrTooLarge} {
		if errors.Is(err, own) {
			return err
		}
	}
	switch {
	case s.closed.Load():
		return fmt.Errorf("kv/mysql: %s: %w", act, kv.ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("kv/mysql: %s: %w", act, ctx.Err())
	case errors.Is(err, kv.ErrUnsupported):
		return fmt.Errorf("kv/mysql: %s: %w", act, err)
	case full(err):
		return fmt.Errorf("kv/mysql: %s: %w: %w", act, kv.ErrFull, plain(err))
	}
	switch number(err) {
	case erNoSuchTable, erNoSuchInEngine:
		s.schema.forget()
	}
	if readOnly(err) {
		s.dropIdle()
	}
	return fmt.Errorf("kv/mysql: %s: %w: %w", act, kv.ErrUnavailable, plain(err))
}

// plain is err without what could be a key or a value.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errors.New("no answer in time")
	}
	e, ok := errors.AsType[*driver.MySQLError](err)
	if !ok || speaks[e.Number] {
		return err
	}
	return fmt.Errorf("error %d (%s)", e.Number, e.SQLState[:])
}

// dropIdle closes the connections that nobody uses: behind a name that moved, a new one reaches the new primary.
func (s *Store) dropIdle() {
	pool := s.db.Stats().MaxOpenConnections
	s.db.SetMaxIdleConns(-1)
	s.db.SetMaxIdleConns(pool)
}
