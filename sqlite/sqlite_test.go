package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testSchema = []string{
	`CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID; CREATE TABLE n (id INTEGER PRIMARY KEY, a INTEGER)`,
}

// openTest opens a new file that is closed with the test.
func openTest(t testing.TB, o Options) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"), o)
}

func openAt(t testing.TB, path string, o Options) *DB {
	t.Helper()
	if o.Schema == nil {
		o.Schema = testSchema
	}
	db, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func put(k, v string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`, k, []byte(v))
		return err
	}
}

// all returns the rows of t.
func all(t *testing.T, db *DB) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := db.Read(t.Context(), func(c *Conn) error {
		r := c.Query(`SELECT k, v FROM t`)
		for r.Next() {
			var k, v string
			if err := r.Scan(&k, &v); err != nil {
				return err
			}
			got[k] = v
		}
		return r.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWritesAreReadBackAndSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ? # % name.db")
	db := openAt(t, path, Options{})
	for i := range 3 {
		if err := db.Write(t.Context(), put(fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"0": "x", "1": "x", "2": "x"}
	if diff := cmp.Diff(want, all(t, db)); diff != "" {
		t.Error(diff)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all(t, openAt(t, path, Options{}))); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, others could read mail", info.Mode())
	}
}

func TestValuesKeepTheirTypes(t *testing.T) {
	type name string
	type number uint32
	db := openTest(t, Options{})
	err := db.Write(t.Context(), func(tx *Tx) error {
		var (
			i64 int64
			i   int
			u32 uint32
			u64 uint64
			b   bool
			s   string
			bs  []byte
			nm  name
			nr  number
			f   float64
			nul any
		)
		err := tx.QueryRow(`SELECT ?,?,?,?,?,?,?,?,?,?,?`, int64(-1), 2, uint32(3), uint64(1)<<62, true, "é", []byte{}, name("n"), number(7), 1.5, nil).
			Scan(&i64, &i, &u32, &u64, &b, &s, &bs, &nm, &nr, &f, &nul)
		if err != nil {
			return err
		}
		got := []any{i64, i, u32, u64, b, s, bs, nm, nr, f, nul}
		want := []any{int64(-1), 2, uint32(3), uint64(1) << 62, true, "é", []byte{}, name("n"), number(7), 1.5, nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if bs == nil {
			t.Error("an empty blob came back as NULL")
		}
		if err := tx.QueryRow(`SELECT NULL`).Scan(&s); err == nil {
			t.Error("NULL fitted a string")
		}
		if err := tx.QueryRow(`SELECT -1`).Scan(&u32); err == nil {
			t.Error("-1 fitted a uint32")
		}
		if err := tx.QueryRow(`SELECT 300`).Scan(new(uint8)); err == nil {
			t.Error("300 fitted a uint8")
		}
		if err := tx.QueryRow(`SELECT 1, 2`).Scan(&i64); err == nil {
			t.Error("two columns fitted one variable")
		}
		if _, err := tx.Exec(`SELECT ?`, uint64(1)<<63); err == nil {
			t.Error("2^63 was stored")
		}
		if _, err := tx.Exec(`SELECT ?`, struct{}{}); err == nil {
			t.Error("a struct was stored")
		}
		if err := tx.QueryRow(`SELECT 1 WHERE 0`).Scan(&i64); !errors.Is(err, ErrNoRows) {
			t.Errorf("got %v, want ErrNoRows", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestExecReportsChangesAndIDs(t *testing.T) {
	db := openTest(t, Options{})
	err := db.Write(t.Context(), func(tx *Tx) error {
		for want := int64(1); want <= 3; want++ {
			n, err := tx.Exec(`INSERT INTO n (a) VALUES (?)`, want)
			if err != nil {
				return err
			}
			if n != 1 || tx.LastInsertID() != want {
				t.Errorf("changed %d, id %d, want 1 and %d", n, tx.LastInsertID(), want)
			}
		}
		n, err := tx.Exec(`UPDATE n SET a = 0 WHERE id > 1 RETURNING id`)
		if n != 2 || err != nil {
			t.Errorf("got %d, %v, want 2", n, err)
		}
		if _, err := tx.Exec(`DELETE FROM n; DELETE FROM t`); err != nil {
			t.Error(err)
		}
		if _, err := tx.Exec(`DELETE FROM n WHERE id = ?; DELETE FROM t`, 1); err == nil {
			t.Error("several statements took arguments")
		}
		if err := tx.Query(`SELECT 1; SELECT 2`).Close(); err == nil {
			t.Error("a query of two statements lost the second in silence")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneQueryMayRunInsideALoopOverItself(t *testing.T) {
	db := openTest(t, Options{})
	const q = `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3) SELECT i FROM s`
	var got []string
	err := db.Read(t.Context(), func(c *Conn) error {
		outer := c.Query(q)
		for outer.Next() {
			var i int
			_ = outer.Scan(&i)
			inner := c.Query(q)
			for inner.Next() {
				var j int
				_ = inner.Scan(&j)
				got = append(got, fmt.Sprint(i, j))
			}
			if err := inner.Close(); err != nil {
				return err
			}
		}
		return outer.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 1", "1 2", "1 3", "2 1", "2 2", "2 3", "3 1", "3 2", "3 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAReadIsASnapshotAndReadOnceIsNot(t *testing.T) {
	db := openTest(t, Options{})
	count := func(c *Conn) (n int) {
		if err := c.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	err := db.Read(t.Context(), func(c *Conn) error {
		before := count(c)
		if err := db.Write(t.Context(), put("a", "1")); err != nil {
			return err
		}
		if after := count(c); before != 0 || after != 0 {
			t.Errorf("counted %d, then %d inside one snapshot", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.ReadOnce(t.Context(), func(c *Conn) error {
		if n := count(c); n != 1 {
			t.Errorf("counted %d, want 1", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := openTest(t, Options{})
	err := db.Read(t.Context(), func(c *Conn) error {
		_, err := c.Exec(`INSERT INTO n (a) VALUES (1)`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("got %v", err)
	}
}

func TestReadersWaitForAFreeConnection(t *testing.T) {
	db := openTest(t, Options{Readers: 1})
	err := db.Read(t.Context(), func(*Conn) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return db.Read(ctx, func(*Conn) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { all(t, db) })
	}
	wg.Wait()
}

func TestALongLoopEndsWithItsContext(t *testing.T) {
	db := openTest(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := db.Read(ctx, func(c *Conn) error {
		r := c.Query(`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s`)
		for r.Next() {
			if n++; n == 100 {
				cancel()
			}
		}
		return r.Close()
	})
	if !errors.Is(err, context.Canceled) || n > 200 {
		t.Errorf("got %v after %d rows", err, n)
	}
}

func TestRowsLeftOpenDoNotPinTheConnection(t *testing.T) {
	db := openTest(t, Options{Readers: 1})
	if err := db.Write(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	err := db.Read(t.Context(), func(c *Conn) error {
		c.Query(`SELECT k FROM t`).Next()
		c.Query(`SELECT v FROM t`).Next()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put("b", "2")); err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, db)); got != 2 {
		t.Errorf("the next read saw %d rows, want 2", got)
	}
}

func TestAfterCloseEverythingSaysSo(t *testing.T) {
	db := openTest(t, Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put("a", "1")); !errors.Is(err, ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := db.Read(t.Context(), func(*Conn) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
