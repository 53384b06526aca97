package memcached_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memcached"
)

func TestAServerThatIsNotThereIsUnavailableAndThenComes(t *testing.T) {
	m := own(t)
	m.Kill()
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	if err := s.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Ping: %v", err)
	}
	if _, err := s.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Get: %v", err)
	}
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), value("a"), []byte("1"), 0); err != nil {
		t.Errorf("Set after the start: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping after the start: %v", err)
	}
}

func TestAServerThatIsKilledUnderLoadIsUnavailableUntilItIsBack(t *testing.T) {
	m := own(t)
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				var err error
				switch k := fmt.Sprint(w); i % 4 {
				case 0:
					err = s.Set(t.Context(), value(k), []byte("1"), 0)
				case 1:
					_, err = s.Incr(t.Context(), counter("all"), 1, 0)
				case 2:
					_, err = s.Rate(t.Context(), allow("all"), kv.Rule{Limit: 1 << 40, Per: time.Hour}, 1, false)
				case 3:
					_, err = s.GetMany(t.Context(), []kv.Key{value("0"), value("1"), value("2")})
				}
				if err != nil && !errors.Is(err, kv.ErrUnavailable) {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		until(t, "an answer", func() bool { return s.Ping(t.Context()) == nil })
		m.Kill()
		until(t, "ErrUnavailable", func() bool { return errors.Is(s.Ping(t.Context()), kv.ErrUnavailable) })
		if err := m.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a write", func() bool { return s.Set(t.Context(), value("a"), nil, 0) == nil })
	close(done)
	wg.Wait()
}

// A connection that the server closed while nobody used it costs no question: those are asked again.
func TestQuestionsSurviveARestartBetweenThem(t *testing.T) {
	m := own(t)
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	if err := s.Set(t.Context(), value("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	m.Kill()
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestAPausedServerEndsCallsByContextAndTimeout(t *testing.T) {
	m := own(t)
	s := with(t, memcached.Options{URLs: []string{m.URL()}, Timeout: 300 * time.Millisecond, Pool: 4})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Pause(); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	until(t, "the pause", func() bool { return errors.Is(s.Ping(t.Context()), kv.ErrUnavailable) })
	if _, err := s.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("without a context's end: %v", err)
	}
	if err := s.Set(t.Context(), value("a"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a write: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Get(ctx, value("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := s.Incr(ctx, counter("a"), 1, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v", err)
	}
	// Calls that were given up are no more than the pool.
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := s.Get(ctx, value("a")); !kv.IsUnavailable(err) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := runtime.NumGoroutine() - before; n > 8 {
		t.Errorf("%d goroutines more than before", n)
	}
	if err := m.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "an answer", func() bool { return s.Set(t.Context(), value("a"), []byte("1"), 0) == nil })
}

func TestPasswordsAreAskedForAndNeverTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(file, []byte("sluice:hunter2-and-more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := own(t, "-Y", file)
	for name, c := range map[string]struct {
		user, password, want string
	}{
		"the right one": {"sluice", "hunter2-and-more", ""},
		"a wrong one":   {"sluice", "hunter3secret", "refuses the user name or the password"},
		"none":          {"", "", "wants a user name and a password"},
	} {
		s := with(t, memcached.Options{URLs: []string{m.URL()}, Username: c.user, Password: c.password})
		err := s.Set(t.Context(), value("a"), []byte("1"), 0)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServerWithoutCompareAndSwapIsRefused(t *testing.T) {
	m := own(t, "-C")
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	if _, err := s.Incr(t.Context(), counter("a"), 1, 0); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "-C") {
		t.Errorf("got %v", err)
	}
}

// The server of this test takes items of 1 MiB, which is a little less than the largest value.
func TestWhatTheServerDoesNotTakeIsRefusedBeforeItIsSent(t *testing.T) {
	m := own(t, "-I", "1m")
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	k := value(strings.Repeat("k", 200))
	largest := 0
	for step := 1 << 19; step > 0; step /= 2 { // the largest value that goes
		err := s.Set(t.Context(), k, bytes.Repeat([]byte("x"), largest+step), 0)
		switch {
		case err == nil:
			largest += step
		case !errors.Is(err, kv.ErrTooLarge) || !strings.Contains(err.Error(), "-I 2m") || !strings.Contains(err.Error(), "takes items of 1048576 octets"):
			t.Fatalf("%d octets: %v", largest+step, err)
		}
		// A server that is sent too much forgets what it had. Ours was not sent it.
		if v, err := s.Get(t.Context(), k); largest > 0 && (err != nil || len(v.Bytes) != largest) {
			t.Fatalf("after trying %d octets: %d, %v", largest+step, len(v.Bytes), err)
		}
	}
	if largest < 1<<20-1024 {
		t.Errorf("the largest value has %d octets", largest)
	}
	if _, err := s.CompareAndSwap(t.Context(), value("new"), nil, make([]byte, kv.MaxValue), 0); !errors.Is(err, kv.ErrTooLarge) {
		t.Errorf("CompareAndSwap: %v", err)
	}
}

func TestAFullServerIsFull(t *testing.T) {
	m := own(t, "-M", "-m", "4", "-I", "1m") // it refuses instead of forgetting
	s := with(t, memcached.Options{URLs: []string{m.URL()}})
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		err = s.Set(t.Context(), value(fmt.Sprint(i)), make([]byte, 100_000), 0)
	}
	if !errors.Is(err, kv.ErrFull) {
		t.Errorf("got %v", err)
	}
}

// liar is a server that answers every line with text.
func liar(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					answer := text
					if strings.HasPrefix(string(buf[:n]), "stats settings") {
						answer = "END\r\n"
					}
					if _, err := c.Write([]byte(answer)); err != nil {
						return
					}
				}
			})
		}
	})
	return "memcached://" + l.Addr().String()
}

func TestNonsenseIsUnavailableAndNotRepeated(t *testing.T) {
	for _, text := range []string{
		"secret nonsense\r\n", "SERVER_ERROR secret\r\n", "VALUE secret\r\n", "VALUE secret 0 99999999999\r\n", strings.Repeat("secret", 2000) + "\r\n",
		"VALUE secret 0 6 1\r\nsecretXX", "\r\n",
	} {
		s := with(t, memcached.Options{URLs: []string{liar(t, text)}, Timeout: 5 * time.Second})
		_, err := s.Get(t.Context(), value("a"))
		if !errors.Is(err, kv.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Get of %.20q: %v", text, err)
		}
		if err := s.Set(t.Context(), value("a"), []byte("1"), 0); !errors.Is(err, kv.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Set to %.20q: %v", text, err)
		}
	}
	// What nobody asked for is no answer.
	s := with(t, memcached.Options{URLs: []string{liar(t, "VALUE other 0 1 1\r\nx\r\nEND\r\n")}})
	if _, err := s.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another's item: %v", err)
	}
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	one := "VALUE other 0 100000 1\r\n" + strings.Repeat("x", 100_000) + "\r\n"
	s := with(t, memcached.Options{URLs: []string{liar(t, strings.Repeat(one, 1100))}, Timeout: 20 * time.Second})
	if _, err := s.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "does not end") {
		t.Errorf("got %v", err)
	}
}

func TestTLSIsAskedForByTheURL(t *testing.T) {
	s := with(t, memcached.Options{URLs: []string{strings.Replace(liar(t, "END\r\n"), "memcached", "memcacheds", 1)}})
	if err := s.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "no TLS") {
		t.Errorf("got %v", err)
	}
	s = with(t, memcached.Options{URLs: []string{liar(t, "END\r\n")}, TLS: &tls.Config{}})
	if err := s.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "no TLS") {
		t.Errorf("got %v", err)
	}
}
