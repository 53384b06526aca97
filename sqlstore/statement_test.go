package sqlstore

import (
	"errors"
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	for _, tt := range []struct {
		name   string
		d      dialect
		in     string
		text   string // "": in
		places int
		want   string // error
	}{
		{"places are counted", sqliteDialect, "SELECT ? + ?", "", 2, ""},
		{"the end of a statement is cut off", sqliteDialect, " SELECT 1 ; -- done\n;", "SELECT 1", 0, ""},
		{"two statements", sqliteDialect, "SELECT 1; DROP TABLE t", "", 0, "one statement a call"},
		{"a second one behind a comment", sqliteDialect, "SELECT 1;/* */DROP TABLE t", "", 0, "one statement a call"},
		{"a semicolon in a text", sqliteDialect, "SELECT ';?' || ?", "", 1, ""},
		{"a doubled quote", sqliteDialect, "SELECT 'it''s?', ?", "", 1, ""},
		{"names", sqliteDialect, "SELECT \"a?\", `b?`, [c?], ?", "", 1, ""},
		{"comments", sqliteDialect, "SELECT 1 -- ?\n, /* ? ; */ ?", "", 1, ""},
		{"comments in comments are PostgreSQL's", postgresDialect, "SELECT 1 /* ? /* ? */ ? */, ?", "SELECT 1 /* ? /* ? */ ? */, $1", 1, ""},
		{"and nobody else's", sqliteDialect, "SELECT 1 /* ? /* ? */, ?", "", 1, ""},
		{"a comment that does not end", sqliteDialect, "SELECT 1 /* ?", "", 0, "a comment does not end"},
		{"a text that does not end", mysqlDialect, `SELECT 'a\'`, "", 0, "a quoted text does not end"},
		{"a backslash is MySQL's", mysqlDialect, `SELECT 'a\'?', "b\"?", ?`, "", 1, ""},
		{"and no other's", sqliteDialect, `SELECT 'a\', ?`, "", 1, ""},
		{"a backslash in E", postgresDialect, `SELECT E'a\'?''\'?', e'\'', 'e\', name'?', ?`, `SELECT E'a\'?''\'?', e'\'', 'e\', name'?', $1`, 1, ""},
		{"a hash is MySQL's comment", mysqlDialect, "SELECT 1 # ?\n, ?", "", 1, ""},
		{"and PostgreSQL's operator", postgresDialect, "SELECT a #> ?", "SELECT a #> $1", 1, ""},
		{"two dashes are MySQL's comment before a blank", mysqlDialect, "SELECT 1--?, ? -- ?\n--", "", 2, ""},
		{"comments that are code", mysqlDialect, "SELECT 1 /*!50000 , ? */", "", 0, "comments that are code are refused"},
		{"the same of MariaDB", mysqlDialect, "SELECT 1 /*M! , ? */", "", 0, "comments that are code are refused"},
		{"places are translated", postgresDialect, "\n SELECT ?, '?', ?;", "SELECT $1, '?', $2", 2, ""},
		{"PostgreSQL's own", postgresDialect, "SELECT $2, $1, j ? 'key', '$9'", "", 2, ""},
		{"dollar quotes", postgresDialect, "SELECT $$ ?; $1 $$, $x$ $$ ? $x$, ?", "SELECT $$ ?; $1 $$, $x$ $$ ? $x$, $1", 1, ""},
		{"a dollar quote that does not end", postgresDialect, "SELECT $x$ ?", "", 0, "a quoted text does not end"},
		{"a dollar in a name", postgresDialect, "SELECT a$1 FROM t WHERE b = ?", "SELECT a$1 FROM t WHERE b = $1", 1, ""},
		{"a number that is none", postgresDialect, "SELECT $100000", "", 0, "a placeholder with a number that is none"},
		{"places beside words", postgresDialect, "SELECT a=?AND b?, ??", "SELECT a=$1 AND b $2, $3$4", 4, ""},
		{"a line of PostgreSQL ends at a CR, too", postgresDialect, "SELECT 1 -- ?\r, ?", "SELECT 1 -- ?\r, $1", 1, ""},
		{"and no other's", sqliteDialect, "SELECT 1 -- ?\r, ?", "", 0, ""},
		{"a control character behind two dashes is MySQL's blank", mysqlDialect, "SELECT 1 --\x7f ' ?\n, ?", "", 1, ""},
		{"a hash is a placeholder of SQLite", sqliteDialect, "SELECT #a", "", 0, "placeholders are written ?"},
		{"named places", sqliteDialect, "SELECT :a", "", 0, "placeholders are written ?"},
		{"numbered places", sqliteDialect, "SELECT ?1", "", 0, "placeholders are written ? without a number"},
		{"variables are MySQL's", mysqlDialect, "SELECT @@version", "", 0, ""},
		{"NUL", sqliteDialect, "SELECT 1\x00; DROP TABLE t", "", 0, "the statement holds a NUL"},
		{"no UTF-8", postgresDialect, "SELECT \xff?", "SELECT \xff $1", 1, ""},
		{"a long one", sqliteDialect, strings.Repeat(" ", MaxStatement+1), "", 0, "the statement is over 65536 octets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(tt.in, tt.d)
			if tt.want != "" {
				if err == nil || err.Error() != tt.want {
					t.Fatalf("got %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.text == "" {
				tt.text = tt.in
			}
			if got.text != tt.text || got.places != tt.places {
				t.Errorf("got %q with %d places, want %q with %d", got.text, got.places, tt.text, tt.places)
			}
		})
	}
}

func TestKindsOfStatements(t *testing.T) {
	for _, tt := range []struct {
		in          string
		read, write bool
	}{
		{"SELECT 1", true, true},
		{" /* x */ -- y\n ( select 1 )", true, true},
		{"WITH a AS (SELECT 1) SELECT * FROM a", true, true},
		{"insert into t values (1)", false, true},
		{"DROP TABLE t", false, true},
		{"SET x = 1", false, false},
		{"PRAGMA query_only = 0", false, false},
		{"ATTACH 'x' AS y", false, false},
		{"COMMIT", false, false},
		{"COPY t TO PROGRAM 'sh'", false, false},
		{"LOAD DATA INFILE 'x' INTO TABLE t", false, false},
		{"CALL p()", false, false},
		{"DO $$ begin end $$", false, false},
		{"SELECT 1 INTO OUTFILE '/tmp/x'", false, false},
		{"SELECT 'a' --\x7f '\n INTO OUTFILE '/tmp/x' -- '", false, false},
		{"--\rCOPY (\nSELECT 1) TO '/tmp/x'", false, false},
		{"EXPLAIN SELECT 1", true, true},
		{"EXPLAIN QUERY PLAN SELECT 1", true, true},
		{"EXPLAIN PRAGMA query_only = 0", false, false},
		{"explain query plan pragma query_only = 0", false, false},
		{"EXPLAIN ATTACH 'x' AS y", false, false},
		{"EXPLAIN VACUUM INTO '/tmp/x'", false, false},
		{"*", false, false},
		{"'SELECT'", false, false},
		{";", false, false},
		{"", false, false},
	} {
		d := postgresDialect
		switch {
		case strings.Contains(tt.in, "OUTFILE"):
			d = mysqlDialect
		case strings.HasPrefix(strings.ToUpper(tt.in), "EXPLAIN"):
			d = sqliteDialect
		}
		st, err := parse(tt.in, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.allowed(false); (err == nil) != tt.read {
			t.Errorf("%q to be read: %v", tt.in, err)
		} else if tt.write && !tt.read && !errors.Is(err, ErrReadOnly) {
			t.Errorf("%q does not say that the store is read-only: %v", tt.in, err)
		}
		if err := st.allowed(true); (err == nil) != tt.write {
			t.Errorf("%q to be written: %v", tt.in, err)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{"SELECT ?, '?''' FROM \"t\" -- x\n;", "SELECT $1, $a$ ? $a$, E'\\'' /* /* */ */", "SELECT [a], `b` # c\n, @@d /*!1 x */", "(((", "?;?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []dialect{sqliteDialect, postgresDialect, mysqlDialect} {
			st, err := parse(text, d)
			if err != nil {
				continue
			}
			// What was read once is read alike again, and PostgreSQL's places are its own then.
			again, err := parse(st.text, d)
			if err != nil || again.places != st.places || again.word != st.word || again.text != st.text {
				t.Errorf("%s: %q is read as %+v, and that as %+v, %v", d.name, text, st, again, err)
			}
		}
	})
}

func BenchmarkStatement(b *testing.B) {
	text := "SELECT name, score FROM customers /* by address */ WHERE address = ? AND domain IN (?, ?) AND note <> 'it''s' ORDER BY score LIMIT 10"
	b.ReportAllocs()
	for b.Loop() {
		if st, err := parse(text, postgresDialect); err != nil || st.places != 3 {
			b.Fatal(st, err)
		}
	}
}
