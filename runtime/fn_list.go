package runtime

import (
	"cmp"
	"fmt"
	"slices"
)

func init() {
	list := Param{Name: "list", Kind: List, Doc: "list"}
	register(Function{
		Name:   "count",
		Family: "list",
		Doc:    "Returns the number of elements of a list; of any other value 1, or 0 if it is empty.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"}},
		Result: Int, Trust: User,
		Examples: []Example{{Code: `count(["a", "b"])`, Want: `2`}, {Code: `count("")`, Want: `0`}, {Code: `count(0)`, Want: `1`},
			{Code: `count([])`, Want: `0`}, {Code: `count("abc")`, Want: `1`}, {Code: `count({"a": 1, "b": 2})`, Want: `1`}, {Code: `count(null)`, Want: `0`}},
		Call: func(_ *Env, a Args) (Value, error) {
			if l, ok := a[0].([]Value); ok {
				return int64(len(l)), nil
			}
			if empty(a[0]) {
				return int64(0), nil
			}
			return int64(1), nil
		},
	})
	register(Function{
		Name:   "sort",
		Family: "list",
		Doc:    "Returns the list in order: numbers before text, text by its octets, equal ones as they stood. Elements of other kinds are an error.",
		Params: []Param{list, {Name: "ascending", Kind: Bool, Optional: true, Default: true, Doc: "false: the largest first"}},
		Result: List, Trust: User,
		Examples: []Example{{Code: `sort(["b", "a"])`, Want: `["a", "b"]`}, {Code: `sort([1, 3, 2], false)`, Want: `[3, 2, 1]`},
			{Code: `sort([10, "9", 9, "10"], true)`, Want: `[9, 10, "10", "9"]`}, {Code: `sort([])`, Want: `[]`}, {Code: `sort(["b", "B", "ü"])`, Want: `["B", "b", "ü"]`},
			{Code: `sort([1, [2]])`, Error: `sort: element 2: expected number or string, got list`},
			{Code: `sort("ab")`, Error: `sort: argument 1 (list): expected list, got string`}},
		Call: func(_ *Env, a Args) (Value, error) {
			for i, v := range a.List(0) {
				if k, _ := KindOf(v); k != Int && k != Float && k != String {
					return nil, fmt.Errorf("sort: element %d: expected number or string, got %s", i+1, k)
				}
			}
			out := slices.Clone(a.List(0))
			slices.SortStableFunc(out, func(v, w Value) int {
				if !a.Bool(1) {
					v, w = w, v
				}
				return compare(v, w)
			})
			return out, nil
		},
	})
	register(Function{
		Name:   "dedup",
		Family: "list",
		Doc:    "Returns the unique elements of the list: of equal ones the first stays. Equal are values of the same kind and content.",
		Params: []Param{list},
		Result: List, Trust: User,
		Examples: []Example{{Code: `dedup(["a", "b", "a"])`, Want: `["a", "b"]`}, {Code: `dedup([1, "1", 1])`, Want: `[1, "1"]`},
			{Code: `dedup([[1], [1], null, null])`, Want: `[[1], null]`}, {Code: `dedup(["a", "A"])`, Want: `["a", "A"]`}},
		Call: func(_ *Env, a Args) (Value, error) {
			out, seen := []Value{}, map[string]bool{}
			for _, v := range a.List(0) {
				k := identity(v)
				if !seen[k] {
					seen[k] = true
					out = append(out, v)
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "winnow",
		Family: "list",
		Doc:    "Returns the list without its empty elements; a value that is no list as it is.",
		Params: []Param{{Name: "list", Kind: Any, Doc: "list"}},
		Result: Any, Trust: User,
		Examples: []Example{{Code: `winnow(["a", "", "b"])`, Want: `["a", "b"]`}, {Code: `winnow([0, false, null, [], {}])`, Want: `[0, false]`},
			{Code: `winnow("a")`, Want: `"a"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			list, ok := a[0].([]Value)
			if !ok {
				return a[0], nil
			}
			out := []Value{}
			for _, v := range list {
				if !empty(v) {
					out = append(out, v)
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "is_intersect",
		Family: "list",
		Doc:    "Says whether two lists have an element in common. A value that is no list counts as a list of one; in Stalwart two such values have nothing in common.",
		Params: []Param{{Name: "a", Kind: Any, Doc: "list or value"}, {Name: "b", Kind: Any, Doc: "list or value"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_intersect(["a", "b"], ["b", "c"])`, Want: `true`}, {Code: `is_intersect("a", ["b"])`, Want: `false`},
			{Code: `is_intersect("a", "a")`, Want: `true`}, {Code: `is_intersect([1], ["1"])`, Want: `false`}, {Code: `is_intersect([], [])`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) {
			seen := map[string]bool{}
			for _, v := range asList(a[0]) {
				seen[identity(v)] = true
			}
			for _, v := range asList(a[1]) {
				if seen[identity(v)] {
					return true, nil
				}
			}
			return false, nil
		},
	})
}

func asList(v Value) []Value {
	if l, ok := v.([]Value); ok {
		return l
	}
	return []Value{v}
}

// identity returns a text that two values share only if they are equal.
func identity(v Value) string {
	if s, ok := v.(string); ok {
		return "s" + s
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Sprintf("e%v", v) // no value; functions are never given one
	}
	return "v" + string(b)
}

// compare orders numbers and texts: numbers before text.
func compare(v, w Value) int {
	s, vText := v.(string)
	t, wText := w.(string)
	switch {
	case vText && wText:
		return cmp.Compare(s, t)
	case vText:
		return 1
	case wText:
		return -1
	}
	i, vInt := v.(int64)
	j, wInt := w.(int64)
	if vInt && wInt {
		return cmp.Compare(i, j)
	}
	return cmp.Compare(number(v), number(w))
}

func number(v Value) float64 {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	f, _ := v.(float64)
	return f
}
