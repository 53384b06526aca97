package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
)

func TestFileLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	write := func(text string, at int64) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	has := func(l ExtList, value string, want bool) {
		t.Helper()
		if ok, err := l.Has(t.Context(), value); ok != want || err != nil {
			t.Errorf("%q: %v, %v", value, ok, err)
		}
	}
	l := &FileList{Path: path}
	if _, err := l.Has(t.Context(), "x"); err == nil {
		t.Error("no error of a file that is not there")
	}
	write("# friends\n\n  Bob@example.org \r\neve@example.net\n", 1000)
	has(l, "bob@EXAMPLE.org", true)
	has(l, "# friends", false)
	has(l, "", false)
	if got, err := l.Entries(t.Context(), 1); err != nil || !cmp.Equal(got, []string{"Bob@example.org"}) {
		t.Errorf("%q, %v", got, err)
	}
	write("carol@example.com\n", 2000)
	has(l, "carol@example.com", true)
	has(l, "bob@example.org", false)

	pairs := &FileList{Path: path, Pairs: true}
	write("priv/a\n1\n# priv/b\nfalse\n", 3000)
	has(pairs, "priv/A", true)
	has(pairs, "1", false)
	has(pairs, "# priv/b", true)

	write(strings.Repeat("x\n", maxListFile/2+1), 4000)
	if _, err := l.Has(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "over 16777216 octets") {
		t.Errorf("a large file: %v", err)
	}
}

func TestStoreLists(t *testing.T) {
	store := newStore(t, newClock())
	l := &StoreList{Store: func() (kv.Store, error) { return store, nil }, Namespace: "a:admin", Prefix: "friends/"}
	for i := range 3 {
		if err := store.Set(t.Context(), ScriptKey(kv.Script, "a:admin", fmt.Sprintf("friends/u%d@example.org", i)), []byte{0xf5}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := l.Has(t.Context(), "U1@example.org"); !ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := l.Has(t.Context(), strings.Repeat("x", 2000)); ok || err != nil {
		t.Error(ok, err)
	}
	for most, want := range map[int][]string{2: {"u0@example.org", "u1@example.org"}, 9: {"u0@example.org", "u1@example.org", "u2@example.org"}} {
		if got, err := l.Entries(t.Context(), most); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestListFunctions(t *testing.T) {
	s := newSession(t)
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.host.Lists = func(name string) (ExtList, error) {
		if name == "l" {
			return &FileList{Path: path}, nil
		}
		return nil, nil
	}
	s.want(`ext_list_valid("l")`, true)
	s.want(`ext_list_find("l", ["x", "B"])`, int64(1))
	s.want(`ext_list_find("l", ["x"])`, int64(-1))
	s.want(`ext_list_entries("l", 1)`, []Value{"a"})
	s.want(`ext_list_entries("l", 0)`, []Value{})
}
