package postgres_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

func TestProcessesThatStartAtOnceDoNotCollide(t *testing.T) {
	o := postgres.Options{Namespace: namespace()}
	stores := make([]*postgres.Store, 8)
	for i := range stores {
		stores[i] = open(t, o)
	}
	var wg sync.WaitGroup
	for _, s := range stores {
		for range 2 {
			wg.Go(func() {
				if _, err := s.Incr(t.Context(), key("n"), 1, 0); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n, err := stores[0].Counter(t.Context(), key("n")); n != 16 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestStoresOnOneSchemaShareEverythingAndOthersNothing(t *testing.T) {
	o := postgres.Options{Namespace: namespace()}
	a, b, other := open(t, o), open(t, o), open(t, postgres.Options{Namespace: "Other-" + o.Namespace})
	rule := kv.Rule{Limit: 2, Per: time.Hour}
	if err := a.Set(t.Context(), key("v"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if v, err := b.Get(t.Context(), key("v")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("value %q, %v", v.Bytes, err)
	}
	for i, s := range []*postgres.Store{a, b, a} {
		if d, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil || d.Allowed != (i < 2) {
			t.Errorf("question %d: %+v, %v", i, d, err)
		}
	}
	l, err := a.Lock(t.Context(), key("l"), time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lock(t.Context(), key("l"), time.Hour, true); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("a second lease: %v", err)
	}
	if is, err := b.Lease(t.Context(), key("l")); err != nil || !l.Holds(is) {
		t.Errorf("the other sees %+v, %v", is, err)
	}
	if _, err := other.Get(t.Context(), key("v")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("in another schema: %v", err)
	}
	if _, err := other.Lock(t.Context(), key("l"), time.Hour, false); err != nil {
		t.Errorf("in another schema: %v", err)
	}
	if err := b.Unlock(t.Context(), l); err != nil {
		t.Errorf("the owner by another process: %v", err)
	}
}

func TestTablesOfANewerVersionAreRefused(t *testing.T) {
	ns := namespace()
	s := open(t, postgres.Options{Namespace: ns})
	if err := s.Set(t.Context(), key("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	if _, err := c.Exec(t.Context(), `UPDATE `+ns+`.meta SET v = $1 WHERE name = 'version'`, postgres.Versions+1); err != nil {
		t.Fatal(err)
	}
	old := open(t, postgres.Options{Namespace: ns})
	for range 2 {
		if err := old.Set(t.Context(), key("a"), []byte("2"), 0); !errors.Is(err, postgres.ErrNewer) || !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	if v, err := s.Get(t.Context(), key("a")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("now it is %q, %v", v.Bytes, err)
	}
}

func TestTablesThatAreGoneAreMadeAgain(t *testing.T) {
	ns := namespace()
	s := open(t, postgres.Options{Namespace: ns})
	until(t, "the server", func() bool { return works(t, s) })
	c := connect(t, server.URL())
	if _, err := c.Exec(t.Context(), `DROP SCHEMA `+ns+` CASCADE`); err != nil {
		t.Fatal(err)
	}
	until(t, "a new schema", func() bool { return works(t, s) })
	if _, err := s.Lock(t.Context(), key("a"), time.Hour, false); err != nil {
		t.Error(err)
	}
}

// A careful administrator makes the schema and lets nobody make others.
func TestASchemaThatWasMadeForTheStoreIsTaken(t *testing.T) {
	p := hurt(t)
	c := connect(t, p.URL())
	if _, err := c.Exec(t.Context(), `CREATE ROLE mail LOGIN; CREATE SCHEMA mail AUTHORIZATION mail`); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, p, postgres.Options{Username: "mail", Namespace: "mail"})
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	s = openAt(t, p, postgres.Options{Username: "mail", Namespace: "elsewhere"})
	if err := s.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "schema elsewhere") {
		t.Errorf("a schema that may not be made: %v", err)
	}
}

// No statement reads a table from end to end, whatever the server thinks of a table that was made a moment ago.
func TestEveryStatementFollowsThePrimaryKey(t *testing.T) {
	ns := namespace()
	s := open(t, postgres.Options{Namespace: ns})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	if _, err := c.Exec(t.Context(), postgres.Session, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	for name, sql := range postgres.Statements(ns) {
		st, err := c.Prepare(t.Context(), name, sql)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rows, err := c.Query(t.Context(), `EXPLAIN EXECUTE "`+name+`"`+nulls(len(st.ParamOIDs)), pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := strings.Join(plan, "\n")
		// Stats sort the rows of a page to group them.
		if strings.Contains(text, "Seq Scan") || strings.Contains(text, "Bitmap") || strings.Contains(text, "Sort") && !strings.HasPrefix(name, "stats") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

func nulls(n int) string {
	if n == 0 {
		return ""
	}
	return "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
}

// turns counts how often the client writes after it has read, which is a round trip.
type turns struct {
	net.Conn
	read *atomic.Bool
	n    *atomic.Int64
}

func (c turns) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Store(true)
	return n, err
}

func (c turns) Write(b []byte) (int, error) {
	if c.read.Swap(false) {
		c.n.Add(1)
	}
	return c.Conn.Write(b)
}

func TestEveryOperationIsOneRoundTrip(t *testing.T) {
	peers.Need(t, serverErr)
	var n atomic.Int64
	s, err := postgres.OpenDial(t.Context(), postgres.Options{URLs: []string{server.URL()}, Namespace: namespace(), Pool: 1, Timeout: time.Minute}, func(c net.Conn) net.Conn {
		return turns{c, new(atomic.Bool), &n}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	var l kv.Lease
	rule := kv.Rule{Limit: 100, Per: time.Hour}
	calls := []struct {
		name string
		do   func() error
	}{
		{"Set", func() error { return s.Set(ctx, key("a"), []byte("x"), time.Hour) }},
		{"Get", func() error { _, err := s.Get(ctx, key("a")); return err }},
		{"GetMany", func() error { _, err := s.GetMany(ctx, []kv.Key{key("a"), key("b"), key("c")}); return err }},
		{"SetFenced", func() error { return s.SetFenced(ctx, key("a"), []byte("x"), time.Hour, 1) }},
		{"Add", func() error { _, err := s.Add(ctx, key("a"), []byte("x"), time.Hour); return err }},
		{"CompareAndSwap", func() error { _, err := s.CompareAndSwap(ctx, key("a"), []byte("x"), []byte("x"), 0); return err }},
		{"Incr", func() error { _, err := s.Incr(ctx, key("n"), 1, 0); return err }},
		{"List", func() error { _, _, err := s.List(ctx, kv.Script, "", "", 10); return err }},
		{"Rate", func() error { _, err := s.Rate(ctx, key("r"), rule, 1, false); return err }},
		{"Lock", func() (err error) { l, err = s.Lock(ctx, key("l"), time.Hour, false); return err }},
		{"Lease", func() error { _, err := s.Lease(ctx, key("l")); return err }},
		{"Renew", func() error { _, err := s.Renew(ctx, l, time.Hour); return err }},
		{"Unlock", func() error { return s.Unlock(ctx, l) }},
		{"Delete", func() error { _, err := s.Delete(ctx, key("n")); return err }},
		{"DeletePrefix", func() error { _, err := s.DeletePrefix(ctx, kv.Script, ""); return err }},
	}
	for round := range 2 { // the first prepares
		for _, c := range calls {
			before := n.Load()
			if err := c.do(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if took := n.Load() - before; round > 0 && took != 1 {
				t.Errorf("%s took %d round trips", c.name, took)
			}
		}
	}
}
