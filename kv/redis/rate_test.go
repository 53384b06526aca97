package redis_test

import (
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

// The script's next state, deadline and decision are those of kv.Rule.Take, for all numbers.
func TestTheRateScriptAgreesWithTake(t *testing.T) {
	// For this store it is always 1970, so that no state is swept away as expired.
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: func() time.Time { return time.Unix(1, 0) }})
	k := kv.Key{Prefix: kv.ScriptRate, Name: "a"}
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		now := rapid.Int64Range(1<<58, 1<<61).Draw(t, "now")
		var before kv.RateState
		if rapid.IntRange(0, 9).Draw(t, "state") > 0 {
			before.Start = max(drawNear(t, now, int64(rule.Per)), 1)
			before.Cur = rapid.Int64Range(0, rule.Limit).Draw(t, "cur")
			if rule.Burst > 0 {
				before.Cur = min(before.Cur, rule.Limit-1)
			} else {
				before.Prev = rapid.Int64Range(0, rule.Limit).Draw(t, "prev")
			}
		}
		most := rule.Limit
		if rule.Burst > 0 {
			most = rule.Burst
		}
		cost := rapid.OneOf(rapid.Int64Range(0, most), rapid.Int64Range(0, 3), rapid.Just(most), rapid.Just(most+1), rapid.Just(int64(math.MaxInt64))).Draw(t, "cost")
		if rapid.IntRange(0, 3).Draw(t, "exactly") == 0 { // what is left to the last unit, and one more
			_, _, d := rule.Take(before, now, 0)
			cost = d.Remaining + rapid.Int64Range(0, 1).Draw(t, "over")
		}
		next, deadline, d := rule.Take(before, now, cost)
		gotNext, gotDeadline, allowed, err := s.TakeAt(ctx, k, rule, before, now, cost)
		if err != nil {
			t.Fatal(err)
		}
		if allowed != d.Allowed {
			t.Fatalf("the script allows it: %v, Take: %v", allowed, d.Allowed)
		}
		if allowed && (gotNext != next || gotDeadline != deadline) {
			t.Fatalf("state %s deadline %d, want %d", cmp.Diff(next, gotNext), gotDeadline, deadline)
		}
	})
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
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, min(int64(3*rule.Per), int64(time.Hour))).Draw(t, "later")))
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
