package engine_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// open opens an embedded engine in a new folder, closed with the test.
func open(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "kv.db")
	}
	e, err := engine.Open(t.Context(), o)
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

func TestEmbedded(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		return open(t, engine.Options{Now: clock.Now}), clock.Advance
	})
}

func TestOverAnyStore(t *testing.T) {
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
				clock := kvtest.NewClock()
				e, err := engine.New(memory.New(memory.Options{Now: clock.Now}), engine.Options{Now: clock.Now, Shared: shared})
				if err != nil {
					t.Fatal(err)
				}
				return e, clock.Advance
			})
		})
	}
}

func TestASecondProcessIsRefusedByName(t *testing.T) {
	if path := os.Getenv("SLUICE_TEST_OWNED"); path != "" {
		_, err := engine.Open(t.Context(), engine.Options{Path: path})
		if !errors.Is(err, engine.ErrOwned) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprint(os.Getppid())) {
			t.Errorf("got %v", err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "new", "kv.db")
	e := open(t, engine.Options{Path: path})
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestASecondProcessIsRefusedByName$")
	child.Env = append(os.Environ(), "SLUICE_TEST_OWNED="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, engine.Options{Path: path})
}

func TestDurableLeasesSurviveTheProcessAndOthersDoNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	clock := kvtest.NewClock()
	start := func() (*engine.Engine, *sqlite.Store) {
		t.Helper()
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.New(s, engine.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return e, s
	}
	lock := func(e *engine.Engine, p kv.Prefix, name string, durable bool) kv.Lease {
		t.Helper()
		l, err := e.Lock(t.Context(), kv.Key{Prefix: p, Name: name}, time.Minute, durable)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	e, s := start()
	kept := lock(e, kv.ScriptLock, "durable", true)
	queue := lock(e, kv.LockQueueMessage, "by its class", false)
	gone := lock(e, kv.ScriptLock, "volatile", false)
	over := lock(e, kv.ScriptLock, "given up", true)
	if err := e.Unlock(t.Context(), over); err != nil {
		t.Fatal(err)
	}
	renewed := lock(e, kv.ScriptLock, "renewed", true)
	clock.Advance(59 * time.Second)
	for _, l := range []*kv.Lease{&kept, &queue, &renewed} {
		var err error
		if *l, err = e.Renew(t.Context(), *l, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(2 * time.Second)
	if err := s.Close(); err != nil { // the engine is left as a crash would leave it
		t.Fatal(err)
	}

	e, _ = start()
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := lock(e, kv.ScriptLock, "volatile", false); got.Fence <= max(gone.Fence, renewed.Fence) {
		t.Errorf("fence %d after %d", got.Fence, gone.Fence)
	}
	lock(e, kv.ScriptLock, "given up", true)
	for _, l := range []kv.Lease{kept, queue, renewed} {
		if _, err := e.Lock(t.Context(), l.Key, time.Minute, false); !errors.Is(err, kv.ErrLocked) {
			t.Errorf("%s: a lease that was durable is open: %v", l.Key.Name, err)
		}
		if _, err := e.Renew(t.Context(), l, time.Minute); err != nil {
			t.Errorf("%s: its owner lost it: %v", l.Key.Name, err)
		}
		if err := e.Unlock(t.Context(), l); err != nil {
			t.Errorf("%s: %v", l.Key.Name, err)
		}
	}
}

func TestWritesOfAnotherProcessAreNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	e := open(t, engine.Options{Path: path})
	k := kv.Key{Prefix: kv.Script, Name: "a"}
	if err := e.Set(t.Context(), k, []byte("old"), 0); err != nil {
		t.Fatal(err)
	}
	read := func() string {
		v, err := e.Get(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return string(v.Bytes)
	}
	for e.Metrics().Hits == 0 { // the cache is in use
		read()
		goruntime.Gosched()
	}
	if n := e.Metrics().Foreign; n != 0 {
		t.Errorf("%d writes of other processes are counted, and there was none", n)
	}
	other, err := sqlite.Open(t.Context(), path, sqlite.Options{}) // ignores the lock of the engine
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Set(t.Context(), k, []byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for read() != "new" {
		if time.Since(began) > 5*time.Second {
			t.Fatal("the cache never noticed")
		}
		goruntime.Gosched()
	}
	if e.Metrics().Foreign == 0 {
		t.Error("a write of another process is not counted")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestartKeepsDurableRowsAndForgetsVolatileOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	e := open(t, engine.Options{Path: path})
	keys := map[kv.Key]bool{
		{Prefix: kv.Script, Name: "a"}:           true,
		{Prefix: kv.ScriptCounter, Name: "a"}:    true,
		{Prefix: kv.Greylist, Name: "a"}:         true,
		{Prefix: 200, Name: "unlisted"}:          true,
		{Prefix: kv.RateLimitContact, Name: "a"}: false,
	}
	rule := kv.Rule{Limit: 5, Per: time.Hour}
	for k := range keys {
		if err := e.Set(t.Context(), k, []byte("1"), time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Rate(t.Context(), k, rule, 5, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, engine.Options{Path: path})
	for k, kept := range keys {
		if _, err := e.Get(t.Context(), k); (err == nil) != kept {
			t.Errorf("%s: %v, kept should be %v", k.Prefix, err, kept)
		}
		if d, err := e.Rate(t.Context(), k, rule, 0, true); err != nil || (d.Remaining == 0) != kept {
			t.Errorf("%s: %+v, %v", k.Prefix, d, err)
		}
	}
}
