package postgres_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

func TestBadSettingsAreRefusedWithoutTellingPasswords(t *testing.T) {
	good := []string{"postgres://u@localhost:5432/db"}
	for _, c := range []struct {
		name string
		o    postgres.Options
	}{
		{"no url", postgres.Options{}},
		{"two urls", postgres.Options{URLs: []string{good[0], good[0]}}},
		{"another scheme", postgres.Options{URLs: []string{"mysql://u:hunter2@localhost/db"}}},
		{"no scheme", postgres.Options{URLs: []string{"host=localhost password=hunter2"}}},
		{"a port that is none", postgres.Options{URLs: []string{"postgres://u:hunter2@localhost:x/db"}}},
		{"a broken escape", postgres.Options{URLs: []string{"postgres://u:hunter2%zz@localhost/db"}}},
		{"an unknown mode", postgres.Options{URLs: []string{"postgres://u:hunter2@localhost/db?sslmode=hunter2"}}},
		{"a negative timeout", postgres.Options{URLs: good, Timeout: -1}},
		{"a negative pool", postgres.Options{URLs: good, Pool: -1}},
		{"a pool over the limit", postgres.Options{URLs: good, Pool: 10_001}},
		{"a namespace with a quote", postgres.Options{URLs: good, Namespace: `a"; DROP`}},
		{"a namespace that ends functions", postgres.Options{URLs: good, Namespace: "a$kv$"}},
		{"a namespace of the server's", postgres.Options{URLs: good, Namespace: "pg_mine"}},
		{"a namespace over the limit", postgres.Options{URLs: good, Namespace: strings.Repeat("n", 64)}},
		{"a namespace with a NUL", postgres.Options{URLs: good, Namespace: "a\x00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), c.o)
			if s != nil || !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOpenTakesUsualSettings(t *testing.T) {
	for _, o := range []postgres.Options{
		{URLs: []string{"postgres://u@localhost/db"}, Namespace: strings.Repeat("n", 63)},
		{URLs: []string{"postgresql:///db?host=/run/postgresql"}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}},
		{URLs: []string{"postgres://a,b:5433/db?target_session_attrs=read-write&sslmode=require"}, Pool: 10_000},
	} {
		s, err := postgres.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPasswords(t *testing.T) {
	p := start(t, peers.PostgresOptions{Password: "open sesame"})
	in := func(url string) []string { return []string{url} }
	withPassword := strings.Replace(p.URL(), "@", ":hunter2@", 1)
	for _, c := range []struct {
		name string
		o    postgres.Options
		ok   bool
	}{
		{"the right one", postgres.Options{URLs: in(p.URL()), Password: "open sesame"}, true},
		{"the right one over a wrong one in the url", postgres.Options{URLs: in(withPassword), Password: "open sesame"}, true},
		{"a wrong one", postgres.Options{URLs: in(p.URL()), Password: "hunter2"}, false},
		{"a wrong one in the url", postgres.Options{URLs: in(withPassword)}, false},
		{"none", postgres.Options{URLs: in(p.URL())}, false},
		{"a user whom nobody knows", postgres.Options{URLs: in(p.URL()), Username: "mallory", Password: "hunter2"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			c.o.Logger = slog.New(slog.NewTextHandler(&text, nil))
			s := openAt(t, p, c.o)
			err := s.Set(t.Context(), key("a"), nil, 0)
			if c.ok != (err == nil) || !c.ok && !errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			if !c.ok && !strings.Contains(err.Error(), "password authentication failed") {
				t.Errorf("the error does not say what is wrong: %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "sesame")) || strings.Contains(text.String(), "hunter2") {
				t.Errorf("a password is told: %v; %s", err, text.String())
			}
		})
	}
}

// log is a place to write that many goroutines may use.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestAServerThatDoesNotKeepWhatItPromisesIsTold(t *testing.T) {
	var text log
	s := open(t, postgres.Options{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); !strings.Contains(got, "fsync = off") {
		t.Errorf("logged %q", got)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("postgres://u:secretword@localhost:5432/db", "sluice")
	f.Add("postgres:///db?host=/run/postgresql&password=secretword", "a-b")
	f.Add("postgres://u:secretword@[::1", "")
	f.Add("postgresql://%zz:secretword@a,b:1,c/db?sslmode=x", "pg_x")
	f.Fuzz(func(t *testing.T, url, namespace string) {
		if strings.Contains(url, "service") || strings.Contains(url, "ssl") || strings.Contains(url, "pass") {
			return // it would read files of this machine
		}
		s, err := postgres.Open(t.Context(), postgres.Options{URLs: []string{url}, Namespace: namespace, Timeout: time.Second})
		if err == nil {
			_ = s.Close()
			return
		}
		if !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), "secretword") && !strings.Contains(namespace, "secretword") {
			t.Errorf("got %v", err)
		}
	})
}
