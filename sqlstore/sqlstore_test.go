package sqlstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
)

// columnTypes are what a table of the tests has in each database.
var columnTypes = map[string]string{
	"sqlite":   "id INTEGER PRIMARY KEY, name TEXT, score REAL, photo BLOB, born DATE, seen DATETIME, flag BOOLEAN",
	"postgres": "id INTEGER PRIMARY KEY, name TEXT, score DOUBLE PRECISION, photo BYTEA, born DATE, seen TIMESTAMPTZ, flag BOOLEAN",
	"mysql":    "id INTEGER PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4, score DOUBLE, photo BLOB, born DATE, seen TIMESTAMP(3) NULL, flag BOOLEAN",
}

// writable opens a database for writing with an empty table t.
func writable(t *testing.T, db database) (*Store, Options) {
	o := db.o(t)
	w := o
	w.Write = true
	s := open(t, w)
	must(t, s, "DROP TABLE IF EXISTS t")
	if got := must(t, s, "CREATE TABLE t ("+columnTypes[db.name]+")"); got.Columns != nil || got.Changed != 0 {
		t.Errorf("CREATE gives %+v", got)
	}
	return s, o
}

func TestValuesOfEveryKind(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			s, o := writable(t, db)
			const insert = "INSERT INTO t (id, name, score, photo, born, seen, flag) VALUES (?, ?, ?, ?, ?, ?, ?)"
			photo := []byte{0, 0xff, '\'', '\\'}
			got := must(t, s, insert, int64(1), "Grüße '; DROP TABLE t; --", 1.5, photo, "2026-01-02", "2026-01-02 03:04:05.250", true)
			if diff := cmp.Diff(Result{Changed: 1}, got); diff != "" {
				t.Error(diff)
			}
			must(t, s, insert, int64(2), nil, nil, nil, nil, nil, nil)
			must(t, s, insert, int64(3), "", -2e300, []byte{}, "1970-01-01", "1970-01-02 00:00:00", false)
			flag := func(v bool) any {
				if db.name == "mysql" { // has numbers in their place
					if v {
						return int64(1)
					}
					return int64(0)
				}
				return v
			}
			want := Result{Columns: []string{"id", "name", "score", "photo", "born", "seen", "flag"}, Rows: [][]any{
				{int64(1), "Grüße '; DROP TABLE t; --", 1.5, photo, "2026-01-02", "2026-01-02T03:04:05.25Z", flag(true)},
				{int64(2), nil, nil, nil, nil, nil, nil},
				{int64(3), "", -2e300, []byte{}, "1970-01-01", "1970-01-02T00:00:00Z", flag(false)},
			}}
			for _, text := range []string{"SELECT * FROM t ORDER BY id", "SELECT * FROM t WHERE id > ? ORDER BY id;"} {
				var args []any
				if strings.Contains(text, "?") {
					args = []any{int64(0)}
				}
				for _, s := range []*Store{s, open(t, o)} {
					if diff := cmp.Diff(want, must(t, s, text, args...)); diff != "" {
						t.Errorf("%s: want -, got +:\n%s", text, diff)
					}
				}
			}
			if diff := cmp.Diff(Result{Columns: []string{"id"}, Rows: [][]any{}}, must(t, s, "SELECT id FROM t WHERE id > ?", int64(9))); diff != "" {
				t.Error(diff)
			}
			if got := must(t, s, "UPDATE t SET score = score + ? WHERE id <> ?", int64(1), int64(2)); got.Changed != 2 {
				t.Errorf("UPDATE changed %d", got.Changed)
			}
			if got := must(t, s, "DELETE FROM t WHERE name = ?", "nobody"); got.Changed != 0 || got.Columns != nil {
				t.Errorf("DELETE gives %+v", got)
			}
			if db.name != "mysql" {
				got := must(t, s, "DELETE FROM t WHERE id = ? RETURNING name", int64(3))
				if diff := cmp.Diff(Result{Columns: []string{"name"}, Rows: [][]any{{""}}}, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAStoreForReadingChangesNothing(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			w, o := writable(t, db)
			must(t, w, "INSERT INTO t (id, name) VALUES (1, 'a')")
			s := open(t, o)
			for _, text := range []string{
				"INSERT INTO t (id) VALUES (2)", "UPDATE t SET name = 'b'", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (a INTEGER)",
				"/* SELECT */ DELETE FROM t", "WITH x AS (SELECT 1) DELETE FROM t",
				"WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x", "EXPLAIN ANALYZE DELETE FROM t",
				"COMMIT", "PRAGMA query_only = 0", "SET SESSION TRANSACTION READ WRITE", "SET default_transaction_read_only = off", "BEGIN", "ATTACH DATABASE 'x.db' AS x",
				"SELECT set_config('transaction_read_only', 'off', false)", "SELECT * FROM pragma_query_only(0)", "SELECT 1; DELETE FROM t",
			} {
				got, err := s.Query(t.Context(), text, nil)
				if err == nil && !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "EXPLAIN") {
					t.Errorf("%s gives %+v", text, got)
				}
				if err != nil && errors.Is(err, kv.ErrUnavailable) {
					t.Errorf("%s: %v", text, err)
				}
			}
			for _, s := range []*Store{s, w} {
				if got := must(t, s, "SELECT id, name FROM t"); !cmp.Equal(got.Rows, [][]any{{int64(1), "a"}}) {
					t.Errorf("the table holds %v", got.Rows)
				}
			}
			if _, err := s.Query(t.Context(), "DELETE FROM t", nil); !errors.Is(err, ErrReadOnly) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMistakesAreTold(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			s := open(t, db.o(t))
			for _, tt := range []struct {
				text string
				args []any
				want string
			}{
				{"SELECT ?", nil, "0 arguments for 1 placeholder"},
				{"SELECT 1", []any{int64(1)}, "1 argument for 0 placeholders"},
				{"SELECT * FROM absent", nil, "absent"},
				{"SELEKT 1", nil, `statements that begin with "SELEKT" are refused`},
				{"SELECT 1 +", nil, ""},
				{"", nil, "the statement is empty"},
			} {
				_, err := s.Query(t.Context(), tt.text, tt.args)
				if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, kv.ErrUnavailable) {
					t.Errorf("%s: got %v, want %s", tt.text, err, tt.want)
				}
			}
			if got := must(t, s, "SELECT 1 AS a"); !cmp.Equal(got.Rows, [][]any{{int64(1)}}) {
				t.Errorf("after that: %v", got)
			}
		})
	}
}

func TestResultsAreBounded(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			o := db.o(t)
			o.Rows, o.Octets = 10, 10_000
			s := open(t, o)
			const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %) SELECT i FROM n"
			if got := must(t, s, strings.ReplaceAll(many, "%", "10")); len(got.Rows) != 10 {
				t.Errorf("got %d rows", len(got.Rows))
			}
			_, err := s.Query(t.Context(), strings.ReplaceAll(many, "%", "900"), nil)
			if !errors.Is(err, ErrTooLarge) || err.Error() != "the result is too large: more than 10 rows" {
				t.Errorf("eleven rows: %v", err)
			}
			_, err = s.Query(t.Context(), "SELECT ? AS a", []any{strings.Repeat("x", 20_000)})
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("20000 octets: %v", err)
			}
			if got := must(t, s, "SELECT 1 AS a"); len(got.Rows) != 1 {
				t.Errorf("after that: %v", got)
			}
		})
	}
}

// A change whose rows are too many to be told is taken back.
func TestAChangeThatFailsIsUndone(t *testing.T) {
	for _, db := range databases {
		if db.name == "mysql" {
			continue // MySQL's UPDATE returns no rows
		}
		t.Run(db.name, func(t *testing.T) {
			w, o := writable(t, db)
			for i := range 3 {
				must(t, w, "INSERT INTO t (id, name) VALUES (?, 'a')", int64(i))
			}
			o.Write, o.Rows = true, 2
			s := open(t, o)
			if _, err := s.Query(t.Context(), "UPDATE t SET name = 'b' RETURNING id", nil); !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
			if got := must(t, w, "SELECT count(*) FROM t WHERE name = 'b'"); !cmp.Equal(got.Rows, [][]any{{int64(0)}}) {
				t.Errorf("%v rows were changed", got.Rows)
			}
		})
	}
}

func TestTimeIsBounded(t *testing.T) {
	endless := map[string]string{
		"sqlite":   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
		"postgres": "SELECT pg_sleep(60)",
		"mysql":    "SELECT SLEEP(60)",
	}
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			o := db.o(t)
			o.Timeout, o.Pool = 2*time.Second, 1
			s := open(t, o)
			must(t, s, "SELECT 1") // connected
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := s.Query(ctx, endless[db.name], nil)
			if !errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			_, err = s.Query(t.Context(), endless[db.name], nil)
			if !errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("by the store's own limit: %v", err)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
			must(t, s, "SELECT 1") // the one connection is there again
		})
	}
}

func TestADatabaseThatIsNotThereIsUnavailableAndTellsNoPassword(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{
		{Type: "sqlite", Path: dir + "/absent/x.db"},
		{Type: "sqlite", Path: dir + "/absent.db", Write: true},
		{Type: "postgres", URL: "postgres://u@localhost/db?host=" + dir, Password: "geheim"},
		{Type: "mysql", URL: "mysql://u@localhost/db?socket=" + dir + "/s", Password: "geheim"},
	} {
		s := open(t, o)
		err := s.Ping(t.Context())
		if !errors.Is(err, kv.ErrUnavailable) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", o.Type, err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{}, {Type: "redis"}, {Type: "sqlite"}, {Type: "sqlite", Path: "x", Rows: -1}, {Type: "postgres", URL: "mysql://u@h/d"},
		{Type: "postgres", URL: "postgres://u:secret@h:port/d"}, {Type: "mysql", URL: "mysql://u:secret@h:port/d"}, {Type: "mysql", URL: "mysql://u@h"},
	} {
		_, err := Open(o)
		if !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestArgumentsAreBounded(t *testing.T) {
	s := open(t, Options{Type: "sqlite", Path: newFile(t)})
	args := make([]any, MaxArguments+1)
	text := "SELECT 1 WHERE NULL IN (?" + strings.Repeat(", ?", MaxArguments-1) + ")"
	if got := must(t, s, text, args[1:]...); len(got.Rows) != 0 {
		t.Errorf("got %v", got.Rows)
	}
	if _, err := s.Query(t.Context(), strings.Replace(text, ")", ", ?)", 1), args); err == nil || err.Error() != "more than 999 arguments" {
		t.Errorf("got %v", err)
	}
}

func TestManyAskAtOnce(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			w, o := writable(t, db)
			o.Pool = 2
			s := open(t, o)
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					if _, err := w.Query(t.Context(), "INSERT INTO t (id, name) VALUES (?, ?)", []any{int64(i), "a"}); err != nil {
						t.Error(err)
					}
					if _, err := s.Query(t.Context(), "SELECT * FROM t WHERE id = ?", []any{int64(i)}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := must(t, s, "SELECT count(*) AS n FROM t"); !cmp.Equal(got.Rows, [][]any{{int64(16)}}) {
				t.Errorf("got %v", got.Rows)
			}
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			s := open(b, db.o(b))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Query(b.Context(), "SELECT 1 AS a WHERE 1 = ?", []any{int64(1)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
