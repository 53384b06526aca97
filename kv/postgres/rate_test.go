package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/postgres"
	"pgregory.net/rapid"
)

// connect opens a connection beside a store's.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(t.Context()) })
	return c
}

// units draws numbers of every size from least to most.
func units(least, most int64) *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(least, most),
		rapid.Int64Range(least, min(least+20, most)),
		rapid.Int64Range(max(most-20, least), most),
		rapid.Custom(func(t *rapid.T) int64 {
			return min(max(least, 1<<rapid.IntRange(0, 62).Draw(t, "bits")), most)
		}),
	)
}

var rules = rapid.Custom(func(t *rapid.T) kv.Rule {
	return kv.Rule{
		Limit: rapid.OneOf(units(1, kv.MaxUnits), rapid.Int64Range(1, 9)).Draw(t, "limit"),
		Per:   time.Duration(units(int64(time.Millisecond), int64(kv.MaxPer)).Draw(t, "per")),
		Burst: rapid.OneOf(rapid.Just(int64(0)), units(0, kv.MaxUnits)).Draw(t, "burst"),
	}
}).Filter(func(r kv.Rule) bool { return r.Check() == nil })

// latest is a time, in nanoseconds, after which the sum of a time and ten years no longer fits; it is in the year 2251.
const latest = 8_900_000_000_000_000_000

// The functions in the database are those of package kv, for every state, rule and time.
func TestTheDatabaseTakesAsTheRuleSays(t *testing.T) {
	s := open(t, postgres.Options{Namespace: "rules"})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL())
	type answer struct {
		State    kv.RateState
		Deadline int64
		Allowed  bool
		Left     int64
		Retry    time.Duration
	}
	// Rapid draws some cases for each of its own checks, so that 100 of them are thousands.
	cases := 200
	if kvtest.Proof() {
		cases = 2000
	}
	rapid.Check(t, func(rt *rapid.T) {
		var b pgx.Batch
		var got, want []answer
		var told []string
		for range cases {
			r := rules.Draw(rt, "rule")
			now := rapid.OneOf(rapid.Int64Range(1_600_000_000_000_000_000, 2_000_000_000_000_000_000), units(0, latest)).Draw(rt, "now")
			near := rapid.OneOf(
				rapid.Int64Range(-3*int64(r.Per), 3*int64(r.Per)),
				rapid.Custom(func(t *rapid.T) int64 { // the edges of windows
					return rapid.Int64Range(-2, 2).Draw(t, "windows")*int64(r.Per) + rapid.Int64Range(-1, 1).Draw(t, "beside")
				}),
			).Draw(rt, "near")
			st := kv.RateState{Start: rapid.OneOf(rapid.Just(min(max(now+near, 0), latest)), units(0, latest)).Draw(rt, "start")}
			sql := `SELECT * FROM rules.sliding($1, $2, $3, $4, $5, $6, $7, $8, $9)`
			cost := rapid.OneOf(rapid.Int64Range(0, 10), units(0, 1<<62), units(0, r.Limit), units(0, max(r.Burst, 1))).Draw(rt, "cost")
			args := []any{r.Limit, int64(r.Per), now, cost}
			if r.Burst > 0 {
				sql = `SELECT * FROM rules.gcra($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
				args = []any{r.Limit, int64(r.Per), r.Burst, now, cost}
				st.Cur = units(0, r.Limit-1).Draw(rt, "part")
			} else {
				counts := rapid.OneOf(units(0, r.Limit), rapid.Int64Range(max(r.Limit/2-2, 0), min(r.Limit/2+2, r.Limit)))
				st.Prev, st.Cur = counts.Draw(rt, "before"), counts.Draw(rt, "this")
				per := int64(r.Per)
				age := ((now-st.Start)%per + per) % per
				half := rapid.OneOf(units(0, per-1), rapid.Int64Range(max(age-2, 0), min(age+3, per-1)))
				if st.Prev >= r.Limit-r.Limit/2 {
					st.PrevHalf = half.Draw(rt, "half before")
				}
				if st.Cur >= r.Limit-r.Limit/2 {
					st.CurHalf = half.Draw(rt, "half")
				}
			}
			next, deadline, d := r.Take(st, now, cost)
			want = append(want, answer{next, deadline, d.Allowed, d.Remaining, d.RetryAfter})
			told = append(told, fmt.Sprintf("%v, %+v, at %d, cost %d", r, st, now, cost))
			b.Queue(sql, append([]any{st.Start, st.Prev, st.Cur, st.PrevHalf, st.CurHalf}, args...)...).QueryRow(func(row pgx.Row) error {
				var a answer
				defer func() { got = append(got, a) }()
				return row.Scan(&a.State.Start, &a.State.Prev, &a.State.Cur, &a.State.PrevHalf, &a.State.CurHalf, &a.Deadline, &a.Allowed, &a.Left, (*int64)(&a.Retry))
			})
		}
		if err := c.SendBatch(t.Context(), &b).Close(); err != nil {
			rt.Fatalf("case %d: %v", len(got), err)
		}
		for i := range got {
			if diff := cmp.Diff(want[i], got[i]); diff != "" {
				rt.Fatalf("%s (-rule +database):\n%s", told[i], diff)
			}
		}
	})
}

// longest is a pause of which a whole test's worth ends before the times that nanoseconds can say.
const longest = int64(30 * 24 * time.Hour)

// A long run of questions to one store is answered as one that keeps the states in a map.
func TestRunsOfQuestionsAgreeWithTheRule(t *testing.T) {
	clock := kvtest.NewClock()
	s := open(t, postgres.Options{Now: clock.Now})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		k := kv.Key{Prefix: kv.ScriptRate, Name: fmt.Sprint(run)}
		r := rules.Draw(rt, "rule")
		var st kv.RateState
		for range 20 {
			cost := rapid.OneOf(rapid.Int64Range(0, 3), units(0, max(r.Limit, r.Burst))).Draw(rt, "cost")
			peek := rapid.Bool().Draw(rt, "peek")
			next, _, want := r.Take(st, clock.Now().UnixNano(), cost)
			got, err := s.Rate(t.Context(), k, r, cost, peek)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				rt.Fatalf("%v, %+v, cost %d: %v\n%s", r, st, cost, err, diff)
			}
			if want.Allowed && !peek {
				st = next
			}
			clock.Advance(time.Duration(units(0, min(int64(r.Per), longest)).Draw(rt, "pause")))
		}
	})
}
