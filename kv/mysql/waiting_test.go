package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
)

// Writes that wait for a row while it expires. Another session holds the row meanwhile.

// hold begins a transaction that has all rows of s.
func hold(t *testing.T, s *Store) *sql.Tx {
	t.Helper()
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	change(t, s, tx, "UPDATE {rows} SET size = size + 1")
	change(t, s, tx, "UPDATE {rows} SET size = size - 1")
	return tx
}

func change(t *testing.T, s *Store, tx *sql.Tx, query string, args ...any) {
	t.Helper()
	if _, err := tx.ExecContext(t.Context(), s.tables.in(query), args...); err != nil {
		t.Fatal(err)
	}
}

// waits starts fn and returns when it waits for a row of s, with what gives its answer.
func waits(t *testing.T, s *Store, fn func() string) func() string {
	t.Helper()
	answer := make(chan string, 1)
	go func() { answer <- fn() }()
	until(t, func() error {
		select {
		case a := <-answer:
			t.Fatalf("it did not wait: %s", a)
		default:
		}
		var name string
		var n int
		err := s.db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").Scan(&name, &n)
		if err == nil && n == 0 {
			err = errors.New("it does not wait for the row")
		}
		return err
	})
	return func() string { return <-answer }
}

// pass lets the time of all rows go by, without a change of their own.
type pass func(t *testing.T, s *Store, tx *sql.Tx)

// clocks are the two that rows are judged by.
var clocks = map[string]func(t *testing.T) (*Store, pass){
	"the server's clock": func(t *testing.T) (*Store, pass) {
		return try(t, Options{}), func(t *testing.T, s *Store, tx *sql.Tx) {
			// Who holds the row says now that it ends now, so that nobody has to be quick.
			change(t, s, tx, "UPDATE {rows} SET expires = "+heldMillis+" + 1 WHERE expires > 1")
			until(t, func() error {
				var left int
				err := tx.QueryRowContext(t.Context(), s.tables.in("SELECT COUNT(*) FROM {rows} WHERE expires >= "+heldMillis)).Scan(&left)
				if err == nil && left > 0 {
					err = errors.New("the time stands still")
				}
				return err
			})
		}
	},
	"a clock of this process": func(t *testing.T) (*Store, pass) {
		clock := kvtest.NewClock()
		return try(t, Options{Now: clock.Now}), func(*testing.T, *Store, *sql.Tx) { clock.Advance(2 * time.Hour) }
	},
}

func TestWhatAWriteWaitedForMayBeOverWhenItGetsThere(t *testing.T) {
	type call func(ctx context.Context, s *Store, k kv.Key, l kv.Lease) string
	said := func(is any, err error) string {
		if errors.Is(err, kv.ErrNotOwner) {
			err = kv.ErrNotOwner
		}
		return fmt.Sprint(is, ", ", err)
	}
	lost := "not renewed, " + kv.ErrNotOwner.Error()
	for _, c := range []struct {
		name, want string
		call       call
		value      string // is there afterwards
		lease      bool
	}{
		{"CompareAndSwap", "false, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.CompareAndSwap(ctx, k, []byte("5"), []byte("7"), 0))
		}, "", false},
		{"Add", "true, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.Add(ctx, k, []byte("7"), 0))
		}, "7 of 0", false},
		{"Set", "set, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said("set", s.Set(ctx, k, []byte("7"), 0))
		}, "7 of 0", false},
		{"SetFenced", "set, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said("set", s.SetFenced(ctx, k, []byte("7"), 0, 2))
		}, "7 of 2", false},
		{"Incr", "1, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.Incr(ctx, k, 1, 0))
		}, "1 of 0", false},
		{"IncrMany", "[1 1], <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.IncrMany(ctx, []kv.Addition{{Key: k, By: 1}, {Key: value("b"), By: 1}}, 0))
		}, "1 of 0", false},
		{"Delete", "false, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.Delete(ctx, k))
		}, "", false},
		{"DeletePrefix", "0, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.DeletePrefix(ctx, k.Prefix, ""))
		}, "", false},
		{"Renew", lost, func(ctx context.Context, s *Store, _ kv.Key, l kv.Lease) string {
			_, err := s.Renew(ctx, l, time.Hour)
			return said("not renewed", err)
		}, "", true},
		{"Unlock", lost, func(ctx context.Context, s *Store, _ kv.Key, l kv.Lease) string {
			return said("not renewed", s.Unlock(ctx, l))
		}, "", true},
		{"Delete of a lease", "false, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.Delete(ctx, k))
		}, "", true},
		// It was there when the first of two statements looked.
		{"DeletePrefix of a lease", "1, <nil>", func(ctx context.Context, s *Store, k kv.Key, _ kv.Lease) string {
			return said(s.DeletePrefix(ctx, k.Prefix, ""))
		}, "", true},
	} {
		for name, open := range clocks {
			t.Run(c.name+" by "+name, func(t *testing.T) {
				ctx, k := t.Context(), value("a")
				s, pass := open(t)
				var l kv.Lease
				var err error
				if c.lease {
					l, err = s.Lock(ctx, k, time.Hour, true)
				} else {
					err = s.SetFenced(ctx, k, []byte("5"), time.Hour, 5)
				}
				if err != nil {
					t.Fatal(err)
				}
				tx := hold(t, s)
				answer := waits(t, s, func() string { return c.call(ctx, s, k, l) })
				pass(t, s, tx)
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				if got := answer(); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				is := ""
				if v, err := s.Get(ctx, k); err == nil {
					is = fmt.Sprintf("%s of %d", v.Bytes, v.Fence)
				} else if !errors.Is(err, kv.ErrNotFound) {
					t.Error(err)
				}
				if is != c.value {
					t.Errorf("there is %q, want %q", is, c.value)
				}
				if l, err := s.Lease(ctx, k); !errors.Is(err, kv.ErrNotFound) {
					t.Errorf("lease %+v, %v", l, err)
				}
			})
		}
	}
}

// Whoever has a row that seems over may be about to let it live longer. So what deletes it has to wait.
func TestADeleteWaitsForARowThatIsOverAndHeld(t *testing.T) {
	for name, del := range map[string]func(ctx context.Context, s *Store, k kv.Key) (any, error){
		"Delete":       func(ctx context.Context, s *Store, k kv.Key) (any, error) { return s.Delete(ctx, k) },
		"DeletePrefix": func(ctx context.Context, s *Store, k kv.Key) (any, error) { return s.DeletePrefix(ctx, k.Prefix, "") },
	} {
		for _, sub := range []string{"", "L"} {
			t.Run(fmt.Sprintf("%s of %q", name, sub), func(t *testing.T) {
				ctx, k := t.Context(), value("a")
				clock := kvtest.NewClock()
				s := try(t, Options{Now: clock.Now})
				var err error
				if sub == "L" {
					_, err = s.Lock(ctx, k, time.Hour, true)
				} else {
					err = s.Set(ctx, k, []byte("1"), time.Hour)
				}
				if err != nil {
					t.Fatal(err)
				}
				clock.Advance(2 * time.Hour)
				tx := hold(t, s)
				change(t, s, tx, "UPDATE {rows} SET expires = 0 WHERE sub = ?", sub)
				answer := waits(t, s, func() string {
					is, err := del(ctx, s, k)
					return fmt.Sprint(is, ", ", err)
				})
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				if got := answer(); got != "true, <nil>" && got != "1, <nil>" {
					t.Errorf("got %s", got)
				}
				_, noValue := s.Get(ctx, k)
				_, noLease := s.Lease(ctx, k)
				if !errors.Is(noValue, kv.ErrNotFound) || !errors.Is(noLease, kv.ErrNotFound) {
					t.Errorf("value: %v, lease: %v", noValue, noLease)
				}
			})
		}
	}
}

// A row of an allowance that is locked is judged at the time when it was.
func TestAnAllowanceThatWasWaitedForIsJudgedAfterwards(t *testing.T) {
	ctx, k := t.Context(), value("a")
	s := try(t, Options{})
	s.tries = 0
	rule := kv.Rule{Limit: 1, Per: time.Hour, Burst: 1}
	if _, err := s.Rate(ctx, k, rule, 1, false); err != nil {
		t.Fatal(err)
	}
	tx := hold(t, s)
	answer := waits(t, s, func() string {
		d, err := s.Rate(ctx, k, rule, 1, false)
		return fmt.Sprint(d.Allowed, ", ", err)
	})
	now := func() (micros int64) {
		if err := tx.QueryRowContext(ctx, "SELECT "+heldMicros).Scan(&micros); err != nil {
			t.Fatal(err)
		}
		return micros
	}
	full := now() + 1
	change(t, s, tx, "UPDATE {rows} SET v = ?", kv.RateState{Start: full * int64(time.Microsecond)}.Append(nil))
	until(t, func() error {
		if now() <= full {
			return errors.New("the time stands still")
		}
		return nil
	})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := answer(); got != "true, <nil>" {
		t.Errorf("got %s", got)
	}
}
