package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/postgres"
)

// With the server's clock, nobody can move the time: these rows are short-lived and waited for.
func TestRowsExpireByTheServersClock(t *testing.T) {
	s := open(t, postgres.Options{})
	ctx := t.Context()
	ttl := 100 * time.Millisecond
	began := time.Now()
	if err := s.Set(ctx, key("a"), []byte("1"), ttl); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Incr(ctx, key("n"), 7, ttl); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lock(ctx, key("l"), ttl, false)
	if err != nil || l.Expires.Before(began.Add(ttl-time.Millisecond)) || l.Expires.After(time.Now().Add(ttl)) {
		t.Errorf("%+v, %v", l, err)
	}
	rule := kv.Rule{Limit: 1, Per: ttl, Burst: 1}
	d, err := s.Rate(ctx, key("r"), rule, 1, false)
	if err != nil || !d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	until(t, "the end of the value", func() bool {
		_, err := s.Get(ctx, key("a"))
		return errors.Is(err, kv.ErrNotFound)
	})
	until(t, "the end of the counter", func() bool {
		n, err := s.Counter(ctx, key("n"))
		return n == 0 && err == nil
	})
	until(t, "the end of the lease", func() bool {
		_, err := s.Lease(ctx, key("l"))
		return errors.Is(err, kv.ErrNotFound)
	})
	if _, err := s.Renew(ctx, l, time.Hour); !errors.Is(err, kv.ErrNotOwner) {
		t.Errorf("renewing what is over: %v", err)
	}
	until(t, "the next unit", func() bool {
		d, err := s.Rate(ctx, key("r"), rule, 1, false)
		return d.Allowed && err == nil
	})
	if early := time.Since(began); early < ttl {
		t.Errorf("all was over after %v", early)
	}
	removed, tables := 0, 0
	for more := true; more; tables++ {
		var n int
		if n, more, err = s.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if removed < 3 {
		t.Errorf("purged %d rows, want the value, the counter and the lease", removed)
	}
}

// A deferred trigger sees with what setting its transaction is about to be committed.
func TestACommitWaitsForTheDiskAsThePrefixSays(t *testing.T) {
	ns := namespace()
	s := open(t, postgres.Options{Namespace: ns})
	ctx := t.Context()
	if _, err := s.Lock(ctx, key("first"), time.Hour, false); err != nil { // makes the tables and takes the first block of fences
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	sql := `CREATE TABLE NS.seen (id bigserial, at text);
		CREATE FUNCTION NS.see() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN INSERT INTO NS.seen (at) VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON NS.kv DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION NS.see();
		CREATE CONSTRAINT TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON NS.lease DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION NS.see();`
	if _, err := c.Exec(ctx, strings.ReplaceAll(sql, "NS.", ns+".")); err != nil {
		t.Fatal(err)
	}
	row := func(p kv.Prefix) kv.Key { return kv.Key{Prefix: p, Name: "a"} }
	var l kv.Lease
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"Set durable", func() error { return s.Set(ctx, row(kv.Script), []byte("x"), time.Millisecond) }, "on"},
		{"Set relaxed", func() error { return s.Set(ctx, row(kv.Greylist), []byte("x"), 0) }, "off"},
		{"Set volatile", func() error { return s.Set(ctx, row(kv.RateLimitIMAP), []byte("x"), 0) }, "off"},
		{"Set of a number nobody knows", func() error { return s.Set(ctx, row(200), []byte("x"), 0) }, "on"},
		{"SetFenced relaxed", func() error { return s.SetFenced(ctx, row(kv.Greylist), []byte("x"), 0, 3) }, "off"},
		{"CompareAndSwap durable", func() error { _, err := s.CompareAndSwap(ctx, row(200), []byte("x"), []byte("y"), 0); return err }, "on"},
		{"CompareAndSwap relaxed", func() error {
			_, err := s.CompareAndSwap(ctx, row(kv.Greylist), []byte("x"), []byte("y"), 0)
			return err
		}, "off"},
		{"Incr relaxed", func() error { _, err := s.Incr(ctx, row(kv.ScriptCounter), 1, 0); return err }, "off"},
		{"Incr durable", func() error { _, err := s.Incr(ctx, row(kv.TokenRevision), 1, 0); return err }, "on"},
		{"Add relaxed", func() error { _, err := s.Add(ctx, row(kv.ReputationIP), []byte("x"), 0); return err }, "off"},
		{"Delete relaxed", func() error { _, err := s.Delete(ctx, row(kv.ReputationIP)); return err }, "off"},
		{"Delete durable", func() error { _, err := s.Delete(ctx, row(200)); return err }, "on"},
		{"DeletePrefix relaxed", func() error { _, err := s.DeletePrefix(ctx, kv.Greylist, ""); return err }, "off"},
		{"Lock volatile", func() (err error) { l, err = s.Lock(ctx, row(kv.ScriptLock), time.Hour, false); return err }, "off"},
		{"Renew volatile", func() error { _, err := s.Renew(ctx, l, time.Hour); return err }, "off"},
		{"Unlock volatile", func() error { return s.Unlock(ctx, l) }, "off"},
		{"Lock that asks for it", func() (err error) { l, err = s.Lock(ctx, row(kv.ScriptLock), time.Hour, true); return err }, "on"},
		{"Renew that asked for it", func() error { _, err := s.Renew(ctx, l, time.Hour); return err }, "on"},
		{"Unlock that asked for it", func() error { return s.Unlock(ctx, l) }, "on"},
		{"Lock durable", func() (err error) { l, err = s.Lock(ctx, row(kv.LockQueueMessage), time.Hour, false); return err }, "on"},
		{"Delete of a durable lease", func() error { _, err := s.Delete(ctx, row(kv.LockQueueMessage)); return err }, "on"},
	} {
		if _, err := c.Exec(ctx, `DELETE FROM `+ns+`.seen`); err != nil {
			t.Fatal(err)
		}
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		var got *string
		if err := c.QueryRow(ctx, `SELECT string_agg(DISTINCT at, ' ') FROM `+ns+`.seen`).Scan(&got); err != nil || got == nil || *got != step.want {
			t.Errorf("%s was committed with %v, %v, want %s", step.name, *got, err, step.want)
		}
	}
}

func TestFlushWritesWhatWasAcknowledged(t *testing.T) {
	s := open(t, postgres.Options{})
	ctx := t.Context()
	if _, err := s.Incr(ctx, kv.Key{Prefix: kv.ScriptCounter, Name: "n"}, 1, 0); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	var at string
	if err := c.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn()::text`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	var there bool
	if err := c.QueryRow(ctx, `SELECT pg_current_wal_flush_lsn() >= $1::text::pg_lsn`, at).Scan(&there); err != nil || !there {
		t.Errorf("the log is not written to %s, %v", at, err)
	}
}

// What is refused, and what only asks, does not make the server write.
func TestARefusalWritesNothing(t *testing.T) {
	ns := namespace()
	s := open(t, postgres.Options{Namespace: ns})
	ctx := t.Context()
	rule := kv.Rule{Limit: 1, Per: time.Hour}
	if _, err := s.Add(ctx, key("a"), []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(ctx, key("a"), time.Hour, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rate(ctx, key("a"), rule, 1, false); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	lastWriter := func() (xmin, xmax string) {
		t.Helper()
		err := c.QueryRow(ctx, fmt.Sprintf(`SELECT concat((SELECT xmin FROM %[1]s.kv), ' ', (SELECT xmin FROM %[1]s.rate), ' ', (SELECT xmin FROM %[1]s.lease)),
			concat((SELECT xmax FROM %[1]s.kv), ' ', (SELECT xmax FROM %[1]s.rate), ' ', (SELECT xmax FROM %[1]s.lease))`, ns)).Scan(&xmin, &xmax)
		if err != nil {
			t.Fatal(err)
		}
		return xmin, xmax
	}
	beforeMin, beforeMax := lastWriter()
	if ok, err := s.Add(ctx, key("a"), []byte("y"), 0); ok || err != nil {
		t.Errorf("Add: %v, %v", ok, err)
	}
	if ok, err := s.CompareAndSwap(ctx, key("a"), []byte("z"), []byte("y"), 0); ok || err != nil {
		t.Errorf("CompareAndSwap: %v, %v", ok, err)
	}
	if _, err := s.Lock(ctx, key("a"), time.Hour, true); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("Lock: %v", err)
	}
	for _, peek := range []bool{false, true} {
		if d, err := s.Rate(ctx, key("a"), rule, 1, peek); d.Allowed || err != nil {
			t.Errorf("Rate: %+v, %v", d, err)
		}
	}
	afterMin, afterMax := lastWriter()
	if diff := cmp.Diff([]string{beforeMin, beforeMax}, []string{afterMin, afterMax}); diff != "" {
		t.Errorf("rows were written or locked: %s", diff)
	}
}

// A purge finds its way through more rows than one step takes, and Stats and DeletePrefix through more than one page.
func TestLongWalksTakeManySteps(t *testing.T) {
	ns := namespace()
	clock := kvtest.NewClock()
	s := open(t, postgres.Options{Namespace: ns, Now: clock.Now})
	ctx := t.Context()
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	const rows = 30_000
	// Every third row is expired, every third will be, and every third stays.
	if _, err := c.Exec(ctx, fmt.Sprintf(`INSERT INTO %s.kv SELECT '\x40'::bytea || sha256(i::text::bytea), '\x00', NULL,
		CASE i %% 3 WHEN 0 THEN 1 WHEN 1 THEN %d ELSE 0 END FROM generate_series(1, %d) i`, ns, clock.Now().Add(time.Hour).UnixMilli(), rows)); err != nil {
		t.Fatal(err)
	}
	purge := func(want int) {
		t.Helper()
		removed, steps := 0, 0
		for more := true; more; steps++ {
			n, m, err := s.Purge(ctx)
			if err != nil {
				t.Fatal(err)
			}
			removed, more = removed+n, m
		}
		if removed != want || steps < 5 {
			t.Errorf("removed %d rows in %d steps, want %d", removed, steps, want)
		}
	}
	live := func(want int64) {
		t.Helper()
		stats, err := s.Stats(ctx)
		if diff := cmp.Diff([]kv.PrefixStats{{Prefix: kv.Script, Rows: want, Octets: want * 33}}, stats); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	live(rows / 3 * 2)
	purge(rows / 3)
	live(rows / 3 * 2)
	clock.Advance(time.Hour)
	live(rows / 3)
	purge(rows / 3)
	if n, err := s.DeletePrefix(ctx, kv.Script, ""); n != rows/3 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if stats, err := s.Stats(ctx); len(stats) != 0 || err != nil {
		t.Errorf("left %v, %v", stats, err)
	}
}
