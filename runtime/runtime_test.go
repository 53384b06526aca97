package runtime

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
)

// clock is a clock that stands until it is moved.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Unix(1767225600, 0).UTC()} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

// newStore returns a memory store on the clock.
func newStore(t testing.TB, c *clock) kv.Store {
	t.Helper()
	s := memory.New(memory.Options{Now: c.now})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// liveOver returns a host whose default store is s, with the network of the examples.
func liveOver(s kv.Store) *Live {
	return &Live{DNS: ExampleFixtures(), HTTP: ExampleFixtures(), Auth: checker, Stores: func(name string) (kv.Store, error) {
		if name != "" {
			return nil, fmt.Errorf("unknown store %q", name)
		}
		return s, nil
	}}
}

var testEngine = NewEngine(tiny{})

// compileTiny compiles a script of the test language.
func compileTiny(t testing.TB, source string) Program {
	t.Helper()
	p, err := testEngine.Compile("test.tiny", []byte(source), CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runTiny runs a script for the example's transaction.
func runTiny(t testing.TB, source string, o RunOptions) *Result {
	t.Helper()
	if o.Namespace == "" {
		o.Namespace = "admin"
	}
	return testEngine.Run(t.Context(), compileTiny(t, source), ExampleTransaction(), o)
}
