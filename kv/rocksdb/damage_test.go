//go:build rocksdb

package rocksdb_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

// wantDamage checks that the directory is refused by name.
func wantDamage(t *testing.T, path, what string) {
	t.Helper()
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path})
	if err == nil {
		_ = s.Close()
		t.Errorf("%s: it opens", what)
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, "kv/rocksdb: open ") || !strings.Contains(text, path) {
		t.Errorf("%s: %v", what, err)
	}
}

// spoil changes one file of the directory.
func spoil(t *testing.T, path, pattern string, change func([]byte) []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(path, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	var name string // the largest
	var old []byte
	for _, f := range found {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) >= len(old) {
			name, old = f, b
		}
	}
	if err := os.WriteFile(name, change(old), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(from, n int) func([]byte) []byte {
	return func(b []byte) []byte {
		for i := range n {
			b[from+i] ^= 0xff
		}
		return b
	}
}

// crashed returns a directory as a killed process leaves it: with n rows that are only in the log.
func crashed(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kv")
	s := at(t, path, kvtest.NewClock())
	for i := range n {
		if err := s.Set(t.Context(), key(fmt.Sprintf("%04d", i)), bytes.Repeat([]byte("x"), 200), 0); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestWhatIsNoStoreIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "kv")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	if _, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a store that is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "CURRENT", func([]byte) []byte { return []byte("garbage") })
	wantDamage(t, path, "CURRENT")
}

func TestADamagedManifestIsNamed(t *testing.T) {
	path := crashed(t, 10)
	spoil(t, path, "MANIFEST-*", func(b []byte) []byte { return flip(len(b)/2, 8)(b) })
	wantDamage(t, path, "MANIFEST")
}

func TestATornLogLosesItsEndAndDamageInItIsNamed(t *testing.T) {
	path := crashed(t, 100)
	spoil(t, path, "*.log", func(b []byte) []byte { return b[:len(b)-50] })
	s := at(t, path, kvtest.NewClock())
	for i := range 100 {
		_, err := s.Get(t.Context(), key(fmt.Sprintf("%04d", i)))
		if (err == nil) != (i < 99) {
			t.Errorf("row %d: %v", i, err)
		}
	}
	path = crashed(t, 100)
	spoil(t, path, "*.log", func(b []byte) []byte { return flip(len(b)/2, 4)(b) })
	wantDamage(t, path, "log")
}

// A page of a file that went bad is an error for those who read it, and never a wrong answer.
func TestADamagedFileIsAnErrorAndNoWrongAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	const rows = 5000
	for i := range 5 {
		fill(t, s, fmt.Sprint(i, " "), rows/5, 0, fmt.Appendf(nil, "%0200d", i))
	}
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "*.sst", flip(2000, 3000))
	s = at(t, path, clock)
	bad := 0
	for i := range 5 {
		for j := range rows / 5 {
			v, err := s.Get(t.Context(), key(fmt.Sprintf("%d %08d", i, j)))
			switch {
			case err != nil && kv.IsUnavailable(err) && strings.Contains(err.Error(), "Corruption"):
				bad++
			case err != nil || string(v.Bytes) != fmt.Sprintf("%0200d", i):
				t.Fatalf("row %d %d: %q, %v", i, j, v.Bytes, err)
			}
		}
	}
	if bad == 0 || bad == rows {
		t.Errorf("%d rows are damaged", bad)
	}
	if _, _, err := s.List(t.Context(), kv.Script, "", "", 10_000); !kv.IsUnavailable(err) {
		t.Errorf("List: %v", err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("Check finds nothing")
	}
	if _, err := s.DeletePrefix(t.Context(), kv.Script, ""); !kv.IsUnavailable(err) {
		t.Errorf("DeletePrefix: %v", err)
	}
}

func TestABackupIsAStore(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv"), clock)
	big := bytes.Repeat([]byte("x"), 10_000)
	if err := s.Set(t.Context(), key("a"), big, 0); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lock(t.Context(), key("a"), 0, true)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy")
	if err := s.BackupTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := s.BackupTo(t.Context(), copied); err == nil || !strings.Contains(err.Error(), copied) {
		t.Errorf("onto another backup: %v", err)
	}
	if err := s.Set(t.Context(), key("later"), nil, 0); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if st, err := os.Stat(copied); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	b := at(t, copied, clock)
	if v, err := b.Get(t.Context(), key("a")); err != nil || !bytes.Equal(v.Bytes, big) {
		t.Errorf("%d octets, %v", len(v.Bytes), err)
	}
	if is, err := b.Lease(t.Context(), key("a")); err != nil || !l.Holds(is) {
		t.Errorf("%v, %v", is, err)
	}
	if n := b.Rows(); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	for _, s := range []*rocksdb.Store{s, b} {
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
