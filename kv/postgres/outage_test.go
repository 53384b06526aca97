package postgres_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

// start starts a server that the test may hurt.
func start(t *testing.T, o peers.PostgresOptions) *peers.Postgres {
	t.Helper()
	p, err := peers.StartPostgres(t.Context(), o)
	peers.Need(t, err)
	t.Cleanup(p.Close)
	return p
}

// victim is one for the tests that leave it as it was.
var victim *peers.Postgres

func hurt(t *testing.T) *peers.Postgres {
	t.Helper()
	if victim == nil {
		var err error
		victim, err = peers.StartPostgres(context.Background(), peers.PostgresOptions{})
		peers.Need(t, err)
	}
	return victim
}

// until calls try until it says that it is done.
func until(t *testing.T, what string, try func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(60 * time.Second)
	for !try() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s never came", what)
		}
	}
}

// works says whether the store answers.
func works(t *testing.T, s *postgres.Store) bool {
	t.Helper()
	err := s.Set(t.Context(), key("works"), []byte("yes"), 0)
	if err != nil && !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("while the server is away: %v", err)
	}
	return err == nil
}

func TestClientsSeeThatTheServerIsGoneAndFindItAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*peers.Postgres)
	}{
		{"killed", (*peers.Postgres).Kill},
		{"shut down by its administrator", (*peers.Postgres).Stop},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := hurt(t)
			s := openAt(t, p, postgres.Options{})
			const clients = 6
			k := kv.Key{Prefix: kv.TokenRevision, Name: "counter"} // durable
			var counted, failed [clients]atomic.Int64
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						switch _, err := s.Incr(t.Context(), k, 1, 0); {
						case err == nil:
							counted[i].Add(1)
						case errors.Is(err, kv.ErrUnavailable):
							failed[i].Add(1)
						default:
							t.Errorf("client %d: %v", i, err)
						}
					}
				})
			}
			all := func(n *[clients]atomic.Int64, above [clients]int64) func() bool {
				return func() bool {
					for i := range n {
						if n[i].Load() <= above[i] {
							return false
						}
					}
					return true
				}
			}
			until(t, "a first success of everybody", all(&counted, [clients]int64{}))
			c.end(p)
			until(t, "a failure of everybody", all(&failed, [clients]int64{}))
			if err := p.Start(t.Context()); err != nil {
				t.Error(err)
			}
			var before [clients]int64
			for i := range before {
				before[i] = counted[i].Load()
			}
			until(t, "a success of everybody with the new server", all(&counted, before))
			close(stop)
			wg.Wait()
			var least, most int64
			for i := range clients {
				least += counted[i].Load()
			}
			// A call that was under way may have counted although its answer was lost, one for each client and end.
			most = least + 2*clients
			if n, err := s.Counter(t.Context(), k); err != nil || n < least || n > most {
				t.Errorf("the counter is at %d, %v; %d were acknowledged", n, err, least)
			}
		})
	}
}

func TestAServerThatComesLaterIsFound(t *testing.T) {
	p := hurt(t)
	p.Stop()
	s := openAt(t, p, postgres.Options{})
	for name, call := range map[string]func() error{
		"Get":  func() error { _, err := s.Get(t.Context(), key("a")); return err },
		"Set":  func() error { return s.Set(t.Context(), key("a"), nil, 0) },
		"Ping": func() error { return s.Ping(t.Context()) },
		"Lock": func() error { _, err := s.Lock(t.Context(), key("a"), 0, false); return err },
	} {
		if err := call(); !errors.Is(err, kv.ErrUnavailable) || !kv.IsUnavailable(err) {
			t.Errorf("%s without a server: %v", name, err)
		}
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the server", func() bool { return works(t, s) })
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCallsEndWithTheirContextWhenTheServerHangs(t *testing.T) {
	p := hurt(t)
	s := openAt(t, p, postgres.Options{Timeout: 300 * time.Millisecond})
	until(t, "the server", func() bool { return works(t, s) })
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // with the connection that was there, and with those that cannot be made
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := s.Set(ctx, key("a"), nil, 0); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("with a deadline: %v", err)
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := s.Incr(ctx, key("a"), 1, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("broken off: %v", err)
		}
		cancel()
		if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a deadline: %v", err)
		}
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "the server", func() bool { return works(t, s) })
}

func TestCloseDoesNotWaitForAServerThatHangs(t *testing.T) {
	p := hurt(t)
	s := openAt(t, p, postgres.Options{Timeout: 200 * time.Millisecond})
	until(t, "the server", func() bool { return works(t, s) })
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Resume(); err != nil {
			t.Error(err)
		}
	}()
	_ = s.Set(t.Context(), key("a"), nil, 0)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAReadOnlyServerReadsAndIsUnavailableForWrites(t *testing.T) {
	p := hurt(t)
	first := openAt(t, p, postgres.Options{Namespace: "shared"})
	until(t, "the server", func() bool { return works(t, first) })
	c := connect(t, p.URL())
	if _, err := c.Exec(t.Context(), `ALTER DATABASE sluice SET default_transaction_read_only = on`); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, p, postgres.Options{Namespace: "shared"})
	if v, err := s.Get(t.Context(), key("works")); err != nil || string(v.Bytes) != "yes" {
		t.Errorf("reading: %q, %v", v.Bytes, err)
	}
	if err := s.Set(t.Context(), key("works"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("writing: %v", err)
	}
	if _, err := c.Exec(t.Context(), `SET default_transaction_read_only = off; ALTER DATABASE sluice RESET default_transaction_read_only`); err != nil {
		t.Fatal(err)
	}
	until(t, "a server that may be written", func() bool { return works(t, s) })
}

// A crash takes the log of the last commits that nobody waited for, and the sequence's with them.
func TestFencesGrowAndDurableRowsStayThroughACrashOfTheServer(t *testing.T) {
	p := start(t, peers.PostgresOptions{Settings: []string{"wal_writer_delay=10s"}})
	s := openAt(t, p, postgres.Options{})
	until(t, "the server", func() bool { return works(t, s) })
	rate := kv.Rule{Limit: 5, Per: time.Hour}
	var last uint64
	take := func(name string, durable bool) kv.Lease {
		t.Helper()
		l, err := s.Lock(t.Context(), key(name), time.Hour, durable)
		if err != nil {
			t.Fatal(err)
		}
		if l.Fence <= last || l.Fence > math.MaxInt64 {
			t.Errorf("fence %d after %d", l.Fence, last)
		}
		last = l.Fence
		return l
	}
	for round := range 3 {
		name := string(rune('a' + round))
		held := take(name, true)
		if err := s.Set(t.Context(), key(name), []byte("kept"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Rate(t.Context(), key("limit"), rate, 1, false); err != nil {
			t.Fatal(err)
		}
		// From here on nothing waits for the disk.
		for i := range 40 { // more than the server writes ahead
			l, err := s.Lock(t.Context(), kv.Key{Prefix: kv.ScriptLock, Name: name + string(rune(i))}, time.Hour, false)
			if err != nil || l.Fence <= last {
				t.Fatalf("fence %d after %d, %v", l.Fence, last, err)
			}
			last = l.Fence
		}
		p.Kill()
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "the server", func() bool { return works(t, s) })
		if v, err := s.Get(t.Context(), key(name)); err != nil || string(v.Bytes) != "kept" {
			t.Errorf("a durable row is %q, %v", v.Bytes, err)
		}
		if l, err := s.Lease(t.Context(), key(name)); err != nil || !held.Holds(l) {
			t.Errorf("a durable lease is %+v, %v", l, err)
		}
		if d, err := s.Rate(t.Context(), key("limit"), rate, 0, true); err != nil || d.Remaining != rate.Limit {
			t.Errorf("an allowance after a crash: %+v, %v", d, err)
		}
		take("after "+name, false)
	}
	before := last
	p.Stop()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the server", func() bool { return works(t, s) })
	take("after a clean end", false)
	if last > before+1000 {
		t.Errorf("fence %d after %d: an orderly end is no crash", last, before)
	}
}

func TestAPoolWithoutAFreeConnectionIsUnavailable(t *testing.T) {
	s := open(t, postgres.Options{Namespace: "busy", Pool: 1, Timeout: 200 * time.Millisecond})
	until(t, "the server", func() bool { return works(t, s) })
	c := connect(t, server.URL())
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM busy.kv FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	blocked, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error)
	go func() { done <- s.Set(blocked, key("works"), nil, time.Hour) }()
	until(t, "a writer that waits for the row", func() bool {
		var n int
		err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.query LIKE '%busy%'`).Scan(&n)
		return err == nil && n > 0
	})
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("without a deadline: %v", err)
	}
	ctx, cancelGet := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancelGet()
	if _, err := s.Get(ctx, key("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	cancel()
	<-done
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "a free connection", func() bool { return works(t, s) })
}

func TestAServerWithoutAFreeConnectionIsUnavailable(t *testing.T) {
	p := start(t, peers.PostgresOptions{Settings: []string{"max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0"}})
	s := openAt(t, p, postgres.Options{})
	var taken []interface{ Close(context.Context) error }
	for range 4 {
		taken = append(taken, connect(t, p.URL()))
	}
	if err := s.Set(t.Context(), key("a"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	for _, c := range taken {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	until(t, "a free connection", func() bool { return works(t, s) })
}

func TestThereIsNoServerAtASocketThatIsNotThere(t *testing.T) {
	s := openAt(t, nil, postgres.Options{URLs: []string{"postgres:///db?host=" + filepath.Join(t.TempDir(), "none")}})
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
