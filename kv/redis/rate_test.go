package redis_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
	"pgregory.net/rapid"
)

// drawRule makes up any rule that may be kept, of every size.
func drawRule(t *rapid.T) kv.Rule {
	upTo := func(most int64, label string) int64 {
		bitsAtMost := rapid.IntRange(0, 62).Draw(t, label+" bits")
		return 1 + rapid.Int64Range(0, min(most, int64(1)<<bitsAtMost)-1).Draw(t, label)
	}
	for {
		r := kv.Rule{Limit: upTo(kv.MaxUnits, "limit"), Per: time.Duration(upTo(int64(kv.MaxPer), "per"))}
		if rapid.IntRange(0, 3).Draw(t, "few") == 0 {
			r.Limit = rapid.Int64Range(1, 9).Draw(t, "few units")
		}
		if rapid.Bool().Draw(t, "has burst") {
			r.Burst = upTo(kv.MaxUnits, "burst")
		}
		if r.Per < time.Millisecond {
			r.Per += time.Millisecond
		}
		if r.Check() == nil {
			return r
		}
	}
}

// drawNear returns a number within the range of a window about at, often right at its edges.
func drawNear(t *rapid.T, at, per int64) int64 {
	edge := rapid.SampledFrom([]int64{0, -per, per, -2 * per, 2 * per}).Draw(t, "edge")
	if rapid.Bool().Draw(t, "at the edge") {
		return at + edge + rapid.Int64Range(-2, 2).Draw(t, "off")
	}
	return at + rapid.Int64Range(-3*per, 3*per).Draw(t, "anywhere")
}

// drawUnits returns a number of units up to limit, often about its half.
func drawUnits(t *rapid.T, limit int64, label string) int64 {
	half := limit - limit/2
	return rapid.OneOf(
		rapid.Int64Range(0, limit),
		rapid.Int64Range(max(half-2, 0), min(half+2, limit)),
		rapid.Int64Range(max(limit-2, 0), limit),
	).Draw(t, label)
}

// drawAge returns an age within a window, often at its ends or about the moment half.
func drawAge(t *rapid.T, per, half int64, label string) int64 {
	within := func(a, b int64) *rapid.Generator[int64] {
		return rapid.Int64Range(min(max(a, 0), per-1), min(max(b, 0), per-1))
	}
	return rapid.OneOf(within(0, per), within(0, 2), within(per-3, per), within(half-3, half+2), within(0, half), within(half, per)).Draw(t, label)
}

// drawState makes up any state that a store may hold at now.
func drawState(t *rapid.T, rule kv.Rule, now int64) (s kv.RateState) {
	if rapid.IntRange(0, 9).Draw(t, "state") == 0 {
		return s
	}
	per := int64(rule.Per)
	if rule.Burst > 0 {
		unused := rapid.Int64Range(0, 1).Draw(t, "unused")
		return kv.RateState{Start: max(drawNear(t, now, per), 1), Cur: rapid.Int64Range(0, rule.Limit-1).Draw(t, "cur"), Prev: unused, PrevHalf: unused, CurHalf: unused}
	}
	s.Prev, s.Cur = drawUnits(t, rule.Limit, "prev"), drawUnits(t, rule.Limit, "cur")
	if half := rule.Limit - rule.Limit/2; rapid.IntRange(0, 9).Draw(t, "any halves") == 0 {
		s.PrevHalf, s.CurHalf = drawAge(t, per, 0, "prev half"), drawAge(t, per, 0, "cur half")
	} else {
		if s.Prev >= half {
			s.PrevHalf = drawAge(t, per, 0, "prev half")
		}
		if s.Cur >= half {
			s.CurHalf = drawAge(t, per, 0, "cur half")
		}
	}
	switch rapid.IntRange(0, 2).Draw(t, "place") {
	case 0:
		s.Start = drawNear(t, now, per)
	case 1:
		s.Start = now - drawAge(t, per, s.PrevHalf, "age")
	default: // its window is the one before
		s.Start = now - per - drawAge(t, per, s.CurHalf, "age")
	}
	s.Start = max(s.Start, 1)
	return s
}

// drawCost returns what to ask for: little, all, too much, and often what is just there or what just reaches half of the
// limit.
func drawCost(t *rapid.T, rule kv.Rule, s kv.RateState, now int64) int64 {
	most := rule.Limit
	if rule.Burst > 0 {
		most = rule.Burst
	}
	next, _, d := rule.Take(s, now, 0)
	switch rapid.IntRange(0, 4).Draw(t, "exactly") {
	case 0: // what is left to the last unit, and one more or less
		return max(d.Remaining+rapid.Int64Range(-1, 1).Draw(t, "over"), 0)
	case 1:
		return max(rule.Limit-rule.Limit/2-next.Cur+rapid.Int64Range(-1, 1).Draw(t, "over the half"), 0)
	}
	return rapid.OneOf(rapid.Int64Range(0, most), rapid.Int64Range(0, 3), rapid.Just(most), rapid.Just(most+1), rapid.Just(int64(math.MaxInt64))).Draw(t, "cost")
}

// A rule of any size decides alike in the script and in Take, also at the very nanosecond from which a cost fits.
func TestTheRateScriptAgreesWithTake(t *testing.T) {
	// For this store it is always 1970, so that no state is swept away as expired.
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: func() time.Time { return time.Unix(1, 0) }})
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		now := rapid.Int64Range(1<<58, 1<<61).Draw(t, "now")
		before := drawState(t, rule, now)
		cost := drawCost(t, rule, before, now)
		allows := func(now int64) bool {
			_, _, d := rule.Take(before, now, cost)
			return d.Allowed
		}
		peek := rapid.IntRange(0, 4).Draw(t, "peek") == 0
		agree(ctx, t, s, rule, before, now, cost, peek)
		_, _, d := rule.Take(before, now, cost)
		if d.Allowed || !allows(now+int64(d.RetryAfter)) {
			return
		}
		refused, allowed := now, now+int64(d.RetryAfter) // the nanosecond from which it fits, and the one before
		for allowed-refused > 1 {
			if mid := refused + (allowed-refused)/2; allows(mid) {
				allowed = mid
			} else {
				refused = mid
			}
		}
		agree(ctx, t, s, rule, before, refused, cost, peek)
		agree(ctx, t, s, rule, before, allowed, cost, peek)
	})
}

// agree fails unless the script's next state, deadline and decision are those of kv.Rule.Take, and what it refuses or
// only looks at stays as it is.
func agree(ctx context.Context, t rapid.TB, s *redis.Store, rule kv.Rule, before kv.RateState, now, cost int64, peek bool) {
	t.Helper()
	next, deadline, d := rule.Take(before, now, cost)
	if !d.Allowed || peek {
		next, deadline = before, 0
	}
	gotNext, gotDeadline, allowed, err := s.TakeAt(ctx, kv.Key{Prefix: kv.ScriptRate, Name: "a"}, rule, before, now, cost, peek)
	switch {
	case err != nil:
		t.Fatal(err)
	case allowed != d.Allowed:
		t.Fatalf("%v, %+v at %d, cost %d: the script allows it: %v, Take: %v", rule, before, now, cost, allowed, d.Allowed)
	case gotNext != next || gotDeadline != deadline:
		t.Fatalf("%v, %+v at %d, cost %d: state %s deadline %d, want %d", rule, before, now, cost, cmp.Diff(next, gotNext), gotDeadline, deadline)
	}
}

// Everything that can be of the smallest limits, about the moments that matter.
func TestTheRateScriptAgreesWithTakeOnSmallLimits(t *testing.T) {
	const now, per = 1 << 60, int64(time.Millisecond)
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: func() time.Time { return time.Unix(1, 0) }})
	for limit := int64(1); limit <= 4; limit++ {
		rule := kv.Rule{Limit: limit, Per: time.Duration(per)}
		for n := range (limit + 1) * (limit + 1) {
			prev, cur := n/(limit+1), n%(limit+1)
			for _, half := range []int64{0, 1, 2, per / 2, per - 1} {
				for _, age := range []int64{0, half / 2, half - 2, half - 1, half, half + 1, (half + per) / 2, per - 1} {
					if age < 0 || age >= per {
						continue
					}
					for cost := range limit + 1 {
						agree(ctx, t, s, rule, kv.RateState{Start: now - age, Prev: prev, Cur: cur, PrevHalf: half, CurHalf: age / 2}, now, cost, false)
						if prev == 0 { // its window is the one before
							agree(ctx, t, s, rule, kv.RateState{Start: now - age - per, Cur: cur, CurHalf: half}, now, cost, false)
						}
					}
				}
			}
		}
	}
}

// A run of calls on one allowance, with a clock that jumps, gives the answers that Take gives.
func TestARunOfRateCallsAgreesWithTake(t *testing.T) {
	ctx, n := t.Context(), 0
	var now time.Time
	s := open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: func() time.Time { return now }})
	now = time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		n++
		rule, k := drawRule(t), kv.Key{Prefix: kv.ScriptRate, Name: string(rune(n))}
		var state kv.RateState
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			later := rule.Per * time.Duration(rapid.SampledFrom([]int{1, 2, 4, 12}).Draw(t, "quarters")) / 4
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(min(later, time.Hour))).Draw(t, "later")))
			cost, peek := rapid.Int64Range(0, max(rule.Limit, rule.Burst)/2+1).Draw(t, "cost"), rapid.Bool().Draw(t, "peek")
			next, _, want := rule.Take(state, now.UnixNano(), cost)
			if want.Allowed && !peek {
				state = next
			}
			got, err := s.Rate(ctx, k, rule, cost, peek)
			if got != want || err != nil {
				t.Fatalf("%+v, %v, want %+v", got, err, want)
			}
		}
	})
}

// The script puts nanoseconds together from the server's seconds and microseconds.
func TestARateCountsWithTheServersTime(t *testing.T) {
	s := open(t, redis.Options{URLs: []string{needServer(t).URL}})
	for range 100 {
		before := time.Now().Truncate(time.Microsecond).UnixNano()
		got, err := s.ServerNano(t.Context())
		if after := time.Now().UnixNano(); err != nil || got < before || got > after || got%1000 != 0 {
			t.Fatalf("%d, %v, want between %d and %d", got, err, before, after)
		}
	}
}

// Totals count an allowance with the octets of its name and of its state, until it is deleted or over.
func TestTotalsOfAllowances(t *testing.T) {
	ctx, now := t.Context(), time.Unix(1_800_000_000, 0)
	s := open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: func() time.Time { return now }})
	want := func(rows, octets int64) {
		t.Helper()
		stats, err := s.Stats(ctx)
		if err != nil || len(stats) != 1 || stats[0] != (kv.PrefixStats{Prefix: kv.Script, Rows: rows, Octets: octets}) {
			t.Errorf("%+v, %v, want %d rows of %d octets", stats, err, rows, octets)
		}
	}
	if err := s.Set(ctx, value("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	for _, rule := range []kv.Rule{{Limit: 3, Per: time.Minute}, {Limit: 3, Per: time.Minute, Burst: 3}} {
		for range 2 {
			if d, err := s.Rate(ctx, value("a"), rule, 1, false); err != nil || !d.Allowed {
				t.Fatal(d, err)
			}
			if d, err := s.Rate(ctx, value("bc"), rule, 1, false); err != nil || !d.Allowed {
				t.Fatal(d, err)
			}
		}
	}
	want(5, 2+2*(1+kv.RateStateOctets)+2*(2+kv.RateStateOctets))
	if _, err := s.Delete(ctx, value("bc")); err != nil {
		t.Fatal(err)
	}
	want(3, 2+2*(1+kv.RateStateOctets))
	now = now.Add(time.Hour)
	want(1, 2)
}
