package runtime

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func init() {
	anyOf := Param{Name: "part", Kind: Any, Doc: "plain text, or a list of which any one will do"}
	for _, f := range []struct {
		name, doc string
		test      func(s, t string) bool
		examples  []Example
	}{
		{"starts_with", "Says whether text starts with part, or with any part of a list.", strings.HasPrefix, []Example{
			{Code: `starts_with("Re: hello", "Re:")`, Want: `true`}, {Code: `starts_with("AW: hallo", ["Re:", "AW:"])`, Want: `true`},
			{Code: `starts_with("", "")`, Want: `true`}, {Code: `starts_with("a", [])`, Want: `false`},
			{Code: `starts_with("a", 1)`, Error: `starts_with: argument 2 (part): expected string or list, got int`},
		}},
		{"ends_with", "Says whether text ends with part, or with any part of a list.", strings.HasSuffix, []Example{
			{Code: `ends_with("a@example.org", "@example.com")`, Want: `false`}, {Code: `ends_with("setup.exe", [".exe", ".scr"])`, Want: `true`},
			{Code: `ends_with("a", ["b", null])`, Error: `ends_with: argument 2 (part): element 2: expected string, got null`},
		}},
		{"eq_ignore_case", "Says whether text and part are equal but for the case of A to Z, or text and any part of a list.", asciiEqualFold, []Example{
			{Code: `eq_ignore_case("Example.ORG", "example.org")`, Want: `true`}, {Code: `eq_ignore_case("Ü", "ü")`, Want: `false`},
			{Code: `eq_ignore_case("Yes", ["no", "yes"])`, Want: `true`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam, anyOf}, Result: Bool, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return anyPart(f.name, a.String(0), a[1], f.test) },
		})
	}
	in := Param{Name: "in", Kind: Any, Doc: "text, or a list"}
	register(Function{
		Name:   "contains",
		Family: "text",
		Doc: "Says whether a text holds a part, or any part of a list; or whether a list holds an element of the same kind and value. " +
			"In expr the operator `contains` is another thing: it takes two texts.",
		Params: []Param{in, {Name: "what", Kind: Any, Doc: "the part, a list of parts, or the element"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `contains("unsubscribe", "sub")`, Want: `true`}, {Code: `contains(["a", "b"], "c")`, Want: `false`}, {Code: `contains([1, 2], "1")`, Want: `false`},
			{Code: `contains("100 % free", ["free", "win"])`, Want: `true`}, {Code: `if_then(contains("ab", "b"), 1, 2)`, Want: `1`},
			{Code: `contains("a", 1)`, Error: `contains: argument 2 (what): expected string or list, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.includes("contains", a, strings.Contains, Equal) },
	})
	register(Function{
		Name:   "includes",
		Family: "text",
		Doc: "Says whether a text holds a part, or any part of a list; or whether a list holds an element of the same kind and value. " +
			"It is `contains` by another name.",
		Params: []Param{in, {Name: "what", Kind: Any, Doc: "the part, a list of parts, or the element"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `includes("unsubscribe", "sub")`, Want: `true`},
			{Code: `includes(["a", "b"], "c")`, Want: `false`},
			{Code: `includes([1, 2], 2)`, Want: `true`},
			{Code: `includes(["1"], 1)`, Want: `false`},
			{Code: `includes([["a"]], ["a"])`, Want: `true`},
			{Code: `includes("grün", ["x", "ü"])`, Want: `true`},
			{Code: `includes("", "")`, Want: `true`},
			{Code: `includes("a", 1)`, Error: `includes: argument 2 (what): expected string or list, got int`},
			{Code: `includes(1, "a")`, Error: `includes: argument 1 (in): expected string or list, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.includes("includes", a, strings.Contains, Equal) },
	})
	register(Function{
		Name:   "contains_ignore_case",
		Family: "text",
		Doc:    "Says whether a text holds a part, or any part of a list; or whether a list holds a text as element: all but for the case of A to Z.",
		Params: []Param{in, {Name: "what", Kind: Any, Doc: "the part, a list of parts, or the element"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `contains_ignore_case("FREE Money", "free")`, Want: `true`},
			{Code: `contains_ignore_case(["Spam", "Ham"], "ham")`, Want: `true`},
			{Code: `contains_ignore_case("Get Rich Quick", ["viagra", "RICH"])`, Want: `true`},
			{Code: `contains_ignore_case(["Spam"], "pa")`, Want: `false`},
			{Code: `contains_ignore_case("a", null)`, Error: `contains_ignore_case: argument 2 (what): expected string or list, got null`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			if s, ok := a[0].(string); ok {
				a[0] = asciiLower(s)
			}
			return e.includes("contains_ignore_case", a,
				func(s, t string) bool { return strings.Contains(s, asciiLower(t)) },
				func(v, w Value) bool {
					s, ok := v.(string)
					t, both := w.(string)
					return ok && both && asciiEqualFold(s, t)
				})
		},
	})
	register(Function{
		Name:   "is_empty",
		Family: "text",
		Doc:    "Says whether a value is null, a text or bytes without content, or a list or map without elements. Numbers are never empty.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_empty("")`, Want: `true`}, {Code: `is_empty(0)`, Want: `false`}, {Code: `is_empty([])`, Want: `true`},
			{Code: `is_empty(null)`, Want: `true`}, {Code: `is_empty({})`, Want: `true`}, {Code: `is_empty(false)`, Want: `false`}, {Code: `is_empty([""])`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) { return empty(a[0]), nil },
	})
	register(Function{
		Name:   "is_number",
		Family: "text",
		Doc:    "Says whether a value is an int or a float. Text is no number, whatever it says.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_number(1.5)`, Want: `true`}, {Code: `is_number("42")`, Want: `false`}, {Code: `is_number(true)`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) {
			k, _ := KindOf(a[0])
			return k == Int || k == Float, nil
		},
	})
	register(Function{
		Name:   "if_then",
		Family: "text",
		Doc: "Returns then if condition holds, else otherwise. Null, false, 0 and what is empty do not hold, all other values do. " +
			"All three arguments are evaluated, whatever the condition is.",
		Params: []Param{{Name: "condition", Kind: Any, Doc: "any value"}, {Name: "then", Kind: Any, Doc: "any value"},
			{Name: "otherwise", Kind: Any, Optional: true, Doc: "any value; left out: null"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `if_then(true, "yes", "no")`, Want: `"yes"`}, {Code: `if_then("", 1, 2)`, Want: `2`}, {Code: `if_then(0, 1)`, Want: `null`},
			{Code: `if_then("0", 1, 2)`, Want: `1`}, {Code: `if_then([], "some", "none")`, Want: `"none"`}, {Code: `if_then(is_ascii("ü"), "a", "u")`, Want: `"u"`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			if truthy(a[0]) {
				return a[1], nil
			}
			return a[2], nil
		},
	})
	const ofList = " A list counts as its texts one behind the other."
	for _, f := range []struct {
		name, doc string
		test      func(s string) bool
		one       bool // one text of a list is enough
		examples  []Example
	}{
		{"is_ascii", "Says whether text is ASCII only." + ofList,
			func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 }, false, []Example{
				{Code: `is_ascii("grün")`, Want: `false`}, {Code: `is_ascii("")`, Want: `true`}, {Code: `is_ascii(["a", "ü"])`, Want: `false`},
				{Code: `is_ascii(1)`, Error: `is_ascii: argument 1 (text): expected string or list, got int`},
			}},
		{"is_uppercase", "Says whether all letters of text are upper case; true if it has none." + ofList + " (In Stalwart a list gives a list of results, which counts as true whatever is in it.)",
			func(s string) bool {
				return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.IsUpper(r) })
			}, false, []Example{
				{Code: `is_uppercase("BUY NOW!")`, Want: `true`}, {Code: `is_uppercase("123")`, Want: `true`}, {Code: `is_uppercase(["BUY", "now"])`, Want: `false`},
				{Code: `is_uppercase("ÜBER")`, Want: `true`},
			}},
		{"is_lowercase", "Says whether all letters of text are lower case; true if it has none." + ofList,
			func(s string) bool {
				return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.IsLower(r) })
			}, false, []Example{
				{Code: `is_lowercase("buy Now")`, Want: `false`}, {Code: `is_lowercase("")`, Want: `true`}, {Code: `is_lowercase(["ü", "1"])`, Want: `true`},
			}},
		{"has_digits", "Says whether text holds a digit 0 to 9." + ofList,
			func(s string) bool { return strings.ContainsAny(s, "0123456789") }, true, []Example{
				{Code: `has_digits("route 66")`, Want: `true`}, {Code: `has_digits("²")`, Want: `false`}, {Code: `has_digits(["a", "b2"])`, Want: `true`},
			}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textOrList}, Result: Bool, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) {
				list, err := textsOf(f.name, a[0])
				if err != nil {
					return nil, err
				}
				return slices.ContainsFunc(list, func(s string) bool { return f.test(s) == f.one }) == f.one, nil
			},
		})
	}
	for _, f := range []struct {
		name, doc string
		counts    func(r rune) bool
		examples  []Example
	}{
		{"count_chars", "Returns the number of characters of text." + ofList, func(rune) bool { return true }, []Example{
			{Code: `count_chars("grün")`, Want: `4`}, {Code: `count_chars("")`, Want: `0`}, {Code: `count_chars(["a", "bc"])`, Want: `3`},
			{Code: `count_chars({})`, Error: `count_chars: argument 1 (text): expected string or list, got map`},
		}},
		{"count_spaces", "Returns the number of white space characters of text." + ofList, unicode.IsSpace, []Example{
			{Code: `count_spaces("a b  c")`, Want: `3`}, {Code: `count_spaces("a\tb\n")`, Want: `2`},
		}},
		{"count_uppercase", "Returns the number of upper case letters of text." + ofList, unicode.IsUpper, []Example{
			{Code: `count_uppercase("Buy NOW")`, Want: `4`}, {Code: `count_uppercase("ÄÖü")`, Want: `2`},
		}},
		{"count_lowercase", "Returns the number of lower case letters of text." + ofList, unicode.IsLower, []Example{
			{Code: `count_lowercase("Buy NOW")`, Want: `2`}, {Code: `count_lowercase("1 2")`, Want: `0`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textOrList}, Result: Int, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) {
				list, err := textsOf(f.name, a[0])
				n := int64(0)
				for _, s := range list {
					for _, r := range s {
						if f.counts(r) {
							n++
						}
					}
				}
				return n, err
			},
		})
	}
}

// anyPart says whether a test holds for a text and a part, or for one part of a list.
func anyPart(name, s string, part Value, test func(s, t string) bool) (Value, error) {
	switch p := part.(type) {
	case string:
		return test(s, p), nil
	case []Value:
		found := false
		for i, e := range p {
			t, ok := e.(string)
			if !ok {
				k, _ := KindOf(e)
				return nil, fmt.Errorf("%s: argument 2 (part): element %d: expected string, got %s", name, i+1, k)
			}
			found = found || test(s, t)
		}
		return found, nil
	}
	k, _ := KindOf(part)
	return nil, fmt.Errorf("%s: argument 2 (part): expected string or list, got %s", name, k)
}

// includes looks for parts in a text, or for an element in a list.
func (e *Env) includes(name string, a Args, part func(s, t string) bool, same func(v, w Value) bool) (Value, error) {
	switch v := a[0].(type) {
	case string:
		parts, ok := a[1].([]Value)
		if !ok {
			parts = []Value{a[1]}
		}
		for _, p := range parts {
			s, isText := p.(string)
			if !isText {
				k, _ := KindOf(p)
				if ok {
					return nil, fmt.Errorf("%s: argument 2 (what): expected a list of strings, got %s in it", name, k)
				}
				return nil, fmt.Errorf("%s: argument 2 (what): expected string or list, got %s", name, k)
			}
			if part(v, s) {
				return true, nil
			}
			if err := e.alive(); err != nil {
				return nil, err
			}
		}
		return false, nil
	case []Value:
		for _, element := range v {
			if same(element, a[1]) {
				return true, nil
			}
		}
		return false, nil
	}
	k, _ := KindOf(a[0])
	return nil, fmt.Errorf("%s: argument 1 (in): expected string or list, got %s", name, k)
}

// truthy says whether a value holds as a condition: all do but null, false, 0 and what is empty.
func truthy(v Value) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	}
	return !empty(v)
}

func empty(v Value) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []byte:
		return len(v) == 0
	case []Value:
		return len(v) == 0
	case map[string]Value:
		return len(v) == 0
	}
	return false
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func asciiEqualFold(s, t string) bool { return len(s) == len(t) && asciiLower(s) == asciiLower(t) }
