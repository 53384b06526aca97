package mysql

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
)

// until calls fn until it returns nil, for a minute at most.
func until(t *testing.T, fn func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// unavailable returns nil if err says that the store cannot be reached.
func unavailable(err error) error {
	if err == nil || !errors.Is(err, kv.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("got %v, want ErrUnavailable", err)
	}
	return nil
}

func TestAServerThatIsNotThereIsUnavailableUntilItIs(t *testing.T) {
	m := ownServer(t)
	m.Stop()
	s := try(t, Options{URLs: []string{m.URL()}, Timeout: 5 * time.Second})
	ctx, k := t.Context(), value("a")
	_, err := s.Get(ctx, k)
	for name, err := range map[string]error{"Ping": s.Ping(ctx), "Get": err, "Set": s.Set(ctx, k, nil, 0)} {
		if err := unavailable(err); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, func() error { return s.Ping(ctx) })
	if err := s.Set(ctx, k, []byte("1"), 0); err != nil {
		t.Error(err)
	}
}

// Every increment that was answered counts, and none counts twice: the number is between those answered and those begun.
func TestAServerThatIsKilledLosesNothingAndNothingIsWrittenTwice(t *testing.T) {
	m := ownServer(t)
	s := try(t, Options{URLs: []string{m.URL()}, Timeout: 10 * time.Second})
	ctx, k := t.Context(), kv.Key{Prefix: kv.ScriptCounter, Name: "a"}
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	var begun, answered, refused atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !over.Load() {
				begun.Add(1)
				switch _, err := s.Incr(ctx, k, 1, 0); {
				case err == nil:
					answered.Add(1)
				case unavailable(err) != nil:
					t.Errorf("Incr: %v", err)
				default:
					refused.Add(1)
				}
			}
		})
	}
	for range 3 {
		some := answered.Load() + 100
		until(t, func() error {
			if answered.Load() < some {
				return errors.New("clients get no answers")
			}
			return nil
		})
		m.Kill()
		if err := m.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	some := answered.Load() + 100
	until(t, func() error {
		if answered.Load() < some {
			return errors.New("clients get no answers after the restarts")
		}
		return nil
	})
	over.Store(true)
	wg.Wait()
	n, err := s.Counter(ctx, k)
	if err != nil || n < answered.Load() || n > begun.Load() {
		t.Errorf("the counter is at %d, %v, after %d answers to %d calls", n, err, answered.Load(), begun.Load())
	}
	if refused.Load() == 0 {
		t.Error("nobody noticed that the server was killed")
	}
}

func TestAServerThatStandsStillEndsCallsInTheirTime(t *testing.T) {
	m := ownServer(t)
	s := try(t, Options{URLs: []string{m.URL()}, Timeout: 200 * time.Millisecond, Pool: 2})
	ctx, k := t.Context(), value("a")
	until(t, func() error { return s.Set(ctx, k, []byte("1"), 0) })
	if err := m.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := s.Get(short, k); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get with a deadline: %v", err)
	}
	for i := range 4 { // more than there are connections: new ones are not answered either
		if err := unavailable(s.Set(ctx, k, []byte("2"), 0)); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if err := m.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, func() error { return s.Set(ctx, k, []byte("3"), 0) })
}

func TestAWrongPasswordIsSaidWithoutIt(t *testing.T) {
	m := server(t)
	err := m.Exec(t.Context(), "CREATE USER IF NOT EXISTS guarded@localhost IDENTIFIED BY 'right-hush'; GRANT ALL ON sluice.* TO guarded@localhost")
	if err != nil {
		t.Fatal(err)
	}
	s := try(t, Options{URLs: []string{m.URLOf("guarded")}, Password: "right-hush"})
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	s = try(t, Options{URLs: []string{m.URLOf("guarded:right-hush")}})
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("password in the URL: %v", err)
	}
	for _, o := range []Options{
		{URLs: []string{m.URLOf("guarded")}, Password: "wrong-hush"},
		{URLs: []string{m.URLOf("guarded:right-hush")}, Password: "wrong-hush"},
		{URLs: []string{m.URLOf("guarded")}},
	} {
		err := try(t, o).Ping(t.Context())
		if unavailable(err) != nil || !strings.Contains(err.Error(), "Access denied") || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAReadOnlyServerIsUnavailableForWritesUntilItIsNot(t *testing.T) {
	m := ownServer(t)
	ctx, k := t.Context(), value("a")
	if err := m.Exec(ctx, "CREATE USER plain@localhost; GRANT ALL ON sluice.* TO plain@localhost"); err != nil {
		t.Fatal(err)
	}
	s := try(t, Options{URLs: []string{m.URLOf("plain")}})
	if err := s.Set(ctx, k, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if err := m.Exec(ctx, "SET GLOBAL read_only = 1"); err != nil {
		t.Fatal(err)
	}
	_, incr := s.Incr(ctx, k, 1, 0)
	_, rate := s.Rate(ctx, k, kv.Rule{Limit: 1, Per: time.Hour}, 1, false)
	_, lock := s.Lock(ctx, k, time.Hour, true)
	_, del := s.Delete(ctx, k)
	for name, err := range map[string]error{"Set": s.Set(ctx, k, nil, 0), "Incr": incr, "Rate": rate, "Lock": lock, "Delete": del} {
		if err := unavailable(err); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v, err := s.Get(ctx, k); err != nil || string(v.Bytes) != "1" {
		t.Errorf("reading: %q, %v", v.Bytes, err)
	}
	if err := m.Exec(ctx, "SET GLOBAL read_only = 0"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Incr(ctx, k, 1, 0); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWhatTheServerIsSetToDoesNotMatterOrIsSaid(t *testing.T) {
	m := ownServer(t, "--max-connections=4", "--sysdate-is-now")
	ctx, k := t.Context(), value("a")
	odd := `SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,SIMULTANEOUS_ASSIGNMENT,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH';
		SET GLOBAL time_zone = '-11:00'; SET GLOBAL autocommit = 0; SET GLOBAL tx_isolation = 'SERIALIZABLE';
		SET GLOBAL character_set_server = 'latin1'; SET GLOBAL innodb_flush_log_at_trx_commit = 2`
	if err := m.Exec(ctx, odd); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := try(t, Options{URLs: []string{m.URL()}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Pool: 2})
	before := time.Now().Add(time.Hour - time.Millisecond)
	if err := s.Set(ctx, k, []byte("7\\'\""), time.Hour); err != nil {
		t.Fatal(err)
	}
	v, err := s.Get(ctx, k)
	if err != nil || string(v.Bytes) != "7\\'\"" || v.Expires.Before(before) || v.Expires.After(time.Now().Add(time.Hour)) {
		t.Errorf("%+v, %v", v, err)
	}
	// A second session must see the first one's commits, and both must assign in order.
	for want := range int64(3) {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Incr(ctx, value("n"), 1, time.Hour); n != want+1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		_ = conn.Close()
	}
	if err := s.SetFenced(ctx, value("f"), []byte("1"), 0, 5); err != nil {
		t.Error(err)
	}
	if err := s.SetFenced(ctx, value("f"), []byte("2"), 0, 4); !errors.Is(err, kv.ErrNotOwner) {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "innodb_flush_log_at_trx_commit"); n != 1 {
		t.Errorf("warned %d times of commits that are not flushed: %s", n, log.String())
	}
	if n := strings.Count(log.String(), "sysdate_is_now"); n != 1 {
		t.Errorf("warned %d times of a time that stands still: %s", n, log.String())
	}

	greedy := try(t, Options{URLs: []string{m.URL()}, Pool: 10})
	for range 10 {
		conn, err := greedy.db.Conn(ctx)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	late := try(t, Options{URLs: []string{m.URL()}})
	if err := late.Ping(ctx); unavailable(err) != nil || !strings.Contains(err.Error(), "Too many connections") {
		t.Errorf("out of connections: %v", err)
	}
}

func TestASmallPacketLimitIsSaid(t *testing.T) {
	m := ownServer(t, "--max-allowed-packet=1M")
	s := try(t, Options{URLs: []string{m.URL()}})
	if err := s.Set(t.Context(), value("a"), nil, 0); unavailable(err) != nil || !strings.Contains(err.Error(), "max_allowed_packet is 1048576") {
		t.Errorf("got %v", err)
	}
	if err := m.Exec(t.Context(), "SET GLOBAL max_allowed_packet = 16777216"); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), value("a"), make([]byte, kv.MaxValue), 0); err != nil {
		t.Error(err)
	}
}

func TestAFullServerIsFull(t *testing.T) {
	m := ownServer(t, "--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M")
	s := try(t, Options{URLs: []string{m.URL()}})
	ctx := t.Context()
	var err error
	i := 0
	for ; i < 100 && err == nil; i++ {
		err = s.Set(ctx, value(fmt.Sprint(i)), bytes.Repeat([]byte("x"), kv.MaxValue), 0)
	}
	if !errors.Is(err, kv.ErrFull) {
		t.Fatalf("after %d values: %v", i, err)
	}
	if _, err := s.Get(ctx, value(fmt.Sprint(i-1))); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the value that was refused: %v", err)
	}
	if v, err := s.Get(ctx, value("0")); err != nil || len(v.Bytes) != kv.MaxValue {
		t.Errorf("%d octets, %v", len(v.Bytes), err)
	}
}
