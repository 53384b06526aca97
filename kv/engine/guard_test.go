package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/memory"
)

// Time in these tests is that of a bubble: it stands still but while everybody waits.

// sharing makes a server and an engine on it, closed with the test.
func sharing(t *testing.T, o engine.Options) (*server, *engine.Engine) {
	t.Helper()
	s := &server{Store: memory.New(memory.Options{Now: o.Now})}
	return s, on(t, s, o)
}

func on(t *testing.T, s kv.Store, o engine.Options) *engine.Engine {
	t.Helper()
	o.Shared, o.Name = true, "main"
	e, err := engine.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// took runs fn and says how long that took.
func took(fn func()) time.Duration {
	began := time.Now()
	fn()
	return time.Since(began)
}

var (
	secret  = kv.Key{Prefix: kv.Script, Name: "a secret name"}
	allowed = kv.Key{Prefix: kv.RateLimitIMAP, Name: "a secret name"}
)

func TestAStoreThatHangsCostsItsTimeLimitAndThenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, e := sharing(t, engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		get := func() (err error) {
			_, err = e.Get(t.Context(), secret)
			return err
		}
		if err := get(); !errors.Is(err, kv.ErrNotFound) {
			t.Fatal(err)
		}
		s.become(hangs)
		check := func(want time.Duration) {
			t.Helper()
			var err error
			if d := took(func() { err = get() }); d != want {
				t.Errorf("it took %v, want %v", d, want)
			}
			text := err.Error()
			if !errors.Is(err, kv.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(text, `"main"`) ||
				!strings.Contains(text, "get") || strings.Contains(text, secret.Name) {
				t.Errorf("got %v", err)
			}
		}
		for range 5 {
			check(200 * time.Millisecond)
		}
		for range 100 {
			check(0)
		}
		if n := s.calls.Load(); n != 6 {
			t.Errorf("the server was asked %d times, want 6", n)
		}
		if m := e.Metrics(); m.BreakerOpen != 1 || m.BreakerOpened != 1 || m.Unavailable != 105 || m.UnavailableClosed != 105 || m.UnavailableOpen != 0 {
			t.Errorf("%+v", m)
		}
		// Probes come after 1, 2, 4, 8, 16, 30, 30 s, each 200 ms, about.
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			pause *= time.Second
			time.Sleep(pause * 89 / 100)
			check(0)
			time.Sleep(pause * 22 / 100)
			check(200 * time.Millisecond)
			check(0)
		}
		s.become(none)
		time.Sleep(34 * time.Second)
		for range 3 {
			if err := get(); !errors.Is(err, kv.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if m := e.Metrics(); m.BreakerOpen != 0 || m.BreakerOpened != 1 {
			t.Errorf("%+v", m)
		}
		if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 || strings.Contains(log.String(), secret.Name) {
			t.Errorf("it was logged %q", lines)
		}
	})
}

func TestTheBreakerOpensAfterFailuresInARowOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := sharing(t, engine.Options{BreakerFailures: 3, BreakerPause: time.Minute})
		ask := func(f fault, want error) {
			t.Helper()
			s.become(f)
			if _, err := e.Counter(t.Context(), allowed); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		for range 10 {
			ask(refuses, kv.ErrUnavailable)
			ask(refuses, kv.ErrUnavailable)
			ask(none, nil)
		}
		if m := e.Metrics(); m.BreakerOpened != 0 || m.UnavailableOpen != 20 || m.UnavailableClosed != 0 {
			t.Errorf("%+v", m)
		}
		// A no is an answer, too, and what needs no store says nothing.
		ask(refuses, kv.ErrUnavailable)
		ask(refuses, kv.ErrUnavailable)
		s.become(none)
		if err := s.Store.Set(t.Context(), allowed, []byte("text"), 0); err != nil {
			t.Fatal(err)
		}
		ask(none, kv.ErrNotCounter)
		ask(refuses, kv.ErrUnavailable)
		ask(refuses, kv.ErrUnavailable)
		s.become(none)
		if err := e.Set(t.Context(), secret, make([]byte, kv.MaxValue+1), 0); !errors.Is(err, kv.ErrTooLarge) {
			t.Error(err)
		}
		ask(refuses, kv.ErrUnavailable)
		ask(none, kv.ErrUnavailable)
		if m := e.Metrics(); m.BreakerOpened != 1 || m.BreakerOpen != 1 {
			t.Errorf("%+v", m)
		}
	})
}

func TestOneCallAtATimeAsksAStoreThatWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := sharing(t, engine.Options{BreakerFailures: 1})
		s.become(refuses)
		if _, err := e.Get(t.Context(), secret); !errors.Is(err, kv.ErrUnavailable) {
			t.Fatal(err)
		}
		s.become(hangs)
		time.Sleep(2 * time.Second)
		s.calls.Store(0)
		// The probe's caller leaves: that says nothing, and the next call is the probe.
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := e.Get(ctx, secret)
			gone <- err
		}()
		synctest.Wait()
		for range 10 {
			if _, err := e.Get(t.Context(), secret); !errors.Is(err, kv.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) || kv.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d calls went through, want 1", n)
		}
		s.become(none)
		if _, err := e.Get(t.Context(), secret); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if m := e.Metrics(); m.BreakerOpen != 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestACallersOwnTimeIsNotTheStoresFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := sharing(t, engine.Options{BreakerFailures: 1})
		s.become(hangs)
		for _, left := range []time.Duration{-time.Second, 0, time.Nanosecond, 100 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			var err error
			if d := took(func() { _, err = e.Get(ctx, secret) }); d != max(left, 0) {
				t.Errorf("with %v left it took %v", left, d)
			}
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("with %v left: %v", left, err)
			}
			cancel()
		}
		// Connections have deadlines of their own, and may notice before the context does.
		s.become(none)
		slow := on(t, timeout{s}, engine.Options{BreakerFailures: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := slow.Get(ctx, secret); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		for _, e := range []*engine.Engine{e, slow} {
			if m := e.Metrics(); m.BreakerOpened != 0 || m.Unavailable != 0 {
				t.Errorf("%+v", m)
			}
		}
	})
}

// timeout says that a connection's deadline has passed.
type timeout struct{ *server }

func (timeout) Get(context.Context, kv.Key) (kv.Value, error) {
	return kv.Value{}, errors.Join(kv.ErrUnavailable, timedOut{})
}

type timedOut struct{}

func (timedOut) Error() string { return "i/o timeout" }
func (timedOut) Timeout() bool { return true }

func TestCallsThatWalkThroughRowsHaveMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := sharing(t, engine.Options{BreakerFailures: 100, Timeout: 50 * time.Millisecond})
		s.become(hangs)
		ctx := t.Context()
		rule := kv.Rule{Limit: 1, Per: time.Second}
		got := map[string]time.Duration{}
		for name, fn := range map[string]func() error{
			"get":      func() error { _, err := e.Get(ctx, secret); return err },
			"get many": func() error { _, err := e.GetMany(ctx, []kv.Key{secret, allowed}); return err },
			"set":      func() error { return e.Set(ctx, secret, nil, 0) },
			"incr":     func() error { _, err := e.Incr(ctx, secret, 1, 0); return err },
			"rate":     func() error { _, err := e.Rate(ctx, allowed, rule, 1, false); return err },
			"lock":     func() error { _, err := e.Lock(ctx, secret, time.Second, false); return err },
			"list":     func() error { _, _, err := e.List(ctx, kv.Script, "", "", 1); return err },
			"stats":    func() error { _, err := e.Stats(ctx); return err },
		} {
			got[name] = took(func() {
				if err := fn(); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		const short, page, whole = 50 * time.Millisecond, 10 * time.Second, 5 * time.Minute
		want := map[string]time.Duration{
			"get": short, "get many": short, "set": short, "incr": short, "rate": short, "lock": short, "list": page, "stats": whole,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if m := e.Metrics(); m.Unavailable != 8 || m.UnavailableOpen != 1 || m.UnavailableClosed != 6 {
			t.Errorf("%+v", m)
		}
	})
}

func TestWhatAStoreDoesNotServeNeverReachesIt(t *testing.T) {
	s := &server{Store: memory.New(memory.Options{})}
	for _, shared := range []bool{true, false} {
		e, err := engine.New(cacheOnly(s), engine.Options{Shared: shared, Name: "short"})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		served := kv.Key{Prefix: kv.TrustedReply, Name: "a"}
		s.calls.Store(0)
		for name, fn := range map[string]func() error{
			"get":      func() error { _, err := e.Get(ctx, secret); return err },
			"get many": func() error { _, err := e.GetMany(ctx, []kv.Key{served, secret, served}); return err },
			"set":      func() error { return e.Set(ctx, secret, nil, 0) },
			"list":     func() error { _, _, err := e.List(ctx, secret.Prefix, "", "", 1); return err },
		} {
			if err := fn(); !errors.Is(err, kv.ErrUnsupported) || !errors.Is(err, errTooShort) || strings.Contains(err.Error(), secret.Name) ||
				!strings.Contains(err.Error(), "KV_SCRIPT") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := s.calls.Load(); n != 0 {
			t.Errorf("the store was asked %d times", n)
		}
		if err := e.Set(ctx, served, []byte("1"), time.Minute); err != nil {
			t.Error(err)
		}
		if err := e.Serves(kv.Script.Info()); !errors.Is(err, kv.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
		if err := e.Serves(kv.TrustedReply.Info()); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
