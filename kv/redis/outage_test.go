package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/peers"
)

// start starts a server for one test, which it may hurt.
func start(t *testing.T, args ...string) *peers.Redis {
	t.Helper()
	r, err := peers.StartRedis(t.Context(), args...)
	peers.Need(t, err)
	t.Cleanup(r.Close)
	return r
}

// allCalls is one call of every kind.
func allCalls(ctx context.Context, s *redis.Store) map[string]error {
	errs := map[string]error{"Ping": s.Ping(ctx)}
	_, errs["Get"] = s.Get(ctx, value("a"))
	_, errs["GetMany"] = s.GetMany(ctx, []kv.Key{value("a"), value("b")})
	errs["Set"] = s.Set(ctx, value("a"), nil, 0)
	_, errs["Incr"] = s.Incr(ctx, value("n"), 1, 0)
	_, errs["Delete"] = s.Delete(ctx, value("b"))
	_, errs["DeletePrefix"] = s.DeletePrefix(ctx, kv.Script, "b")
	_, _, errs["List"] = s.List(ctx, kv.Script, "", "", 10)
	_, errs["Rate"] = s.Rate(ctx, value("r"), kv.Rule{Limit: 1, Per: time.Hour}, 0, false)
	l, err := s.Lock(ctx, value("l"), time.Minute, false)
	if errs["Lock"] = err; err != nil {
		l = kv.Lease{Key: value("l"), Owner: "x", Fence: 1}
	}
	_, errs["Lease"] = s.Lease(ctx, value("l"))
	_, errs["Renew"] = s.Renew(ctx, l, time.Minute)
	errs["Unlock"] = s.Unlock(ctx, l)
	_, _, errs["Purge"] = s.Purge(ctx)
	_, errs["Stats"] = s.Stats(ctx)
	return errs
}

func TestAServerThatIsNotThereIsUnavailableUntilItIs(t *testing.T) {
	r := start(t)
	r.Stop()
	s := open(t, redis.Options{URLs: []string{r.URL}})
	for name, err := range allCalls(t.Context(), s) {
		if !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return s.Ping(t.Context()) == nil })
	for name, err := range allCalls(t.Context(), s) {
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Clients count while the server is killed and started again. No increment that was acknowledged is lost, since
// the server keeps them, and none counts twice: the counter is at most all attempts whose answer was lost more.
func TestACrashLosesNoAcknowledgedIncrementAndRepeatsNone(t *testing.T) {
	r := start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := open(t, redis.Options{URLs: []string{r.URL}})
	ctx, cancel := context.WithCancel(t.Context())
	var acknowledged, unknown atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				switch _, err := s.Incr(t.Context(), value("n"), 1, 0); {
				case err == nil:
					acknowledged.Add(1)
				case errors.Is(err, kv.ErrUnavailable):
					unknown.Add(1)
					failed.Store(true)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for range 3 {
		at := acknowledged.Load()
		eventually(t, "increments are acknowledged", func() bool { return acknowledged.Load() > at+200 })
		failed.Store(false)
		r.Kill()
		eventually(t, "the outage is told", failed.Load)
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	at := acknowledged.Load()
	eventually(t, "it goes on by itself", func() bool { return acknowledged.Load() > at+200 })
	cancel()
	wg.Wait()
	n, err := s.Counter(t.Context(), value("n"))
	if lo, hi := acknowledged.Load(), acknowledged.Load()+unknown.Load(); err != nil || n < lo || n > hi {
		t.Errorf("counted %d, %v, want %d to %d", n, err, lo, hi)
	}
}

func TestCallsToAPausedServerEndWithTheirContextOrTheTimeout(t *testing.T) {
	r := start(t)
	s := open(t, redis.Options{URLs: []string{r.URL}, Timeout: 100 * time.Millisecond})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Resume() })
	for name, err := range allCalls(t.Context(), s) {
		if !errors.Is(err, kv.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Set(ctx, value("a"), nil, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it answers again", func() bool { return s.Set(t.Context(), value("a"), nil, 0) == nil })
}

func TestAServerThatForgetsScriptsIsToldThemAgain(t *testing.T) {
	for name, urls := range map[string][]string{"single": {needServer(t).URL}, "cluster": needCluster(t).URLs()} {
		t.Run(name, func(t *testing.T) {
			s := open(t, redis.Options{URLs: urls})
			for range 3 {
				if err := s.Forget(t.Context()); err != nil {
					t.Fatal(err)
				}
				for name, err := range allCalls(t.Context(), s) {
					if err != nil && !errors.Is(err, kv.ErrNotFound) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		})
	}
}

func TestAFullServerSaysSoAndCanBeEmptied(t *testing.T) {
	var log bytes.Buffer
	r := start(t, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
	s := open(t, redis.Options{URLs: []string{r.URL}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ctx := t.Context()
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Set(ctx, value(fmt.Sprint("full", i)), bytes.Repeat([]byte("x"), 100_000), 0)
	}
	if !errors.Is(err, kv.ErrFull) {
		t.Fatalf("got %v", err)
	}
	limit := func(octets string) {
		if _, err := r.Do(ctx, "CONFIG", "SET", "maxmemory", octets); err != nil {
			t.Fatal(err)
		}
	}
	limit("1mb")
	for name, err := range map[string]error{
		"Lock": func() error { _, err := s.Lock(ctx, value("l"), 0, false); return err }(),
		"Incr": func() error { _, err := s.Incr(ctx, value("n"), 1, 0); return err }(),
		"Rate": func() error {
			_, err := s.Rate(ctx, value("r"), kv.Rule{Limit: 1, Per: time.Hour}, 1, false)
			return err
		}(),
	} {
		if !errors.Is(err, kv.ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ok, err := s.Delete(ctx, value("full0")); !ok || err != nil {
		t.Errorf("deleting from a full server: %v, %v", ok, err)
	}
	if n, err := s.DeletePrefix(ctx, kv.Script, "full"); n == 0 || err != nil {
		t.Errorf("deleting from a full server: %d, %v", n, err)
	}
	if stats, err := s.Stats(ctx); len(stats) != 0 || err != nil {
		t.Errorf("%+v, %v", stats, err)
	}
	limit("8mb")
	if err := s.Set(ctx, value("a"), nil, 0); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("a server that never evicts is warned of: %s", &log)
	}
}

func TestAServerThatMayEvictIsWarnedOfOnce(t *testing.T) {
	for policy, want := range map[string]string{"allkeys-lru": "locks", "volatile-ttl": "values that expire"} {
		var log bytes.Buffer
		r := start(t, "--maxmemory", "100mb", "--maxmemory-policy", policy)
		s := open(t, redis.Options{URLs: []string{r.URL}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := s.Set(t.Context(), value("a"), nil, 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, want) || !strings.Contains(text, policy) {
			t.Errorf("%s: %q", policy, text)
		}
	}
}

func TestAWrongPasswordIsToldWithoutIt(t *testing.T) {
	const secret = "right-and-secret"
	r := start(t, "--requirepass", secret)
	for what, o := range map[string]redis.Options{
		"wrong": {URLs: []string{r.URL}, Password: "wrong-but-secret"},
		"none":  {URLs: []string{r.URL}},
		"user":  {URLs: []string{r.URL}, Username: "nobody", Password: "wrong-but-secret"},
	} {
		s := open(t, o)
		for name, err := range allCalls(t.Context(), s) {
			if !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "login") && !strings.Contains(fmt.Sprint(err), "password") || strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("%s password, %s: %v", what, name, err)
			}
		}
	}
	s := open(t, redis.Options{URLs: []string{"unix://wrong:wrong@" + strings.TrimPrefix(r.URL, "unix://")}, Username: "default", Password: secret})
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the password of the options goes before the url's: %v", err)
	}
}

func TestAUserWithoutRightsIsTold(t *testing.T) {
	r := start(t)
	if _, err := r.Do(t.Context(), "ACL", "SETUSER", "poor", "on", ">pw", "+ping", "+hmget", "~sluice:none"); err != nil {
		t.Fatal(err)
	}
	s := open(t, redis.Options{URLs: []string{r.URL}, Username: "poor", Password: "pw"})
	for _, err := range []error{s.Set(t.Context(), value("private"), nil, 0), func() error { _, err := s.Get(t.Context(), value("private")); return err }()} {
		if !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "allow") || strings.Contains(fmt.Sprint(err), "private") {
			t.Error(err)
		}
	}
}

func TestAServerWithoutConnectionsToSpareIsUnavailable(t *testing.T) {
	r := start(t, "--maxclients", "1")
	s := open(t, redis.Options{URLs: []string{r.URL}})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := open(t, redis.Options{URLs: []string{r.URL}})
	if err := other.Set(t.Context(), value("a"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := s.Set(t.Context(), value("a"), nil, 0); err != nil {
		t.Error(err)
	}
}

func TestAReplicaIsUnavailableForWrites(t *testing.T) {
	master := start(t)
	s := open(t, redis.Options{URLs: []string{master.URL}})
	if _, err := master.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), value("a"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := master.Do(t.Context(), "REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "writes work again", func() bool { return s.Set(t.Context(), value("a"), nil, 0) == nil })
}
