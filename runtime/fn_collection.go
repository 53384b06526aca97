package runtime

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// keys, values, reverse, concat, first, last and get take the place of the builtins that expr
// has by these names.

func init() {
	list := Param{Name: "list", Kind: List, Doc: "list"}
	aMap := Param{Name: "map", Kind: Map, Doc: "map"}
	register(Function{
		Name:   "get",
		Family: "list",
		Doc: "Returns the value of a map under a name, or the element of a list with an index, counted from 0, or below 0 from the end. " +
			"A list of names and indexes is a way through maps and lists in each other. What is not there, or lies in something that has no parts, is otherwise.",
		Params: []Param{{Name: "in", Kind: Any, Doc: "map, list or anything else"}, {Name: "key", Kind: Any, Doc: "name, index, or a list of them"},
			{Name: "otherwise", Kind: Any, Optional: true, Doc: "what to return if it is not there; left out: null"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `get({"a": 1}, "a")`, Want: `1`}, {Code: `get({"a": 1}, "b", 0)`, Want: `0`}, {Code: `get(["x", "y"], 1)`, Want: `"y"`}, {Code: `get(["x", "y"], -1)`, Want: `"y"`},
			{Code: `get(["x"], 5)`, Want: `null`}, {Code: `get(null, "a", "-")`, Want: `"-"`}, {Code: `get({"a": null}, "a", 1)`, Want: `null`},
			{Code: `get({"a": [{"b": 7}]}, ["a", 0, "b"])`, Want: `7`}, {Code: `get({"a": 1}, ["a", "b"], "none")`, Want: `"none"`}, {Code: `get({"a": 1}, [])`, Want: `{"a": 1}`},
			{Code: `get({"a": 1}, 1)`, Error: `get: a map has names, not int`}, {Code: `get([1], "a")`, Error: `get: a list has indexes, not string`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			way, ok := a[1].([]Value)
			if !ok {
				way = []Value{a[1]}
			}
			v := a[0]
			for _, key := range way {
				var there bool
				var err error
				if v, there, err = element(v, key); err != nil {
					return nil, err
				} else if !there {
					return a[2], nil
				}
			}
			return v, nil
		},
	})
	register(Function{
		Name:   "keys",
		Family: "list",
		Doc:    "Returns the names of a map in byte order.",
		Params: []Param{aMap},
		Result: List, Trust: User,
		Examples: []Example{{Code: `keys({"b": 1, "a": 2})`, Want: `["a", "b"]`}, {Code: `keys({})`, Want: `[]`},
			{Code: `keys([1])`, Error: `keys: argument 1 (map): expected map, got list`}},
		Call: func(_ *Env, a Args) (Value, error) { return sortedKeys(a.Map(0)), nil },
	})
	register(Function{
		Name:   "values",
		Family: "list",
		Doc:    "Returns the values of a map in the byte order of their names.",
		Params: []Param{aMap},
		Result: List, Trust: User,
		Examples: []Example{{Code: `values({"b": 1, "a": 2})`, Want: `[2, 1]`}, {Code: `values({})`, Want: `[]`}},
		Call: func(_ *Env, a Args) (Value, error) {
			m := a.Map(0)
			out := sortedKeys(m)
			for i, k := range out {
				out[i] = m[k.(string)]
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "merge",
		Family: "list",
		Doc:    "Returns a map with the entries of all maps; of equal names the last counts. Null counts as an empty map.",
		Params: []Param{{Name: "maps", Kind: Any, Rest: true, Doc: "maps"}},
		Result: Map, Trust: User,
		Examples: []Example{
			{Code: `merge({"a": 1, "b": 1}, {"b": 2})`, Want: `{"a": 1, "b": 2}`}, {Code: `merge()`, Want: `{}`}, {Code: `merge({"a": 1}, null)`, Want: `{"a": 1}`},
			{Code: `merge({"a": {"x": 1}}, {"a": {"y": 2}})`, Want: `{"a": {"y": 2}}`}, {Code: `merge({}, 1)`, Error: `merge: argument 2 (maps): expected map, got int`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			out := map[string]Value{}
			for i, v := range a.Rest(0) {
				m, ok := v.(map[string]Value)
				if !ok && v != nil {
					k, _ := KindOf(v)
					return nil, fmt.Errorf("merge: argument %d (maps): expected map, got %s", i+1, k)
				}
				maps.Copy(out, m)
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "slice",
		Family: "list",
		Doc:    "Returns the elements of a list from index from on up to, but without, index to. An index below 0 counts from the end; what lies outside is left out.",
		Params: []Param{list, {Name: "from", Kind: Int, Doc: "index, counted from 0"}, {Name: "to", Kind: Int, Optional: true, Doc: "index; left out: the end"}},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `slice([1, 2, 3, 4], 1, 3)`, Want: `[2, 3]`}, {Code: `slice([1, 2, 3], -2)`, Want: `[2, 3]`}, {Code: `slice([1, 2, 3], 0, -1)`, Want: `[1, 2]`},
			{Code: `slice([1], 5)`, Want: `[]`}, {Code: `slice([1, 2], -9, 9)`, Want: `[1, 2]`}, {Code: `slice([1, 2], 1, 0)`, Want: `[]`},
			{Code: `slice("ab", 1)`, Error: `slice: argument 1 (list): expected list, got string`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			n := int64(len(a.List(0)))
			place := func(i int64) int64 {
				if i < 0 {
					i += n
				}
				return min(max(i, 0), n)
			}
			from, to := place(a.Int(1)), n
			if a[2] != nil {
				to = place(a.Int(2))
			}
			return slices.Clone(a.List(0)[from:max(from, to)]), nil
		},
	})
	register(Function{
		Name:   "reverse",
		Family: "list",
		Doc:    "Returns the list with the last element first.",
		Params: []Param{list},
		Result: List, Trust: User,
		Examples: []Example{{Code: `reverse([1, 2, 3])`, Want: `[3, 2, 1]`}, {Code: `reverse([])`, Want: `[]`},
			{Code: `reverse("abc")`, Error: `reverse: argument 1 (list): expected list, got string`}},
		Call: func(_ *Env, a Args) (Value, error) {
			out := slices.Clone(a.List(0))
			slices.Reverse(out)
			return out, nil
		},
	})
	register(Function{
		Name:   "concat",
		Family: "list",
		Doc:    "Returns the elements of all lists as one list. A value that is no list counts as a list of one; null as an empty one.",
		Params: []Param{{Name: "lists", Kind: Any, Rest: true, Doc: "lists or values"}},
		Result: List, Trust: User,
		Examples: []Example{{Code: `concat([1], [2, 3])`, Want: `[1, 2, 3]`}, {Code: `concat([1], "x", null, [[2]])`, Want: `[1, "x", [2]]`}, {Code: `concat()`, Want: `[]`}},
		Call: func(e *Env, a Args) (Value, error) {
			out := []Value{}
			for _, v := range a.Rest(0) {
				if v != nil {
					out = append(out, asList(v)...)
				}
				if err := e.holds(len(out)); err != nil {
					return nil, err
				}
			}
			return out, nil
		},
	})
	for _, f := range []struct {
		name, doc string
		at        int64
		examples  []Example
	}{
		{"first", "Returns the first element of a list, or null if it has none.", 0, []Example{{Code: `first(["a", "b"])`, Want: `"a"`}, {Code: `first([])`, Want: `null`},
			{Code: `first("ab")`, Error: `first: argument 1 (list): expected list, got string`}}},
		{"last", "Returns the last element of a list, or null if it has none.", -1, []Example{{Code: `last(["a", "b"])`, Want: `"b"`}, {Code: `last([])`, Want: `null`}}},
	} {
		register(Function{
			Name: f.name, Family: "list", Doc: f.doc, Params: []Param{list}, Result: Any, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) {
				v, _, err := element(a[0], f.at)
				return v, err
			},
		})
	}
	for _, f := range []struct {
		name, doc string
		text      func(s, part string) int
		list      func(list []Value, v Value) int
		examples  []Example
	}{
		{"index_of", "Returns where a text first holds a part, in characters counted from 0, or which element of a list is the first that a value equals; -1 if there is none.",
			strings.Index, func(list []Value, v Value) int {
				return slices.IndexFunc(list, func(e Value) bool { return Equal(e, v) })
			}, []Example{
				{Code: `index_of("grün, rot", "rot")`, Want: `6`}, {Code: `index_of("abc", "x")`, Want: `-1`}, {Code: `index_of("abc", "")`, Want: `0`}, {Code: `index_of(["a", "b", "b"], "b")`, Want: `1`}, {Code: `index_of([1, "1"], "1")`, Want: `1`},
				{Code: `index_of("abc", 1)`, Error: `index_of: argument 2 (what): expected string, got int`}, {Code: `index_of(1, 1)`, Error: `index_of: argument 1 (in): expected string or list, got int`},
			}},
		{"last_index_of", "Returns where a text last holds a part, in characters counted from 0, or which element of a list is the last that a value equals; -1 if there is none.",
			strings.LastIndex, func(list []Value, v Value) int {
				for i, e := range slices.Backward(list) {
					if Equal(e, v) {
						return i
					}
				}
				return -1
			}, []Example{{Code: `last_index_of("ü.a.b", ".")`, Want: `3`}, {Code: `last_index_of("abc", "")`, Want: `3`}, {Code: `last_index_of([1, 2, 1], 1)`, Want: `2`}, {Code: `last_index_of([], 1)`, Want: `-1`}}},
	} {
		register(Function{
			Name: f.name, Family: "list", Doc: f.doc, Result: Int, Trust: User, Examples: f.examples,
			Params: []Param{{Name: "in", Kind: Any, Doc: "text, or a list"}, {Name: "what", Kind: Any, Doc: "the part, or the element"}},
			Call: func(_ *Env, a Args) (Value, error) {
				switch in := a[0].(type) {
				case string:
					part, err := convert(a[1], String)
					if err != nil {
						return nil, fmt.Errorf("%s: argument 2 (what): %w", f.name, err)
					}
					i := f.text(in, part.(string))
					return int64(utf8.RuneCountInString(in[:max(i, 0)]) + min(i, 0)), nil
				case []Value:
					return int64(f.list(in, a[1])), nil
				}
				k, _ := KindOf(a[0])
				return nil, fmt.Errorf("%s: argument 1 (in): expected string or list, got %s", f.name, k)
			},
		})
	}
}

// element returns the part of a map or list that has a name or an index.
func element(v, key Value) (part Value, there bool, err error) {
	k, _ := KindOf(key)
	switch v := v.(type) {
	case map[string]Value:
		name, ok := key.(string)
		if !ok {
			return nil, false, fmt.Errorf("get: a map has names, not %s", k)
		}
		part, there = v[name]
		return part, there, nil
	case []Value:
		at, err := convert(key, Int)
		if err != nil {
			return nil, false, fmt.Errorf("get: a list has indexes, not %s", k)
		}
		i, n := at.(int64), int64(len(v))
		if i < 0 {
			i += n
		}
		if i < 0 || i >= n {
			return nil, false, nil
		}
		return v[i], true, nil
	}
	return nil, false, nil
}

// sortedKeys returns the names of a map in byte order.
func sortedKeys(m map[string]Value) []Value {
	out := make([]Value, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, compare)
	return out
}
