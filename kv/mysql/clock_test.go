package mysql

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// The contract's clock is the test's. Here the server's runs.

func TestRowsExpireByTheServersClock(t *testing.T) {
	s := try(t, Options{})
	ctx := t.Context()
	const ttl = 50 * time.Millisecond
	rule := kv.Rule{Limit: 1, Per: ttl}
	absent := func(there bool, err error) error {
		if err == nil && there || err != nil && !errors.Is(err, kv.ErrNotFound) {
			return fmt.Errorf("still there, %w", errors.Join(err))
		}
		return nil
	}
	before := time.Now().Truncate(time.Millisecond)
	k := value("a")
	if err := s.Set(ctx, k, []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	v, err := s.Get(ctx, k)
	if err != nil || v.Expires.Before(before.Add(time.Hour)) || v.Expires.After(time.Now().Add(time.Hour)) {
		t.Errorf("expires %v, %v, written at %v", v.Expires, err, before)
	}
	l, err := s.Lock(ctx, k, time.Hour, true)
	if err != nil || l.Expires.Before(before.Add(time.Hour)) || l.Expires.After(time.Now().Add(time.Hour)) {
		t.Errorf("lease expires %v, %v, taken at %v", l.Expires, err, before)
	}
	// Short ones come to their end.
	if l, err = s.Renew(ctx, l, ttl); err != nil || l.Expires.After(time.Now().Add(ttl)) {
		t.Errorf("%+v, %v", l, err)
	}
	for name, err := range map[string]error{
		"Set":  s.Set(ctx, k, []byte("1"), ttl),
		"Incr": func() error { _, err := s.Incr(ctx, value("n"), 1, ttl); return err }(),
		"Rate": func() error { _, err := s.Rate(ctx, k, rule, 1, false); return err }(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	until(t, func() error { _, err := s.Get(ctx, k); return absent(true, err) })
	until(t, func() error { n, err := s.Counter(ctx, value("n")); return absent(n != 0, err) })
	until(t, func() error { _, err := s.Lease(ctx, k); return absent(true, err) })
	until(t, func() error {
		d, err := s.Rate(ctx, k, rule, 1, false)
		if err == nil && !d.Allowed {
			err = errors.New("refused")
		}
		return err
	})
	if err := s.Unlock(ctx, l); !errors.Is(err, kv.ErrNotOwner) {
		t.Errorf("an expired lease was given up: %v", err)
	}
	next, err := s.Lock(ctx, k, ttl, true)
	if err != nil || next.Fence <= l.Fence {
		t.Errorf("%+v after %+v, %v", next, l, err)
	}
	if added, err := s.Add(ctx, k, []byte("2"), ttl); !added || err != nil {
		t.Errorf("%v, %v", added, err)
	}
	until(t, func() error {
		if _, _, err := s.Purge(ctx); err != nil {
			return err
		}
		var n int
		err := s.db.QueryRowContext(ctx, s.tables.in("SELECT COUNT(*) FROM {rows}")).Scan(&n)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d rows are left", n)
		}
		return err
	})
}

func TestTheServersClockIsReadOnceInAStatement(t *testing.T) {
	s := try(t, Options{})
	var same bool
	if err := s.db.QueryRowContext(t.Context(), "SELECT a = b FROM (SELECT "+serverMicros+" a, SLEEP(0.01) c, "+serverMicros+" b) x").Scan(&same); err != nil || !same {
		t.Errorf("%v, %v", same, err)
	}
}
