package runtime

import (
	"fmt"

	"github.com/sluice-mail/sluice/kv"
)

func init() {
	register(Function{
		Name:   "rate_limit",
		Family: "rate",
		Doc: "Takes from the allowance of key and returns a map: `allowed` (bool), `limit` and `remaining` (units), " +
			"`retry_after` (seconds until cost would be allowed, rounded up; 0 if allowed). What is not allowed " +
			"takes nothing. `\"100/1h\"` is a sliding window: at most 100 in any hour. `\"100/1h burst 20\"` lets 20 " +
			"through at once and one more every 36 s.",
		Params: []Param{storeParam, keyParam,
			{Name: "rule", Kind: String, Doc: "units/time, such as `\"100/1h\"` or `\"100/1h burst 20\"`"},
			{Name: "cost", Kind: Int, Optional: true, Default: int64(1), Doc: "units to take, 1 if left out; 0 only asks"}},
		Result: Map, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `rate_limit("", "k", "2/1h")`, Want: `{"allowed": true, "limit": 2, "remaining": 1, "retry_after": 0}`},
			{Setup: []string{`rate_limit("", "k", "2/1h", 2)`}, Code: `rate_limit("", "k", "2/1h").allowed`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			rule, err := kv.ParseRule(a.String(2))
			if err != nil {
				return nil, err
			}
			cost := a.Int(3)
			if cost < 0 {
				return nil, fmt.Errorf("rate_limit: cost of %d units", cost)
			}
			s, k, err := e.key(kv.ScriptRate, a)
			if err != nil {
				return nil, err
			}
			d, err := s.Rate(e.Context, k, rule, cost, cost == 0)
			if err != nil {
				return nil, err
			}
			return map[string]Value{
				"allowed": d.Allowed, "limit": d.Limit, "remaining": d.Remaining,
				"retry_after": seconds(d.RetryAfter),
			}, nil
		},
	})
}
