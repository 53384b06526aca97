package runtime

import (
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/kv"
)

// keysParam is a list of keys.
var keysParam = Param{Name: "keys", Kind: List, Doc: "at most 1000 keys, as for `key`"}

// manyCost is what the docs of functions say that take many keys.
const manyCost = " More than 1000 keys end the run. Each 100 keys beyond the first 100 count as one more operation"

func init() {
	register(Function{
		Name:   "key_get_many",
		Family: "kv",
		Doc: "Returns the values under keys as a list in their order, with null where there is none. They are read at once, but are not of one " +
			"moment." + manyCost + ", and values of more octets than a run may make are too many.",
		Params: []Param{storeParam, keysParam},
		Result: List, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `key_get_many("", [])`, Want: `[]`},
			{Code: `key_get_many("", ["absent"])`, Want: `[null]`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", "two")`}, Code: `key_get_many("", ["b", "x", "a", "b"])`, Want: `["two", null, 1, "two"]`},
			{Setup: []string{`key_set("", "m", [1, [2]])`}, Code: `key_get_many("", ["m"])`, Want: `[[1, [2]]]`},
			{Setup: []string{`counter_incr("", "c")`}, Code: `key_get_many("", ["c"])`, Want: `[null]`},
			{Code: `key_get_many("", ["a", 1])`, Error: `key_get_many: key 2: expected string, got int`},
			{Code: `key_get_many("", ["a", ""])`, Error: `key_get_many: key 2: key is empty`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			names, err := e.names(a.List(1), false)
			if err != nil {
				return nil, err
			}
			s, _, err := e.Store(a.String(0), kv.Script, "")
			if err != nil {
				return nil, err
			}
			rows, err := e.rows(s, kv.Script, names)
			if err != nil {
				return nil, err
			}
			return values(rows, names)
		},
	})
	register(Function{
		Name:   "key_list",
		Family: "kv",
		Doc: "Lists the script's own keys that begin with prefix, in the order of their octets, a page at a time, and returns a map: `keys`, `cursor` (what " +
			"the next call has to be given, null after the last page) and, if asked for, `values` in the order of the keys. A page may have fewer keys " +
			"than its limit, or none, and not be the last. Keys that are there from the first page to the last are seen once. Counters, rate limits and locks are not listed. " +
			"Each 100 keys of a page beyond the first 100 count as one more operation.",
		Params: []Param{storeParam,
			{Name: "prefix", Kind: String, Optional: true, Default: "", Doc: "what the keys begin with; all of them if left out"},
			{Name: "options", Kind: Map, Optional: true, Doc: "`limit`: keys of a page, 100 if left out, 1 to 1000; `cursor`: that of the page before; `values`: true returns the values, too"}},
		Result: Map, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `key_list("")`, Want: `{"keys": [], "cursor": null}`},
			{Setup: []string{`key_set("", "b", 1)`, `key_set("", "a", 2)`}, Code: `key_list("")`, Want: `{"keys": ["a", "b"], "cursor": null}`},
			{Setup: []string{`key_set("", "x/1", 1)`, `key_set("", "y/1", 2)`}, Code: `key_list("", "x/").keys`, Want: `["x/1"]`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", "two")`}, Code: `key_list("", "", {"values": true}).values`, Want: `[1, "two"]`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", 2)`}, Code: `key_list("", "", {"limit": 1}).keys`, Want: `["a"]`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", 2)`}, Code: `key_list("", "", {"limit": 1}).cursor`, Want: `"cYQ"`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", 2)`}, Code: `key_list("", "", {"limit": 1, "cursor": "cYQ"}).keys`, Want: `["b"]`},
			{Setup: []string{`counter_incr("", "c")`}, Code: `key_list("").keys`, Want: `[]`},
			{Code: `key_list("", "", {"limit": 0})`, Error: `key_list: option limit: 0 is not 1 to 1000`},
			{Code: `key_list("", "", {"cursor": "elsewhere"})`, Error: `key_list: option cursor: not one that key_list returned`},
			{Code: `key_list("", "", {"page": 2})`, Error: `key_list: unknown option "page"; known are cursor, limit, values`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			opts, err := optionsOf(a.Map(2), map[string]Kind{"limit": Int, "cursor": String, "values": Bool})
			if err != nil {
				return nil, err
			}
			limit, given := opts["limit"].(int64)
			if !given {
				limit = opKeys
			}
			if limit < 1 || limit > MaxManyKeys {
				return nil, fmt.Errorf("option limit: %d is not 1 to %d", limit, MaxManyKeys)
			}
			s, _, err := e.Store(a.String(0), kv.Script, "")
			if err != nil {
				return nil, err
			}
			cursor, _ := opts["cursor"].(string)
			p, err := e.listPage(s, kv.Script, a.String(1), cursor, int(limit))
			if err != nil {
				return nil, err
			}
			keys := make([]Value, len(p.keys))
			for i, k := range p.keys {
				keys[i] = k
			}
			out := map[string]Value{"keys": keys, "cursor": nil}
			if p.cursor != "" {
				out["cursor"] = p.cursor
			}
			if with, _ := opts["values"].(bool); with {
				out["values"], err = values(p.rows, p.keys)
			}
			return out, err
		},
	})
	register(Function{
		Name:   "key_delete_prefix",
		Family: "kv",
		Doc: "Removes the script's own keys that begin with prefix, and returns how many there were. An empty prefix is an error unless `all` is true: a variable " +
			"that is empty by mistake shall not remove everything. Counters, rate limits and locks stay. Each 100 keys that went, beyond the first 100, count " +
			"as one more operation and write. What went before the run's time was over stays removed; the next call goes on.",
		Params: []Param{storeParam, {Name: "prefix", Kind: String, Doc: "what the keys begin with"},
			{Name: "all", Kind: Bool, Optional: true, Default: false, Doc: "whether an empty prefix is meant"}},
		Result: Int, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `key_delete_prefix("", "absent/")`, Want: `0`},
			{Setup: []string{`key_set("", "x/1", 1)`, `key_set("", "x/2", 1)`, `key_set("", "y", 1)`}, Code: `key_delete_prefix("", "x/")`, Want: `2`},
			{Setup: []string{`key_set("", "x/1", 1)`, `key_set("", "y", 1)`, `key_delete_prefix("", "x/")`}, Code: `key_list("").keys`, Want: `["y"]`},
			{Setup: []string{`key_set("", "a", 1)`, `key_set("", "b", 1)`}, Code: `key_delete_prefix("", "", true)`, Want: `2`},
			{Setup: []string{`counter_incr("", "c", 4)`, `key_delete_prefix("", "", true)`}, Code: `counter_get("", "c")`, Want: `4`},
			{Code: `key_delete_prefix("", "")`, Error: `key_delete_prefix: prefix is empty; all keys go only if the third argument is true`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			prefix := a.String(1)
			if prefix == "" && !a.Bool(2) {
				return nil, errors.New("prefix is empty; all keys go only if the third argument is true")
			}
			if prefix != "" {
				if err := checkKey(e.View.Namespace, prefix); err != nil {
					return nil, err
				}
			}
			s, k, err := e.Store(a.String(0), kv.Script, prefix)
			if err != nil {
				return nil, err
			}
			if q := e.quotas(); q != nil {
				defer q.removed(e.Context, s, e.View.Namespace)
			}
			n, err := s.DeletePrefix(e.Context, k.Prefix, k.Name)
			if err != nil {
				return nil, err
			}
			return int64(n), e.cost(n, true)
		},
	})
}

// values decodes rows, of which those without octets are null.
func values(rows []kv.Value, names []string) (Value, error) {
	out := make([]Value, len(rows))
	for i, row := range rows {
		if row.Bytes == nil {
			continue
		}
		v, err := DecodeValue(row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", cut(names[i], 60), err)
		}
		out[i] = v
	}
	return out, nil
}
