package sqlite

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestABackupThatIsNotWholeReplacesNothing(t *testing.T) {
	path, copied := filepath.Join(t.TempDir(), "test.db"), filepath.Join(t.TempDir(), "copy.db")
	db := openAt(t, path, Options{Schema: []string{`CREATE TABLE t (k, v); INSERT INTO t VALUES (1, NULL)`}})
	if err := db.BackupTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// Fault that a copy takes along: a row breaks what its table demands.
	c, err := connect(path, true, defaultCache)
	if err != nil {
		t.Fatal(err)
	}
	err = c.execBatch(`PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE t (k, v NOT NULL)' WHERE name = 't'; PRAGMA schema_version = 99`)
	if err := errors.Join(err, c.close()); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, path, Options{Schema: []string{``}})
	if err := db.BackupTo(t.Context(), copied); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, good) {
		t.Errorf("the good backup was replaced: %v", err)
	}
	if left, err := filepath.Glob(copied + ".tmp-*"); err != nil || len(left) > 0 {
		t.Errorf("%q is left over, %v", left, err)
	}
}

func TestVerifyTellsWhatIsWrong(t *testing.T) {
	source := openTest(t, Options{})
	for i := range 200 {
		if err := source.Write(t.Context(), put(string(rune('a'+i)), "value")); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := source.BackupTo(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		change func(b []byte) []byte
		schema []string
		want   error
	}{
		{"the same schema", t.Context(), nil, testSchema, nil},
		{"any schema", t.Context(), nil, nil, nil},
		{"an older program", t.Context(), nil, []string{}, ErrNewerSchema},
		{"a newer program", t.Context(), nil, append(testSchema[:1:1], `DROP TABLE t`), nil},
		{"another program", t.Context(), nil, []string{`CREATE TABLE other (a)`}, ErrForeign},
		{"no tables", t.Context(), func([]byte) []byte { return nil }, testSchema, ErrForeign},
		{"no tables, any schema", t.Context(), func([]byte) []byte { return nil }, nil, nil},
		{"cut short", t.Context(), func(b []byte) []byte { return b[:len(b)-4096] }, testSchema, ErrCorrupt},
		{"no database", t.Context(), func(b []byte) []byte { return bytes.Repeat([]byte("no "), 3000) }, testSchema, ErrCorrupt},
		{"a page of nothing", t.Context(), func(b []byte) []byte { clear(b[4096:8192]); return b }, testSchema, ErrCorrupt},
		{"no time", ended, nil, testSchema, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Clone(whole)
			if c.change != nil {
				b = c.change(b)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "a b?#.db")
			if err := os.WriteFile(path, b, 0o400); err != nil {
				t.Fatal(err)
			}
			if err := Verify(c.ctx, path, c.schema); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("something was written: %v, %v", entries, err)
			}
		})
	}
	if err := Verify(t.Context(), filepath.Join(t.TempDir(), "missing"), nil); err == nil {
		t.Error("a missing file is fine")
	}
}

func TestFoldLeavesOneFile(t *testing.T) {
	db := openTest(t, Options{})
	if err := db.Write(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(db.Path() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Fold(path, func(c *Conn) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
	if err := Verify(t.Context(), path, testSchema); err != nil {
		t.Error(err)
	}
	if got := all(t, openAt(t, path, Options{})); got["a"] != "1" {
		t.Errorf("got %v", got)
	}
	if err := Fold(path, func(c *Conn) error { return nil }); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
}
