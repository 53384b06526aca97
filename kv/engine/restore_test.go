package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/sqlite"
	plain "github.com/sluice-mail/sluice/sqlite"
)

const rows = 300

// filled makes a store at path whose rows all hold word, and a lease.
func filled(t *testing.T, path, word string) kv.Lease {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := fillStore(t, s, word)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}

func fillStore(t *testing.T, s *sqlite.Store, word string) kv.Lease {
	t.Helper()
	var changes []kv.Change
	for i := range rows {
		changes = append(changes, kv.Change{
			Key:   kv.Key{Prefix: kv.Script, Name: fmt.Sprintf("%s-%d", word, i)},
			Value: kv.Value{Bytes: []byte(strings.Repeat(word, 40))},
		})
	}
	for _, c := range changes[:5] { // several commits
		if err := s.Set(t.Context(), c.Key, c.Value.Bytes, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply(t.Context(), s, changes); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lock(t.Context(), kv.Key{Prefix: kv.ScriptLock, Name: word}, time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// apply writes all changes, in one commit if the store can.
func apply(ctx context.Context, s kv.Store, changes []kv.Change) error {
	if b, ok := s.(kv.Batcher); ok {
		return b.Apply(ctx, changes)
	}
	for _, c := range changes {
		if err := s.Set(ctx, c.Key, c.Value.Bytes, 0); err != nil {
			return err
		}
	}
	return nil
}

// backup makes a backup of a store whose rows all hold word.
func backup(t *testing.T, word string) (path string) {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "source.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fillStore(t, s, word)
	path = filepath.Join(dir, "backup.db")
	if err := errors.Join(s.BackupTo(t.Context(), path), s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// crashed makes what a store of word is on disk after a crash: a file and a -wal that nobody took in,
// without which one row is wrong.
func crashed(t *testing.T, path, word string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source.db")
	filled(t, source, word)
	k := kv.Key{Prefix: kv.Script, Name: word + "-0"}
	s, err := sqlite.Open(t.Context(), source, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Set(t.Context(), k, []byte("wrong"), 0), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlite.Open(t.Context(), source, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), k, []byte(strings.Repeat(word, 40)), 0); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if err := os.WriteFile(path+suffix, read(t, source+suffix), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(read(t, path+"-wal")) == 0 {
		t.Fatal("there is no -wal to take in")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// damage makes the file at path one that cannot be opened.
func damage(t *testing.T, path string) {
	t.Helper()
	b := read(t, path)
	copy(b, bytes.Repeat([]byte("damage! "), 12))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// words opens the store and returns what its rows hold: one word if it is whole.
func words(t *testing.T, path string) []string {
	t.Helper()
	e, err := engine.Open(t.Context(), engine.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	items, _, err := e.List(t.Context(), kv.Script, "", "", 10*rows)
	if err := errors.Join(err, e.Close(), sqlite.CheckFile(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, it := range items {
		word, _, _ := strings.Cut(it.Key.Name, "-")
		if string(it.Value.Bytes) != strings.Repeat(word, 40) {
			t.Errorf("%s holds something else", it.Key.Name)
		}
		count[word]++
	}
	var all []string
	for word, n := range count {
		all = append(all, word)
		if n != rows {
			t.Errorf("%d rows of %s, of %d", n, word, rows)
		}
	}
	slices.Sort(all)
	return all
}

// names returns the files of a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestABackupTakesThePlaceOfAStoreWhichIsKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kv.db")
	crashed(t, path, "old")
	if err := engine.Restore(t.Context(), backup(t, "new"), path, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kv.db", "kv.db.before-restore", "kv.db.lock"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new"}, words(t, path)); diff != "" {
		t.Error(diff)
	}
	// The old one has what was in its -wal. Another restore does not remove it.
	if err := engine.Restore(t.Context(), backup(t, "newer"), path, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	for file, word := range map[string]string{path: "newer", path + ".before-restore": "new", path + ".before-restore.1": "old"} {
		if diff := cmp.Diff([]string{word}, words(t, file)); diff != "" {
			t.Error(file, diff)
		}
	}
	// And it can be taken back.
	if err := engine.Restore(t.Context(), path+".before-restore.1", path, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"old"}, words(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestABackupMayBeRestoredWhereThereIsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "kv.db")
	if err := engine.Restore(t.Context(), backup(t, "new"), path, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new"}, words(t, path)); diff != "" {
		t.Error(diff)
	}
	if is, err := os.Stat(path); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", is.Mode(), err)
	}
}

func TestADamagedStoreIsKeptWithItsJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kv.db")
	crashed(t, path, "old")
	damage(t, path)
	file, wal := read(t, path), read(t, path+"-wal")
	if err := engine.Restore(t.Context(), backup(t, "new"), path, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kv.db", "kv.db.before-restore", "kv.db.before-restore-wal", "kv.db.lock"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(file, read(t, path+".before-restore")) || !bytes.Equal(wal, read(t, path+".before-restore-wal")) {
		t.Error("what was kept has changed")
	}
	if diff := cmp.Diff([]string{"new"}, words(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestTimeAndFencesGoOnAfterARestore(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, damaged := range []bool{false, true} {
		t.Run(fmt.Sprintf("damaged %v", damaged), func(t *testing.T) {
			dir := t.TempDir()
			path, copied := filepath.Join(dir, "kv.db"), filepath.Join(dir, "backup.db")
			now := time.Now()
			o := engine.Options{Path: path, Now: func() time.Time { return now }}
			e := open(t, o)
			lock := func(name string) kv.Lease {
				t.Helper()
				l, err := e.Lock(t.Context(), kv.Key{Prefix: kv.ScriptLock, Name: name}, time.Hour, false)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			before := lock("before the backup")
			if err := errors.Join(e.BackupTo(t.Context(), copied), e.Close()); err != nil {
				t.Fatal(err)
			}
			now = now.Add(year)
			e = open(t, o) // with another block of fences
			after := lock("after the backup")
			seen := after.Expires
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if damaged {
				damage(t, path)
				after.Fence = before.Fence + engine.FenceLeap/2
			} else {
				now = now.Add(-year) // the clock was put right
			}
			if err := engine.Restore(t.Context(), copied, path, o); err != nil {
				t.Fatal(err)
			}
			e = open(t, o)
			if l := lock("after the restore"); l.Fence <= after.Fence || l.Expires.Before(seen) {
				t.Errorf("fence %d until %v, was at %d until %v", l.Fence, l.Expires, after.Fence, seen)
			}
		})
	}
}

func TestWhatIsNoBackupChangesNothing(t *testing.T) {
	good := backup(t, "new")
	write := func(t *testing.T, b []byte) string {
		path := filepath.Join(t.TempDir(), "backup.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// changed is the good backup after a statement.
	changed := func(t *testing.T, versions int, statement string) string {
		path := write(t, read(t, good))
		schema := make([]string, versions)
		for i := range schema {
			schema[i] = "SELECT 1"
		}
		db, err := plain.Open(t.Context(), path, plain.Options{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx *plain.Tx) error {
			_, err := tx.Exec(statement)
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		from func(t *testing.T) string
		is   error
		says string
	}{
		{"a missing file", func(t *testing.T) string { return filepath.Join(t.TempDir(), "a") }, os.ErrNotExist, ""},
		{"a folder", func(t *testing.T) string { return t.TempDir() }, nil, "is not a file"},
		{"an empty file", func(t *testing.T) string { return write(t, nil) }, plain.ErrForeign, ""},
		{"a text", func(t *testing.T) string { return write(t, []byte(strings.Repeat("no database\n", 1000))) }, plain.ErrCorrupt, ""},
		{"half a backup", func(t *testing.T) string { b := read(t, good); return write(t, b[:len(b)/2]) }, plain.ErrCorrupt, ""},
		{"a damaged page", func(t *testing.T) string {
			b := read(t, good)
			for at := 4096; at < len(b); at += 4096 {
				copy(b[at:], "\xff\xff\xff\xff\xff\xff\xff\xff")
			}
			return write(t, b)
		}, plain.ErrCorrupt, ""},
		{"a newer version", func(t *testing.T) string { return changed(t, 99, "CREATE TABLE later (a)") }, plain.ErrNewerSchema, "99"},
		{"another table", func(t *testing.T) string { return changed(t, versions(t, good), "CREATE TABLE other (a)") }, plain.ErrForeign, ""},
		{"a trigger", func(t *testing.T) string {
			return changed(t, versions(t, good), "CREATE TRIGGER bad AFTER INSERT ON kv BEGIN DELETE FROM kv; END")
		}, plain.ErrForeign, ""},
		{"something else's database", func(t *testing.T) string { return foreign(t, 1) }, plain.ErrForeign, ""},
		{"something else's database of version 99", func(t *testing.T) string { return foreign(t, 99) }, plain.ErrForeign, ""},
		{"a backup with a journal", func(t *testing.T) string {
			path := write(t, read(t, good))
			if err := os.WriteFile(path+"-wal", []byte("more"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, nil, "-wal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "kv.db")
			filled(t, path, "old")
			from := c.from(t)
			err := engine.Restore(t.Context(), from, path, engine.Options{})
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff([]string{"kv.db", "kv.db.lock"}, names(t, dir)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"old"}, words(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// versions returns the version of the store at path.
func versions(t *testing.T, path string) (n int) {
	t.Helper()
	err := plain.Verify(t.Context(), path, []string{})
	if !errors.Is(err, plain.ErrNewerSchema) {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(err.Error()[strings.Index(err.Error(), "has version"):], "has version %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// foreign makes a database that is no store.
func foreign(t *testing.T, versions int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.db")
	schema := make([]string, versions)
	for i := range schema {
		schema[i] = fmt.Sprintf("CREATE TABLE t%d (a)", i)
	}
	db, err := plain.Open(t.Context(), path, plain.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRestoreLeavesAloneWhatItShouldNotReplace(t *testing.T) {
	good := backup(t, "new")
	path := filepath.Join(t.TempDir(), "kv.db")
	filled(t, path, "old")
	e := open(t, engine.Options{Path: path})
	if err := engine.Restore(t.Context(), good, path, engine.Options{}); !errors.Is(err, engine.ErrOwned) {
		t.Errorf("over a running server: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := engine.Restore(t.Context(), path, path, engine.Options{}); err == nil || !strings.Contains(err.Error(), "itself") {
		t.Errorf("from itself: %v", err)
	}
	other, err := sqlite.Open(t.Context(), path, sqlite.Options{}) // without the lock
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Restore(t.Context(), good, path, engine.Options{}); !errors.Is(err, plain.ErrInUse) {
		t.Errorf("over an open file: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := engine.Restore(ended, good, path, engine.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
	if diff := cmp.Diff([]string{"old"}, words(t, path)); diff != "" {
		t.Error(diff)
	}
	path = foreign(t, 3)
	was := read(t, path)
	if err := engine.Restore(t.Context(), good, path, engine.Options{}); !errors.Is(err, plain.ErrForeign) {
		t.Errorf("over something else: %v", err)
	}
	if !bytes.Equal(was, read(t, path)) {
		t.Error("something else has changed")
	}
}
