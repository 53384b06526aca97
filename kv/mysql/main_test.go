package mysql

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/peers"
)

// shared is the server of all tests that leave it alone. It starts when the first one wants it.
var shared struct {
	sync.Once
	server *peers.MariaDB
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Remove()
	}
	os.Exit(code)
}

// server returns the shared server.
func server(t testing.TB) *peers.MariaDB {
	t.Helper()
	shared.Do(func() { shared.server, shared.err = peers.StartMariaDB(context.Background()) })
	peers.Need(t, shared.err)
	return shared.server
}

// ownServer starts a server that the test may break.
func ownServer(t testing.TB, args ...string) *peers.MariaDB {
	t.Helper()
	m, err := peers.StartMariaDB(t.Context(), args...)
	peers.Need(t, err)
	t.Cleanup(m.Remove)
	return m
}

var namespaces atomic.Int64

// namespace makes up one that no other store has.
func namespace() string { return fmt.Sprintf("t%d", namespaces.Add(1)) }

// try opens a store with what o says, on the shared server if it says none.
func try(t testing.TB, o Options) *Store {
	t.Helper()
	if len(o.URLs) == 0 {
		o.URLs = []string{server(t).URL()}
	}
	if o.Namespace == "" {
		o.Namespace = namespace()
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second // other work shares the machine
	}
	s, err := Open(t.Context(), o)
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

func value(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

func TestStore(t *testing.T) {
	kvtest.Suite{Remote: true, Open: func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		return try(t, Options{Now: clock.Now}), clock.Advance
	}}.Run(t)
}
