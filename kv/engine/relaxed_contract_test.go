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
var tunes = map[string]struct {
	tune  engine.Tune
	proof bool // only where full counts are asked for
}{
	"cells stay":                           {engine.Tune{All: true}, false},
	"cells go at once":                     {engine.Tune{All: true, Keep: -1, After: 1, Tick: 100 * time.Microsecond}, false},
	"one stripe, plain backend, cells go":  {engine.Tune{All: true, Keep: -1, OneStripe: true, Plain: true, After: 1, Tick: time.Millisecond}, false},
	"one stripe, flushed all the time":     {engine.Tune{All: true, OneStripe: true, After: 1, Tick: 100 * time.Microsecond}, true},
	"nothing is flushed before it must be": {engine.Tune{All: true, After: time.Hour, Late: time.Hour}, true},
}

func TestRelaxedRowsKeepTheContract(t *testing.T) {
	for name, v := range tunes {
		if v.proof && !kvtest.Proof() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
				clock := kvtest.NewClock()
				e := open(t, engine.Options{Now: clock.Now, CacheBytes: 1 << 18}.Tuned(v.tune))
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
