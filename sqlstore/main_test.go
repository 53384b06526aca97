package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/peers"
)

// The servers of all tests. They start when the first one wants them.
var (
	mariadb = sync.OnceValues(func() (*peers.MariaDB, error) { return peers.StartMariaDB(context.Background()) })
	cluster = sync.OnceValues(func() (*peers.Postgres, error) {
		return peers.StartPostgres(context.Background(), peers.PostgresOptions{})
	})
	started struct{ mariadb, postgres bool }
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.mariadb {
		if s, err := mariadb(); err == nil {
			s.Remove()
		}
	}
	if started.postgres {
		if s, err := cluster(); err == nil {
			s.Close()
		}
	}
	os.Exit(code)
}

// database is one to test with, by its type: o says how it is reached.
type database struct {
	name string
	o    func(t testing.TB) Options
}

var databases = []database{
	{"sqlite", func(t testing.TB) Options { return Options{Type: "sqlite", Path: newFile(t)} }},
	{"postgres", func(t testing.TB) Options {
		started.postgres = true
		s, err := cluster()
		peers.Need(t, err)
		return Options{Type: "postgres", URL: s.URL()}
	}},
	{"mysql", func(t testing.TB) Options {
		started.mariadb = true
		s, err := mariadb()
		peers.Need(t, err)
		return Options{Type: "mysql", URL: s.URL()}
	}},
}

// newFile makes an empty SQLite database.
func newFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a?b #%.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a store with the settings in o.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second // other work shares the machine
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// must runs a statement that has to succeed.
func must(t testing.TB, s *Store, text string, args ...any) Result {
	t.Helper()
	r, err := s.Query(t.Context(), text, args)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}
