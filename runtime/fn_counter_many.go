package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-mail/sluice/kv"
)

func init() {
	register(Function{
		Name:   "counter_add_many",
		Family: "counter",
		Doc: "Adds to many counters and returns their new numbers: for a list of keys, each of which gets 1, a list in their order; for a map of keys and what " +
			"to add, a map. Each counter is changed by itself, as by `counter_incr`: others may see some changed and some not. A key that repeats in a list is added to " +
			"as often. A counter that would overflow keeps its number and is an error, after the others were added to." + manyCost + " and write.",
		Params: []Param{storeParam, {Name: "counters", Kind: Any, Doc: "list of keys, or map of keys and whole numbers"}, ttlParam},
		Result: Any, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `counter_add_many("", ["a", "b"])`, Want: `[1, 1]`},
			{Code: `counter_add_many("", {"a": 2, "b": -3})`, Want: `{"a": 2, "b": -3}`},
			{Code: `counter_add_many("", ["a", "a", "b"])`, Want: `[1, 2, 1]`},
			{Code: `counter_add_many("", [])`, Want: `[]`},
			{Setup: []string{`counter_incr("", "a", 5)`}, Code: `counter_add_many("", {"a": 0, "new": 1}, "1h")`, Want: `{"a": 5, "new": 1}`},
			{Setup: []string{`counter_add_many("", ["a", "b"], "1h")`}, Code: `counter_ttl("", "b")`, Want: `3600`},
			{Setup: []string{`counter_add_many("", {"a": 2})`}, Code: `counter_get("", "a")`, Want: `2`},
			{Code: `counter_add_many("", {"a": "x"})`, Error: `counter_add_many: key "a": expected int, got string`},
			{Code: `counter_add_many("", "a")`, Error: `counter_add_many: argument 2 (counters): expected list or map, got string`},
			{Setup: []string{`counter_incr("", "a", 4611686018427387904)`}, Code: `counter_add_many("", {"a": 4611686018427387904})`, Error: `counter_add_many: counter overflow`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkTTL(a.Duration(2))
			if err != nil {
				return nil, err
			}
			list, isList := a[1].([]Value)
			counters, isMap := a[1].(map[string]Value)
			if !isList && !isMap {
				kind, _ := KindOf(a[1])
				return nil, fmt.Errorf("argument 2 (counters): expected list or map, got %s", kind)
			}
			if isMap {
				for _, name := range slices.Sorted(maps.Keys(counters)) {
					list = append(list, name)
				}
			}
			names, err := e.names(list, true)
			if err != nil {
				return nil, err
			}
			s, _, err := e.Store(a.String(0), kv.ScriptCounter, "")
			if err != nil {
				return nil, err
			}
			adds := make([]kv.Addition, len(names))
			for i, name := range names {
				adds[i] = kv.Addition{Key: ScriptKey(kv.ScriptCounter, e.View.Namespace, name), By: 1}
				if isMap {
					by, err := convert(counters[name], Int)
					if err != nil {
						return nil, fmt.Errorf("key %q: %w", cut(name, 60), err)
					}
					adds[i].By = by.(int64)
				}
			}
			numbers, err := e.addMany(s, adds, func(ctx context.Context) ([]int64, error) { return kv.IncrMany(ctx, s, adds, ttl) })
			if err != nil {
				return nil, err
			}
			if isMap {
				out := make(map[string]Value, len(numbers))
				for i, n := range numbers {
					out[names[i]] = n
				}
				return out, nil
			}
			out := make([]Value, len(numbers))
			for i, n := range numbers {
				out[i] = n
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "counter_get_many",
		Family: "counter",
		Doc:    "Returns the numbers of counters as a list in the order of keys, with 0 where there is none." + manyCost + ".",
		Params: []Param{storeParam, keysParam},
		Result: List, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `counter_get_many("", ["absent", "absent"])`, Want: `[0, 0]`},
			{Setup: []string{`counter_incr("", "a", 5)`, `counter_incr("", "b", -1)`}, Code: `counter_get_many("", ["b", "x", "a"])`, Want: `[-1, 0, 5]`},
			{Code: `counter_get_many("", [null])`, Error: `counter_get_many: key 1: expected string, got null`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			names, err := e.names(a.List(1), false)
			if err != nil {
				return nil, err
			}
			s, _, err := e.Store(a.String(0), kv.ScriptCounter, "")
			if err != nil {
				return nil, err
			}
			rows, err := e.rows(s, kv.ScriptCounter, names)
			if err != nil {
				return nil, err
			}
			out := make([]Value, len(rows))
			for i, row := range rows {
				n := int64(0)
				if row.Bytes != nil {
					if n, err = kv.ParseCounter(row.Bytes); err != nil {
						return nil, fmt.Errorf("key %q: %w", cut(names[i], 60), err)
					}
				}
				out[i] = n
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "counter_delete",
		Family: "counter",
		Doc:    "Removes a counter and says whether it was there. It begins again at 0, with a new time.",
		Params: []Param{storeParam, keyParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `counter_delete("", "absent")`, Want: `false`},
			{Setup: []string{`counter_incr("", "c", 5)`}, Code: `counter_delete("", "c")`, Want: `true`},
			{Setup: []string{`counter_incr("", "c", 5)`, `counter_delete("", "c")`}, Code: `counter_incr("", "c")`, Want: `1`},
			{Setup: []string{`key_set("", "c", 5)`, `counter_delete("", "c")`}, Code: `key_get("", "c")`, Want: `5`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.ScriptCounter, a)
			if err != nil {
				return nil, err
			}
			return bools(e.remove(s, k))
		},
	})
	register(Function{
		Name:   "counter_ttl",
		Family: "counter",
		Doc:    "Returns the seconds that a counter has left, rounded up; 0 if it stays for ever, null if there is none.",
		Params: []Param{storeParam, keyParam},
		Result: Int, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `counter_ttl("", "absent")`, Want: `null`},
			{Setup: []string{`counter_incr("", "c")`}, Code: `counter_ttl("", "c")`, Want: `0`},
			{Setup: []string{`counter_incr("", "c", 1, "1h")`, `counter_incr("", "c", 1, "2h")`}, Code: `counter_ttl("", "c")`, Want: `3600`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.ScriptCounter, a)
			if err != nil {
				return nil, err
			}
			return e.left(s.Get(e.Context, k))
		},
	})
}

// addMany does additions, if the account has room for the counters that begin with them.
func (e *Env) addMany(s kv.Store, adds []kv.Addition, do func(context.Context) ([]int64, error)) ([]int64, error) {
	q := e.quotas()
	if q == nil {
		return do(e.Context)
	}
	var ks []kv.Key
	seen := map[kv.Key]bool{}
	for _, a := range adds {
		if !seen[a.Key] {
			seen[a.Key], ks = true, append(ks, a.Key)
		}
	}
	rows, err := s.GetMany(e.Context, ks)
	if err != nil {
		return nil, err
	}
	var more size
	for i, row := range rows {
		if row.Bytes == nil {
			more.add(rowSize(kv.ScriptCounter, len(ks[i].Name)-len(e.View.Namespace)-1, nil))
		}
	}
	made, err := q.claim(e.Context, s, e.View.Namespace, e.Clock(), more)
	if err != nil {
		return nil, err
	}
	numbers, err := do(e.Context)
	made(true)
	return numbers, err
}
