package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
)

// tunes are the ways in which the relaxed class may live. Where cells go at once, most reads find
// none, and rows that are on their way to the backend are everywhere.
var tunes = map[string]engine.Tune{
	"cells stay":                           {All: true},
	"cells go at once":                     {All: true, Keep: -1, After: 1, Tick: 100 * time.Microsecond},
	"one stripe, flushed all the time":     {All: true, OneStripe: true, After: 1, Tick: 100 * time.Microsecond},
	"one stripe, plain backend, cells go":  {All: true, Keep: -1, OneStripe: true, Plain: true, After: 1, Tick: time.Millisecond},
	"nothing is flushed before it must be": {All: true, After: time.Hour, Late: time.Hour},
}

func TestRelaxedRowsKeepTheContract(t *testing.T) {
	for name, tune := range tunes {
		t.Run(name, func(t *testing.T) {
			kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
				clock := kvtest.NewClock()
				e := open(t, engine.Options{Now: clock.Now, CacheBytes: 1 << 18}.Tuned(tune))
				t.Cleanup(func() { addsUp(t, e) })
				return e, clock.Advance
			})
		})
	}
}

// addsUp checks that the counters of a closed engine say what is there.
func addsUp(t *testing.T, e *engine.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	type counts struct {
		Cells, Held, Dirty, Octets int64
		ByPrefix                   map[kv.Prefix]int64
	}
	var want, got counts
	want.Cells, want.Held, want.Dirty, want.Octets, want.ByPrefix = e.Counted()
	got.Cells, got.Held, got.Dirty, got.Octets, got.ByPrefix = e.Counters()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counters are wrong (-cells +counters):\n%s", diff)
	}
	if got.Dirty != 0 {
		t.Errorf("%d rows are dirty after Close", got.Dirty)
	}
}
