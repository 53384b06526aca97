package postgres_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

// server is shared by the tests of this package; those that hurt a server start their own.
var (
	server    *peers.Postgres
	serverErr error
)

func TestMain(m *testing.M) {
	server, serverErr = peers.StartPostgres(context.Background(), peers.PostgresOptions{})
	code := m.Run()
	for _, p := range []*peers.Postgres{server, victim} {
		if p != nil {
			p.Close()
		}
	}
	os.Exit(code)
}

var names atomic.Int64

// namespace is one that nobody used before.
func namespace() string { return fmt.Sprintf("test_%d", names.Add(1)) }

// open opens a store on the shared server. A busy machine may take its time.
func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	peers.Need(t, serverErr)
	return openAt(t, server, o)
}

func openAt(t testing.TB, p *peers.Postgres, o postgres.Options) *postgres.Store {
	t.Helper()
	if o.URLs == nil {
		o.URLs = []string{p.URL()}
	}
	if o.Namespace == "" {
		o.Namespace = namespace()
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	s, err := postgres.Open(t.Context(), o)
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

func key(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

func TestStore(t *testing.T) {
	kvtest.Suite{Remote: true, Open: func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		return open(t, postgres.Options{Now: clock.Now}), clock.Advance
	}}.Run(t)
}
