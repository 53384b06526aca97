package runtime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

func init() {
	part := Param{Name: "part", Kind: String, Doc: "plain text"}
	for _, f := range []struct {
		name, doc string
		test      func(s, t string) bool
		examples  []Example
	}{
		{"starts_with", "Says whether text starts with part.", strings.HasPrefix,
			[]Example{{Code: `starts_with("Re: hello", "Re:")`, Want: `true`}}},
		{"ends_with", "Says whether text ends with part.", strings.HasSuffix,
			[]Example{{Code: `ends_with("a@example.org", "@example.com")`, Want: `false`}}},
		{"eq_ignore_case", "Says whether two texts are equal but for the case of A to Z.", asciiEqualFold,
			[]Example{{Code: `eq_ignore_case("Example.ORG", "example.org")`, Want: `true`}}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam, part}, Result: Bool, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return f.test(a.String(0), a.String(1)), nil },
		})
	}
	in := Param{Name: "in", Kind: Any, Doc: "text, or a list"}
	register(Function{
		Name:   "includes",
		Family: "text",
		Doc:    "Says whether a text holds a part, or a list an element of the same kind and value. It is Stalwart's `contains`.",
		Params: []Param{in, {Name: "what", Kind: Any, Doc: "the part, or the element"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `includes("unsubscribe", "sub")`, Want: `true`},
			{Code: `includes(["a", "b"], "c")`, Want: `false`},
			{Code: `includes([1, 2], 2)`, Want: `true`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return includes("includes", a, strings.Contains, Equal) },
	})
	register(Function{
		Name:   "contains_ignore_case",
		Family: "text",
		Doc:    "Says whether a text holds a part, or a list of text an element, but for the case of A to Z.",
		Params: []Param{in, {Name: "what", Kind: String, Doc: "the part, or the element"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `contains_ignore_case("FREE Money", "free")`, Want: `true`},
			{Code: `contains_ignore_case(["Spam", "Ham"], "ham")`, Want: `true`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			return includes("contains_ignore_case", a,
				func(s, t string) bool { return strings.Contains(asciiLower(s), asciiLower(t)) },
				func(v, w Value) bool {
					s, ok := v.(string)
					return ok && asciiEqualFold(s, w.(string))
				})
		},
	})
	register(Function{
		Name:   "is_empty",
		Family: "text",
		Doc:    "Says whether a value is null, a text or bytes without content, or a list or map without elements. Numbers are never empty.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_empty("")`, Want: `true`}, {Code: `is_empty(0)`, Want: `false`}, {Code: `is_empty([])`, Want: `true`}},
		Call:     func(_ *Env, a Args) (Value, error) { return empty(a[0]), nil },
	})
	register(Function{
		Name:   "is_number",
		Family: "text",
		Doc:    "Says whether a value is an int or a float. Text is no number, whatever it says.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_number(1.5)`, Want: `true`}, {Code: `is_number("many")`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) {
			k, _ := KindOf(a[0])
			return k == Int || k == Float, nil
		},
	})
	for _, f := range []struct {
		name, doc string
		test      func(s string) bool
		example   Example
	}{
		{"is_ascii", "Says whether text is ASCII only.",
			func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 },
			Example{Code: `is_ascii("grün")`, Want: `false`}},
		{"is_uppercase", "Says whether all letters of text are upper case; true if it has none.",
			func(s string) bool {
				return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.IsUpper(r) })
			},
			Example{Code: `is_uppercase("BUY NOW!")`, Want: `true`}},
		{"is_lowercase", "Says whether all letters of text are lower case; true if it has none.",
			func(s string) bool {
				return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.IsLower(r) })
			},
			Example{Code: `is_lowercase("buy Now")`, Want: `false`}},
		{"has_digits", "Says whether text holds a digit 0 to 9.",
			func(s string) bool { return strings.ContainsAny(s, "0123456789") },
			Example{Code: `has_digits("route 66")`, Want: `true`}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam}, Result: Bool, Trust: User, Examples: []Example{f.example},
			Call: func(_ *Env, a Args) (Value, error) { return f.test(a.String(0)), nil },
		})
	}
	for _, f := range []struct {
		name, doc string
		counts    func(r rune) bool
		example   Example
	}{
		{"count_chars", "Returns the number of characters of text.", func(rune) bool { return true },
			Example{Code: `count_chars("grün")`, Want: `4`}},
		{"count_spaces", "Returns the number of white space characters of text.", unicode.IsSpace,
			Example{Code: `count_spaces("a b  c")`, Want: `3`}},
		{"count_uppercase", "Returns the number of upper case letters of text.", unicode.IsUpper,
			Example{Code: `count_uppercase("Buy NOW")`, Want: `4`}},
		{"count_lowercase", "Returns the number of lower case letters of text.", unicode.IsLower,
			Example{Code: `count_lowercase("Buy NOW")`, Want: `2`}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam}, Result: Int, Trust: User, Examples: []Example{f.example},
			Call: func(_ *Env, a Args) (Value, error) {
				n := int64(0)
				for _, r := range a.String(0) {
					if f.counts(r) {
						n++
					}
				}
				return n, nil
			},
		})
	}
}

func includes(name string, a Args, part func(s, t string) bool, same func(v, w Value) bool) (Value, error) {
	switch v := a[0].(type) {
	case string:
		what, err := convert(a[1], String)
		if err != nil {
			return nil, fmt.Errorf("%s: argument 2 (what): %w", name, err)
		}
		return part(v, what.(string)), nil
	case []Value:
		for _, e := range v {
			if same(e, a[1]) {
				return true, nil
			}
		}
		return false, nil
	}
	k, _ := KindOf(a[0])
	return nil, fmt.Errorf("%s: argument 1 (in): expected string or list, got %s", name, k)
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
