package kv

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const second = int64(time.Second)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]Rule{
		"100/1h":          {Limit: 100, Per: time.Hour},
		"1/1":             {Limit: 1, Per: time.Second},
		"5/500ms":         {Limit: 5, Per: 500 * time.Millisecond},
		"100/1h burst 20": {Limit: 100, Per: time.Hour, Burst: 20},
		" 7/30d burst 1 ": {Limit: 7, Per: 30 * 24 * time.Hour, Burst: 1},
	} {
		got, err := ParseRule(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := ParseRule(got.String()); again != got || err != nil {
			t.Errorf("%q printed as %q is %+v, %v", text, got.String(), again, err)
		}
	}
	for _, text := range []string{
		"", "100", "100/", "/1h", "0/1h", "-1/1h", "+1/1h", "1.5/1h", "100/0", "100/1w", "100/1h burst", "100/1h burst 0", "100/1h burst -1",
		"100/1h bursts 5", "100/1h burst 5 6", "100 / 1h", "9999999999999999999999/1h", "100/367d", "1/366d burst 11", "2000000000000000/1s",
	} {
		if got, err := ParseRule(text); err == nil {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

// take runs one call at the given second and keeps the state as a store would.
func take(r Rule, s *RateState, at float64, cost int64) Decision {
	next, _, d := r.Take(*s, int64(at*float64(second))+1, cost)
	if d.Allowed {
		*s = next
	}
	return d
}

func TestSlidingWindowCountsUnitsAndFadesTheWindowBefore(t *testing.T) {
	r := Rule{Limit: 10, Per: 10 * time.Second}
	var s RateState
	type step struct {
		at   float64
		cost int64
		want Decision
	}
	for i, st := range []step{
		{0, 4, Decision{true, 10, 6, 0}},
		{1, 0, Decision{true, 10, 6, 0}},
		{1, 7, Decision{false, 10, 6, 0}},
		{1, 6, Decision{true, 10, 0, 0}},
		{9, 1, Decision{false, 10, 0, 0}},
		{11, 5, Decision{true, 10, 1, 0}}, // half of the limit was reached at 1: from 11 on 4 count, and less and less
		{15, 3, Decision{true, 10, 0, 0}}, // 2 of them
		{15, 11, Decision{false, 10, 0, 10 * time.Second}},
		{60, 10, Decision{true, 10, 0, 0}},
	} {
		got := take(r, &s, st.at, st.cost)
		if !got.Allowed && st.want.RetryAfter == 0 {
			got.RetryAfter = 0 // its exactness has a test of its own
		}
		if diff := cmp.Diff(st.want, got); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

func TestGCRAGivesTheWholeBurstAtOnceAndThenTheRate(t *testing.T) {
	for _, limit := range []int64{3, 7, 100, 1_000_003} {
		r := Rule{Limit: limit, Per: time.Hour, Burst: 20}
		var s RateState
		for i := range int64(20) {
			if d := take(r, &s, 0, 1); !d.Allowed || d.Remaining != 19-i {
				t.Fatalf("limit %d: call %d of the burst: %+v", limit, i, d)
			}
		}
		d := take(r, &s, 0, 1)
		if want := time.Duration(mulDiv(1, int64(time.Hour), limit, true)); d.Allowed || d.RetryAfter < want || d.RetryAfter > want+time.Millisecond {
			t.Errorf("limit %d: after the burst: %+v, want to wait %v", limit, d, want)
		}
		if d := take(r, &s, 3600*20, 20); !d.Allowed {
			t.Errorf("limit %d: a rested allowance refused its burst: %+v", limit, d)
		}
	}
}

func TestRetryAfterIsTheFirstMomentThatWouldBeAllowed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		r := Rule{Limit: 1 + rng.Int64N(50), Per: time.Duration(1+rng.Int64N(5000)) * time.Millisecond}
		if rng.IntN(2) == 0 {
			r.Burst = 1 + rng.Int64N(50)
		}
		most := r.Limit
		if r.Burst > 0 {
			most = r.Burst
		}
		var s RateState
		now := second
		for range 40 {
			cost := rng.Int64N(most + 1)
			next, deadline, d := r.Take(s, now, cost)
			if d.Remaining < 0 || d.Remaining > most || d.Allowed != (d.RetryAfter == 0) {
				t.Fatalf("%v: %+v", r, d)
			}
			if d.Allowed {
				s = next
				rested, _, a := r.Take(s, deadline*1e6, 0)
				_, _, b := r.Take(RateState{}, deadline*1e6, 0)
				if a != b {
					t.Fatalf("%v: at its deadline state %+v (%+v) still matters: %+v, want %+v", r, s, rested, a, b)
				}
			} else {
				if _, _, e := r.Take(s, now+int64(d.RetryAfter), cost); !e.Allowed {
					t.Fatalf("%v: state %+v, cost %d: refused after RetryAfter %v", r, s, cost, d.RetryAfter)
				}
				if _, _, e := r.Take(s, now+int64(d.RetryAfter-2*time.Millisecond), cost); e.Allowed && d.RetryAfter > 2*time.Millisecond {
					t.Fatalf("%v: state %+v, cost %d: allowed 2ms before RetryAfter %v", r, s, cost, d.RetryAfter)
				}
			}
			now += rng.Int64N(int64(r.Per) / 4)
		}
	}
}

// The worst window of a sliding limit under load is far from the double that a fixed
// window allows, and an even flow at the limit passes.
func TestSlidingWindowAgainstAnExactLog(t *testing.T) {
	r := Rule{Limit: 100, Per: time.Minute}
	rng := rand.New(rand.NewPCG(3, 4))
	var s RateState
	var log []int64
	worst := 0
	for now := second; now < 600*second; {
		now += int64(rng.ExpFloat64() * float64(second) * 0.3) // twice the limit
		next, _, d := r.Take(s, now, 1)
		if !d.Allowed {
			continue
		}
		s = next
		log = append(log, now)
		n := 0
		for i := len(log) - 1; i >= 0 && log[i] > now-60*second; i-- {
			n++
		}
		worst = max(worst, n)
	}
	if worst > 115 {
		t.Errorf("admitted %d in a minute, limit 100", worst)
	}
	s = RateState{}
	refused := 0
	for i := range int64(1000) {
		next, _, d := r.Take(s, second+i*600*int64(time.Millisecond), 1)
		if !d.Allowed {
			refused++
			continue
		}
		s = next
	}
	if refused > 20 {
		t.Errorf("refused %d of an even flow of 1000 at the limit", refused)
	}
}

func TestRateStateEncoding(t *testing.T) {
	want := RateState{math.MaxInt64, 0, -1, 1, math.MinInt64}
	got, err := ParseRateState(want.Append(nil))
	if got != want || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseRateState(make([]byte, 39)); err == nil {
		t.Error("39 octets were a state")
	}
}

func TestHugeRulesNeitherOverflowNorDivideByZero(t *testing.T) {
	for _, r := range []Rule{
		{Limit: MaxUnits, Per: MaxPer},
		{Limit: MaxUnits, Per: time.Millisecond},
		{Limit: 1, Per: MaxPer, Burst: 10},
		{Limit: MaxUnits, Per: MaxPer, Burst: MaxUnits},
		{Limit: MaxUnits, Per: time.Millisecond, Burst: MaxUnits},
	} {
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		now := time.Now().UnixNano()
		for _, cost := range []int64{0, 1, MaxUnits, math.MaxInt64} {
			s, _, d := r.Take(RateState{}, now, cost)
			_, _, e := r.Take(s, now+1, cost)
			if d.Remaining < 0 || e.Remaining < 0 || d.RetryAfter < 0 || e.RetryAfter < 0 {
				t.Errorf("%v, cost %d: %+v, %+v", r, cost, d, e)
			}
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"100/1h", "100/1h burst 20", "1/1ms", "0/0", "/", "99999999999/366d burst 1", "1/1\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRule(s)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %+v, but printed as %q it is %+v, %v", s, r, r.String(), again, err)
		}
		now := int64(1e18)
		for range 3 {
			st, _, d := r.Take(RateState{}, now, 1)
			if d.Remaining < 0 || st.Start < now {
				t.Fatalf("%+v: %+v %+v", r, st, d)
			}
		}
	})
}
