package runtime

import (
	"github.com/sluice-mail/sluice/kv"
)

func init() {
	register(Function{
		Name:   "counter_get",
		Family: "counter",
		Doc:    "Returns the number of a counter; 0 if there is none or its time is over. Counters and values never share a key.",
		Params: []Param{storeParam, keyParam},
		Result: Int, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `counter_get("", "absent")`, Want: `0`},
			{Setup: []string{`counter_incr("", "c", 5)`}, Code: `counter_get("", "c")`, Want: `5`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.ScriptCounter, a)
			if err != nil {
				return nil, err
			}
			return ints(s.Counter(e.Context, k))
		},
	})
	register(Function{
		Name:   "counter_incr",
		Family: "counter",
		Doc: "Adds to a counter and returns its new number. Its time begins with the first increment, and later " +
			"ones do not prolong it: a counter with `\"1h\"` counts what happens within an hour.",
		Params: []Param{storeParam, keyParam,
			{Name: "by", Kind: Int, Optional: true, Default: int64(1), Doc: "what to add, 1 if left out; may be negative"},
			ttlParam},
		Result: Int, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `counter_incr("", "c")`, Want: `1`},
			{Setup: []string{`counter_incr("", "c", 5)`}, Code: `counter_incr("", "c", -2, "1h")`, Want: `3`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkTTL(a.Duration(3))
			if err != nil {
				return nil, err
			}
			s, k, err := e.key(kv.ScriptCounter, a)
			if err != nil {
				return nil, err
			}
			var n int64
			_, err = e.within(s, k, nil, func() (_ bool, err error) {
				n, err = s.Incr(e.Context, k, a.Int(2), ttl)
				return err == nil, err
			})
			return ints(n, err)
		},
	})
}

// ints is an integral result that is null where there is an error.
func ints(n int64, err error) (Value, error) {
	if err != nil {
		return nil, err
	}
	return n, nil
}
