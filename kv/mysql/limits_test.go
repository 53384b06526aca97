package mysql

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"pgregory.net/rapid"
)

// drawRule makes up a rule that passes, small or as large as rules may be.
func drawRule(t *rapid.T) kv.Rule {
	units := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, kv.MaxUnits))
	pers := rapid.OneOf(rapid.Int64Range(int64(time.Millisecond), int64(time.Second)), rapid.Int64Range(int64(time.Millisecond), int64(kv.MaxPer)))
	return rapid.Custom(func(t *rapid.T) kv.Rule {
		r := kv.Rule{Limit: units.Draw(t, "limit"), Per: time.Duration(pers.Draw(t, "per"))}
		if rapid.Bool().Draw(t, "has burst") {
			r.Burst = units.Draw(t, "burst")
		}
		return r
	}).Filter(func(r kv.Rule) bool { return r.Check() == nil }).Draw(t, "rule")
}

// Both ways of writing keep the state exactly as Take has it.
func TestRateIsTake(t *testing.T) {
	for _, c := range []struct {
		name  string
		tries int
	}{{"read and write", optimisticTries}, {"under a lock", 0}} {
		t.Run(c.name, func(t *testing.T) {
			clock := kvtest.NewClock()
			s := try(t, Options{Now: clock.Now})
			s.tries = c.tries
			var names atomic.Int64
			rapid.Check(t, func(rt *rapid.T) {
				rule := drawRule(rt)
				k := kv.Key{Prefix: kv.ScriptRate, Name: fmt.Sprint(names.Add(1))}
				var state kv.RateState
				for range rapid.IntRange(1, 8).Draw(rt, "calls") {
					clock.Advance(time.Duration(rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, int64(rule.Per)*3/2)).Draw(rt, "later")))
					most := rapid.SampledFrom([]int64{1, rule.Limit, max(rule.Burst, 1), math.MaxInt64}).Draw(rt, "most")
					cost := rapid.Int64Range(0, most).Draw(rt, "cost")
					peek := rapid.IntRange(0, 4).Draw(rt, "peek") == 0
					next, _, want := rule.Take(state, s.clock.Nano(), cost)
					got, err := s.Rate(t.Context(), k, rule, cost, peek)
					if got != want || err != nil {
						rt.Fatalf("%v cost %d: %+v, %v, want %+v", rule, cost, got, err, want)
					}
					if want.Allowed && !peek {
						state = next
					}
				}
			})
		})
	}
}

func TestManyMachinesShareALimit(t *testing.T) {
	for _, tries := range []int{optimisticTries, 1, 0} {
		t.Run(fmt.Sprintf("%d tries before the lock", tries), func(t *testing.T) {
			ns := namespace()
			rule := kv.Rule{Limit: 40, Per: time.Hour}
			var allowed atomic.Int64
			var wg sync.WaitGroup
			for range 3 {
				s := try(t, Options{Namespace: ns, Pool: 2})
				s.tries = tries
				for range 4 {
					wg.Go(func() {
						for range 10 {
							d, err := s.Rate(t.Context(), value("a"), rule, 1, false)
							if err != nil {
								t.Error(err)
							}
							if d.Allowed {
								allowed.Add(1)
							}
						}
					})
				}
			}
			wg.Wait()
			if allowed.Load() != rule.Limit {
				t.Errorf("allowed %d, want %d", allowed.Load(), rule.Limit)
			}
		})
	}
}

func TestARowThatIsLockedNeedsOneConnection(t *testing.T) {
	s := try(t, Options{Pool: 1})
	s.tries = 0
	for i := range 3 {
		if d, err := s.Rate(t.Context(), value("a"), kv.Rule{Limit: 2, Per: time.Hour}, 1, false); err != nil || d.Allowed != (i < 2) {
			t.Errorf("call %d: %+v, %v", i, d, err)
		}
	}
}
