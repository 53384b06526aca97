package runtime

import (
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var ruleParam = Param{Name: "rule", Kind: String, Doc: "units/time, such as `\"100/1h\"` or `\"100/1h burst 20\"`"}

func init() {
	register(Function{
		Name:   "rate_limit",
		Family: "rate",
		Doc: "Takes from the allowance of key and returns a map: `allowed` (bool), `limit` and `remaining` (units), " +
			"`retry_after` (seconds until cost would be allowed, rounded up; 0 if allowed). What is not allowed " +
			"takes nothing. `\"100/1h\"` is a sliding window: at most 100 in any hour. `\"100/1h burst 20\"` lets 20 " +
			"through at once and one more every 36 s.",
		Params: []Param{storeParam, keyParam,
			ruleParam,
			{Name: "cost", Kind: Int, Optional: true, Default: int64(1), Doc: "units to take, 1 if left out; 0 only asks"}},
		Result: Map, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `rate_limit("", "k", "2/1h")`, Want: `{"allowed": true, "limit": 2, "remaining": 1, "retry_after": 0}`},
			{Setup: []string{`rate_limit("", "k", "2/1h", 2)`}, Code: `rate_limit("", "k", "2/1h").allowed`, Want: `false`},
			{Code: `rate_limit("", "k", "10/1m", 4).remaining`, Want: `6`},
			{Code: `rate_limit("", "k", "10/1m", 11).allowed`, Want: `false`},
			{Setup: []string{`rate_limit("", "k", "2/1h", 3)`}, Code: `rate_limit("", "k", "2/1h", 0).remaining`, Want: `2`},
			{Setup: []string{`rate_limit("", "k", "2/1h", 2)`}, Code: `rate_limit("", "k", "3/1h").remaining`, Want: `2`},
			{Code: `rate_limit("", "k", "often")`, Error: `rate_limit: invalid argument: rate "often": has no /; want units/time such as 100/1h or 100/1h burst 20`},
			{Code: `rate_limit("", "k", "2/1h", -1)`, Error: `rate_limit: cost of -1 units`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.rate(a, a.Int(3) == 0) },
	})
	register(Function{
		Name:   "rate_peek",
		Family: "rate",
		Doc: "Returns what `rate_limit` would for the same rule and cost, and takes nothing: `allowed` says whether cost would be allowed now, `remaining` what " +
			"would then be left. Another may take it before this script does.",
		Params: []Param{storeParam, keyParam, ruleParam,
			{Name: "cost", Kind: Int, Optional: true, Default: int64(1), Doc: "units to ask for, 1 if left out"}},
		Result: Map, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `rate_peek("", "k", "2/1h")`, Want: `{"allowed": true, "limit": 2, "remaining": 1, "retry_after": 0}`},
			{Setup: []string{`rate_peek("", "k", "2/1h")`}, Code: `rate_limit("", "k", "2/1h").remaining`, Want: `1`},
			{Setup: []string{`rate_limit("", "k", "2/1h")`}, Code: `rate_peek("", "k", "2/1h", 2).allowed`, Want: `false`},
			{Setup: []string{`rate_limit("", "k", "2/1h")`}, Code: `rate_peek("", "k", "2/1h", 2).remaining`, Want: `1`},
			{Setup: []string{`rate_limit("", "k", "2/1h", 2)`}, Code: `rate_peek("", "other", "2/1h").allowed`, Want: `true`},
			{Setup: []string{`rate_limit("", "k", "3/1h burst 5", 4)`}, Code: `rate_peek("", "k", "3/1h burst 5", 0).remaining`, Want: `1`},
			{Code: `rate_peek("", "k", "2/1h", -1)`, Error: `rate_peek: cost of -1 units`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.rate(a, true) },
	})
}

// rate does rate_limit, or with peek rate_peek.
func (e *Env) rate(a Args, peek bool) (Value, error) {
	rule, err := kv.ParseRule(a.String(2))
	if err != nil {
		return nil, err
	}
	cost := a.Int(3)
	if cost < 0 {
		return nil, fmt.Errorf("cost of %d units", cost)
	}
	s, k, err := e.key(kv.ScriptRate, a)
	if err != nil {
		return nil, err
	}
	q := e.quotas()
	if peek {
		q = nil
	}
	began := false
	if q != nil {
		now := e.Clock()
		if began, err = q.claimOther(e.Context, s, k, rule.String(), e.View.Namespace, now, now.Add(lifeOf(rule))); err != nil {
			return nil, err
		}
	}
	d, err := s.Rate(e.Context, k, rule, cost, peek)
	if err != nil {
		return nil, err
	}
	if began && !d.Allowed && d.Remaining == d.Limit {
		q.dropOther(e.Context, s, k, rule.String(), e.View.Namespace) // nothing was kept
	}
	return map[string]Value{
		"allowed": d.Allowed, "limit": d.Limit, "remaining": d.Remaining,
		"retry_after": seconds(d.RetryAfter),
	}, nil
}

// lifeOf is how long an allowance is kept at most after it was used.
func lifeOf(r kv.Rule) time.Duration {
	if r.Burst == 0 {
		return 2 * r.Per
	}
	return r.Per + time.Duration(min(float64(r.Burst)/float64(r.Limit)*float64(r.Per), float64(10*kv.MaxPer)))
}
