package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

func said(number uint16, message string) error {
	return fmt.Errorf("wrapped: %w", &driver.MySQLError{Number: number, SQLState: [5]byte{'H', 'Y', '0', '0', '0'}, Message: message})
}

func TestErrorsOfTheServerComeInTheWordsOfTheContract(t *testing.T) {
	s := try(t, Options{URLs: []string{"mysql://u@/d?socket=/nowhere"}})
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"a deadlock", said(erLockDeadlock, ""), kv.ErrUnavailable},
		{"a lock that lasts", said(erLockWaitTimeout, ""), kv.ErrUnavailable},
		{"no place for a connection", said(erConCount, ""), kv.ErrUnavailable},
		{"a server that ends", said(erServerShutdown, ""), kv.ErrUnavailable},
		{"a read-only server", said(erOptionPrevents, ""), kv.ErrUnavailable},
		{"a table that was dropped", said(erNoSuchTable, ""), kv.ErrUnavailable},
		{"a full table", said(erRecordFileFull, ""), kv.ErrFull},
		{"a full disk", said(erDiskFull, ""), kv.ErrFull},
		{"a full disk of an engine's", said(erGetErrno, `Got error 28 "No space left on device" from storage engine`), kv.ErrFull},
		{"another error of an engine's", said(erGetErrno, `Got error 168 from storage engine`), kv.ErrUnavailable},
		{"a connection that broke after the statement was sent", driver.ErrInvalidConn, kv.ErrUnavailable},
		{"a connection that broke before", sqldriver.ErrBadConn, kv.ErrUnavailable},
		{"a limit of our own", context.DeadlineExceeded, kv.ErrUnavailable},
		{"tables of a newer program", fmt.Errorf("%w: version", kv.ErrUnsupported), kv.ErrUnsupported},
		{"an answer of the store", kv.ErrNotOwner, kv.ErrNotOwner},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.fail(t.Context(), "act", c.err); !errors.Is(err, c.want) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.fail(over, "act", driver.ErrInvalidConn); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

func TestErrorsNeverRepeatKeys(t *testing.T) {
	s := try(t, Options{URLs: []string{"mysql://u@/d?socket=/nowhere"}})
	err := s.fail(t.Context(), "act", said(1062, "Duplicate entry 'hush' for key 'PRIMARY'"))
	if strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "1062") {
		t.Errorf("%v, want the number alone", err)
	}
}

func TestOnlyStatementsThatWereTakenBackAreRunAgain(t *testing.T) {
	s := try(t, Options{URLs: []string{"mysql://u@/d?socket=/nowhere"}})
	for _, c := range []struct {
		name string
		err  error
		runs int
	}{
		{"a deadlock that ends", said(erLockDeadlock, ""), 3},
		{"a lost connection", driver.ErrInvalidConn, 1},
		{"a lock that lasts", said(erLockWaitTimeout, ""), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs := 0
			_ = s.deadlocks(t.Context(), func(context.Context) error {
				if runs++; runs == 3 {
					return nil
				}
				return c.err
			})
			if runs != c.runs {
				t.Errorf("run %d times, want %d", runs, c.runs)
			}
		})
	}
	runs := 0
	err := s.deadlocks(t.Context(), func(context.Context) error { runs++; return said(erLockDeadlock, "") })
	if runs != deadlockTries || number(err) != erLockDeadlock {
		t.Errorf("a deadlock without end: %d runs, %v", runs, err)
	}
}

func TestStatementsAreCompiled(t *testing.T) {
	tables := names{rows: "`a_rows`", meta: "`a_meta`"}
	for _, c := range []struct {
		name, text string
		server     bool
		want       string
		args       []string
	}{
		{"names in order, also twice", "SELECT :b FROM {rows} WHERE k = :a AND x <> :b", true, "SELECT ? FROM `a_rows` WHERE k = ? AND x <> ?", []string{"b", "a", "b"}},
		{"the server's time", "SELECT :now", true, "SELECT " + serverMillis, nil},
		{"the client's time", "SELECT {live}", false, "SELECT (expires = 0 OR expires > ?)", []string{"now"}},
		{"a name at the end", "{meta} :k", false, "`a_meta` ?", []string{"k"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, args := compile(c.text, tables, c.server)
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if diff := cmp.Diff(c.args, args); diff != "" {
				t.Error(diff)
			}
		})
	}
}
