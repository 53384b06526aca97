package memcached_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memcached"
	"github.com/sluice-mail/sluice/peers"
)

// server is one for the tests that leave it running, started by the first of them.
var server = sync.OnceValues(func() (*peers.Memcached, error) { return peers.StartMemcached(context.Background()) })

var (
	started atomic.Bool
	spaces  atomic.Int64
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		if s, err := server(); err == nil {
			s.Close()
		}
	}
	os.Exit(code)
}

// space returns a namespace that nobody used.
func space() string { return fmt.Sprintf("t%d", spaces.Add(1)) }

// with opens a store as o says, on the shared server and in a namespace of its own unless o says otherwise.
func with(t testing.TB, o memcached.Options) *memcached.Store {
	t.Helper()
	if o.URLs == nil {
		started.Store(true)
		m, err := server()
		peers.Need(t, err)
		o.URLs = []string{m.URL()}
	}
	if o.Namespace == "" {
		o.Namespace = space()
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second // a busy machine is no failure
	}
	s, err := memcached.Open(t.Context(), o)
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

// own starts a server for one test.
func own(t testing.TB, args ...string) *peers.Memcached {
	t.Helper()
	m, err := peers.StartMemcached(t.Context(), args...)
	peers.Need(t, err)
	t.Cleanup(m.Close)
	return m
}

func value(name string) kv.Key   { return kv.Key{Prefix: kv.Greylist, Name: name} }
func counter(name string) kv.Key { return kv.Key{Prefix: kv.ScriptCounter, Name: name} }
func allow(name string) kv.Key   { return kv.Key{Prefix: kv.RateLimitAuth, Name: name} }

// until asks ok again and again until it is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("this never came: " + what)
		}
	}
}

func TestStore(t *testing.T) {
	kvtest.Suite{
		Open: func(t *testing.T) (kv.Store, func(time.Duration)) {
			clock := kvtest.NewClock()
			return with(t, memcached.Options{Now: clock.Now}), clock.Advance
		},
		Lacks:  kvtest.Locks | kvtest.Lists | kvtest.Purging,
		Remote: true,
	}.Run(t)
}

func TestWhatMemcachedCannotDoIsSaid(t *testing.T) {
	s := with(t, memcached.Options{URLs: []string{"unix:///nobody/is/here"}})
	k := value("a")
	for name, call := range map[string]func() error{
		"SetFenced":    func() error { return s.SetFenced(t.Context(), k, nil, 0, 1) },
		"DeletePrefix": func() error { _, err := s.DeletePrefix(t.Context(), k.Prefix, ""); return err },
		"List":         func() error { _, _, err := s.List(t.Context(), k.Prefix, "", "", 1); return err },
		"Stats":        func() error { _, err := s.Stats(t.Context()); return err },
		"Lock":         func() error { _, err := s.Lock(t.Context(), k, time.Minute, false); return err },
		"Renew":        func() error { _, err := s.Renew(t.Context(), kv.Lease{Key: k}, time.Minute); return err },
		"Unlock":       func() error { return s.Unlock(t.Context(), kv.Lease{Key: k}) },
		"Lease":        func() error { _, err := s.Lease(t.Context(), k); return err },
	} {
		if err := call(); !errors.Is(err, kv.ErrUnsupported) || !strings.Contains(err.Error(), "memcached ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, more, err := s.Purge(t.Context()); n != 0 || more || err != nil {
		t.Errorf("Purge: %d, %v, %v", n, more, err)
	}
	if err := kv.SetOwned(t.Context(), s, kv.Lease{Key: k}, k, nil, 0); !errors.Is(err, kv.ErrUnsupported) {
		t.Errorf("SetOwned: %v", err)
	}
}

func TestOnlyWhatMayBeForgottenIsServed(t *testing.T) {
	s := with(t, memcached.Options{URLs: []string{"memcached://localhost"}})
	serves := map[kv.Prefix]bool{
		kv.ReputationIP: true, kv.ReputationFrom: true, kv.ReputationDomain: true, kv.ReputationASN: true, kv.Greylist: true, kv.TrustedReply: true,
		kv.RateLimitRcpt: true, kv.RateLimitScan: true, kv.RateLimitLoiter: true, kv.RateLimitAuth: true, kv.RateLimitSMTP: true, kv.RateLimitContact: true,
		kv.RateLimitHTTPAuthenticated: true, kv.RateLimitHTTPAnonymous: true, kv.RateLimitIMAP: true, kv.ScriptRate: true,
	}
	for p := range 256 {
		info := kv.Prefix(p).Info()
		err := s.Serves(info)
		if (err == nil) != serves[info.Prefix] {
			t.Errorf("%s: %v", info.Name, err)
		}
		if err != nil && (!errors.Is(err, kv.ErrUnsupported) || !strings.Contains(err.Error(), info.Name) || !strings.Contains(err.Error(), "memcached")) {
			t.Errorf("%s: %v", info.Name, err)
		}
	}
}

func TestBadSettingsAreRefusedWithoutTellingThePassword(t *testing.T) {
	for _, o := range []memcached.Options{
		{},
		{URLs: []string{"redis://localhost"}},
		{URLs: []string{"memcached://"}},
		{URLs: []string{"unix://relative/path"}},
		{URLs: []string{"unix:///s?x=1"}},
		{URLs: []string{"memcached://localhost/path"}},
		{URLs: []string{"memcached://user:secret@localhost:port"}},
		{URLs: []string{"memcached://user@localhost"}},
		{URLs: []string{"unix:///s"}, Username: "a b", Password: "secret"},
		{URLs: []string{"unix:///s"}, Username: "a", Password: "sec\r\nret"},
		{URLs: []string{"unix:///s"}, Namespace: "a:b"},
		{URLs: []string{"unix:///s"}, Namespace: "a b"},
		{URLs: []string{"unix:///s"}, Namespace: strings.Repeat("n", 65)},
		{URLs: []string{"unix:///s"}, Timeout: -1},
		{URLs: []string{"unix:///s"}, Pool: -1},
	} {
		s, err := memcached.Open(t.Context(), o)
		if s != nil || !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
