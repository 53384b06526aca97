package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACallLeavesNothingToTheNextOne(t *testing.T) {
	for _, tt := range []struct {
		db         string
		leave, ask string
		want       any
	}{
		{"sqlite", "EXPLAIN PRAGMA case_sensitive_like = on", "SELECT 'a' LIKE 'A' AS v", int64(1)},
		{"sqlite", "EXPLAIN PRAGMA hard_heap_limit = 900000000", "SELECT hard_heap_limit AS v FROM pragma_hard_heap_limit", int64(0)},
		{"postgres", "SELECT set_config('statement_timeout', '0', false)", "SELECT current_setting('statement_timeout') AS v", "20s"},
		{"postgres", "SELECT pg_advisory_lock(5)", "SELECT count(*) AS v FROM pg_locks WHERE locktype = 'advisory'", int64(0)},
		{"postgres", "SELECT pg_try_advisory_lock(5)", "SELECT count(*) AS v FROM pg_locks WHERE locktype = 'advisory'", int64(0)},
		{"mysql", "SELECT @a := 5", "SELECT @a AS v", nil},
		{"mysql", "SELECT 5 INTO @a", "SELECT @a AS v", nil},
		{"mysql", "SELECT GET_LOCK('x', 0)", "SELECT IS_USED_LOCK('x') AS v", nil},
		{"mysql", "CREATE OR REPLACE TEMPORARY TABLE kept (a INT)", "SELECT 1 AS v FROM (SELECT 1) x WHERE EXISTS (SELECT * FROM kept)", errors.New("Table 'sluice.kept' doesn't exist")},
		{"postgres", "CREATE TEMP TABLE kept (a INT)", "SELECT count(*) AS v FROM pg_class WHERE relname = 'kept'", int64(0)},
	} {
		t.Run(tt.db+" "+tt.leave, func(t *testing.T) {
			for _, db := range databases {
				if db.name != tt.db {
					continue
				}
				for _, write := range []bool{false, true} {
					o := db.o(t)
					o.Pool, o.Write = 1, write // so that the next call would meet it
					s := open(t, o)
					_, _ = s.Query(t.Context(), tt.leave, nil) // whether it may is not asked here
					r, err := s.Query(t.Context(), tt.ask, nil)
					for range 1000 { // a connection ends on the server's side a moment later
						if tt.want != nil || err != nil || r.Rows[0][0] == nil {
							break
						}
						r, err = s.Query(t.Context(), tt.ask, nil)
					}
					if bad, ok := tt.want.(error); ok {
						if err == nil || err.Error() != bad.Error() {
							t.Errorf("write %v: got %v, want %v", write, err, bad)
						}
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff([][]any{{tt.want}}, r.Rows); diff != "" {
						t.Errorf("write %v: %s", write, diff)
					}
				}
			}
		})
	}
}

func TestQuotesMeanTheSameWhateverTheServerIsSetTo(t *testing.T) {
	for _, db := range databases {
		if db.name != "mysql" {
			continue
		}
		o := db.o(t)
		o.Write = true
		s := open(t, o)
		before := must(t, s, "SELECT @@GLOBAL.sql_mode").Rows[0][0]
		set := func(mode string) {
			admin := s.base.(*mysqlBase)
			if _, err := admin.db.ExecContext(t.Context(), "SET GLOBAL sql_mode = '"+mode+"'"); err != nil {
				t.Fatal(err)
			}
		}
		defer set(fmt.Sprint(before))
		for _, mode := range []string{"ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE", "POSTGRESQL", "MSSQL", "DB2", "MAXDB", ""} {
			set(mode)
			r := must(t, open(t, db.o(t)), `SELECT "a\"?" AS v, ? AS w`, "x")
			if diff := cmp.Diff([][]any{{`a"?`, "x"}}, r.Rows); diff != "" {
				t.Errorf("%s: %s", mode, diff)
			}
		}
	}
}

func TestAValueThatIsFarTooLargeIsNotEvenRead(t *testing.T) {
	for _, db := range databases {
		if db.name != "postgres" {
			continue
		}
		s := open(t, db.o(t))
		_, err := s.Query(t.Context(), "SELECT repeat('x', 200000000)", nil)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		o := db.o(t)
		o.Octets = 3 << 20
		r := must(t, open(t, o), "SELECT decode(repeat('00', 3000000), 'hex')") // twice as long on its way
		if b, _ := r.Rows[0][0].([]byte); len(b) != 3000000 {
			t.Errorf("a blob of 3,000,000 octets has %d", len(b))
		}
		if _, err := s.Query(t.Context(), "SELECT "+strings.Repeat("repeat('x', 200000), ", 20)+"1", nil); !errors.Is(err, ErrTooLarge) {
			t.Errorf("many columns: %v", err)
		}
	}
}
