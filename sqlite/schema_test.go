package sqlite

import (
	"bytes"
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

func TestASchemaGrowsByOneVersionAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	all := []string{
		`CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)`,
		`ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'old; row'`,
		`CREATE TRIGGER tr AFTER INSERT ON a BEGIN UPDATE a SET y = 'one'; UPDATE a SET y = y || '; two'; END; INSERT INTO a VALUES (2, '')`,
	}
	for n := 1; n <= len(all); n++ {
		db, err := Open(t.Context(), path, Options{Schema: all[:n]})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := openAt(t, path, Options{Schema: all})
	var got []string
	err := db.Read(t.Context(), func(c *Conn) error {
		r := c.Query(`SELECT x || y FROM a ORDER BY x`)
		for r.Next() {
			var s string
			_ = r.Scan(&s)
			got = append(got, s)
		}
		return r.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1one; two", "2one; two"}, got); diff != "" {
		t.Error(diff)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	_, err = Open(t.Context(), path, Options{Schema: all[:1]})
	if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "version 3") || !strings.Contains(err.Error(), "knows 1") || !strings.Contains(err.Error(), path) {
		t.Errorf("an older program: %v", err)
	}
}

func TestAFailedUpgradeLeavesTheOldVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	good := []string{`CREATE TABLE a (x INTEGER)`}
	for range 2 {
		_, err := Open(t.Context(), path, Options{Schema: append(good, `INSERT INTO a VALUES (1); CREATE TABLE a (y)`)})
		if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	}
	db := openAt(t, path, Options{Schema: good})
	var n int
	if err := db.Read(t.Context(), func(c *Conn) error { return c.QueryRow(`SELECT count(*) FROM a`).Scan(&n) }); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(over, filepath.Join(t.TempDir(), "x.db"), Options{Schema: good}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSeveralMayOpenANewFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db, err := Open(t.Context(), path, Options{Schema: testSchema})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestEveryConnectionHasItsSettings(t *testing.T) {
	db := openTest(t, Options{Readers: 2})
	check := func(c *Conn, set []pragma) {
		for _, p := range set {
			var got string
			if p.want == "" {
				continue
			}
			if err := c.QueryRow("PRAGMA " + p.name).Scan(&got); err != nil || got != p.want {
				t.Errorf("%s is %s, %v, want %s", p.name, got, err, p.want)
			}
		}
	}
	if err := db.Write(t.Context(), func(tx *Tx) error {
		check(tx.Conn, append(pragmas, pragma{"wal_autocheckpoint", "", "1000"}, pragma{"query_only", "", "0"}))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Read(t.Context(), func(a *Conn) error {
		return db.Read(t.Context(), func(b *Conn) error {
			for _, c := range []*Conn{a, b} {
				check(c, append(pragmas, pragma{"query_only", "", "1"}))
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
}

func TestASettingThatDoesNotHoldIsRefused(t *testing.T) {
	for want, p := range map[string]pragma{
		"synchronous is 0":       {"synchronous", "OFF", "2"},
		"journal_mode is delete": {"journal_mode", "DELETE", "wal"},
	} {
		path := filepath.Join(t.TempDir(), "test.db")
		c, err := connect(path, true, defaultCache)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.setPragma(p); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.db")
	db := openAt(t, good, Options{})
	for i := range 2000 {
		if err := db.Write(t.Context(), put(fmt.Sprint(i), strings.Repeat("x", 200))); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Check(t.Context()); err != nil {
		t.Errorf("a good file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string][]byte{
		"text instead of a database": []byte(strings.Repeat("this is a letter to my mother\n", 500)),
		"zeros":                      make([]byte, 16384),
		"a header and zeros":         append(bytes.Clone(octets[:100]), make([]byte, len(octets)-100)...),
		"every page overwritten":     append(bytes.Clone(octets[:4096]), bytes.Repeat([]byte{0xa5}, len(octets)-4096)...),
		"cut in the middle":          octets[:len(octets)/2/4096*4096],
		"cut in the first page":      octets[:1000],
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			if err := os.WriteFile(path, damage, 0o600); err != nil {
				t.Fatal(err)
			}
			err := use(t, path)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// use opens a file and reads, checks and writes it, and returns the first error.
func use(t *testing.T, path string) error {
	db, err := Open(t.Context(), path, Options{Schema: testSchema})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Read(t.Context(), func(c *Conn) error {
		r := c.Query(`SELECT k, v FROM t`)
		for r.Next() {
		}
		return r.Close()
	}); err != nil {
		return err
	}
	if err := db.Check(t.Context()); err != nil {
		return err
	}
	return db.Write(t.Context(), put("new", "x"))
}

func TestAFolderThatIsMissingIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "test.db")
	if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestABackupIsOneMomentAndReplacesOnlyWhenComplete(t *testing.T) {
	db := openTest(t, Options{})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	// Two rows always change together; a backup must not tear them apart.
	pair := func(i int) error {
		return db.Write(t.Context(), func(tx *Tx) error {
			return errors.Join(put("a", fmt.Sprint(i))(tx), put("b", fmt.Sprint(i))(tx))
		})
	}
	if err := pair(0); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		for i := 1; ctx.Err() == nil; i++ {
			if err := pair(i); err != nil {
				t.Error(err)
			}
		}
	})
	copied := filepath.Join(t.TempDir(), "copy.db")
	for range 5 {
		if err := db.BackupTo(t.Context(), copied); err != nil {
			t.Error(err)
		}
		other := openAt(t, copied, Options{})
		if got := all(t, other); got["a"] != got["b"] || got["a"] == "" {
			t.Errorf("torn: %v", got)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	if err := db.BackupTo(t.Context(), filepath.Join(t.TempDir(), "missing", "copy.db")); err == nil {
		t.Error("a backup into a missing folder worked")
	}
	if err := db.BackupTo(t.Context(), db.Path()); err == nil {
		t.Error("a backup over the database itself worked")
	}
	entries, err := os.ReadDir(filepath.Dir(copied))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "tmp") {
			t.Errorf("left %s behind", e.Name())
		}
	}
}

func TestDataVersionChangesOnlyByOthers(t *testing.T) {
	db := openTest(t, Options{})
	version := func() int64 {
		t.Helper()
		n, err := db.DataVersion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := version()
	if err := db.Write(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != before {
		t.Error("an own write changed it")
	}
	other := openAt(t, db.Path(), Options{})
	if err := other.Write(t.Context(), put("b", "1")); err != nil {
		t.Fatal(err)
	}
	if got := version(); got == before {
		t.Error("a foreign write did not change it")
	}
}
