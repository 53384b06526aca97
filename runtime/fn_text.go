package runtime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text functions are named as Stalwart's. Where expr has a builtin of the same name (len,
// trim, split, replace, join, count, sort, now), the table's function takes its place, and
// agrees with it on what both accept; `contains` and `matches` are operators of expr and
// can be no functions there, so that they are called includes and matches_regex.

var textParam = Param{Name: "text", Kind: String, Doc: "text"}

func init() {
	textOrList := Param{Name: "text", Kind: Any, Doc: "text, or a list of text whose elements are each changed"}
	for _, f := range []struct {
		name, doc string
		change    func(string) string
		example   Example
	}{
		{"trim", "Returns text without white space at both ends.", strings.TrimSpace,
			Example{Code: `trim("  a b ")`, Want: `"a b"`}},
		{"trim_start", "Returns text without white space at its start.",
			func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) },
			Example{Code: `trim_start("  a ")`, Want: `"a "`}},
		{"trim_end", "Returns text without white space at its end.",
			func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) },
			Example{Code: `trim_end(" a  ")`, Want: `" a"`}},
		{"to_lowercase", "Returns text in lower case (Unicode).", strings.ToLower,
			Example{Code: `to_lowercase("GRÜN")`, Want: `"grün"`}},
		{"to_uppercase", "Returns text in upper case (Unicode).", strings.ToUpper,
			Example{Code: `to_uppercase(["a", "b"])`, Want: `["A", "B"]`}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textOrList}, Result: Any, Trust: User,
			Examples: []Example{f.example}, Call: each(f.name, f.change),
		})
	}
	register(Function{
		Name:   "len",
		Family: "text",
		Doc:    "Returns the number of characters of a text, of octets of bytes, of elements of a list or map; 0 for null.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "text, bytes, list, map or null"}},
		Result: Int, Trust: User,
		Examples: []Example{{Code: `len("grün")`, Want: `4`}, {Code: `len([1, 2])`, Want: `2`}},
		Call: func(_ *Env, a Args) (Value, error) {
			switch v := a[0].(type) {
			case nil:
				return int64(0), nil
			case string:
				return int64(utf8.RuneCountInString(v)), nil
			case []byte:
				return int64(len(v)), nil
			case []Value:
				return int64(len(v)), nil
			case map[string]Value:
				return int64(len(v)), nil
			}
			k, _ := KindOf(a[0])
			return nil, fmt.Errorf("len: expected text, bytes, list or map, got %s", k)
		},
	})
	register(Function{
		Name:   "substring",
		Family: "text",
		Doc:    "Returns count characters of text from start on, counted from 0; fewer where the text ends before.",
		Params: []Param{textParam,
			{Name: "start", Kind: Int, Doc: "characters in front; below 0 is 0"},
			{Name: "count", Kind: Int, Optional: true, Doc: "characters; left out: all to the end"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `substring("delivery", 2, 4)`, Want: `"live"`}, {Code: `substring("grün", 2)`, Want: `"ün"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			s := skipRunes(a.String(0), max(0, a.Int(1)))
			if a[2] != nil {
				s = s[:len(s)-len(skipRunes(s, max(0, a.Int(2))))]
			}
			return s, nil
		},
	})
	for _, f := range []struct {
		name, doc string
		cut       func(s, affix string) (string, bool)
		example   Example
	}{
		{"strip_prefix", "Returns text without prefix, or `\"\"` if it does not start with it.", strings.CutPrefix,
			Example{Code: `strip_prefix("user+tag", "user+")`, Want: `"tag"`}},
		{"strip_suffix", "Returns text without suffix, or `\"\"` if it does not end with it.", strings.CutSuffix,
			Example{Code: `strip_suffix("user+tag", "-tag")`, Want: `""`}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam, {Name: "affix", Kind: String, Doc: "what to take off"}},
			Result: String, Trust: User, Examples: []Example{f.example},
			Call: func(_ *Env, a Args) (Value, error) {
				if s, ok := f.cut(a.String(0), a.String(1)); ok {
					return s, nil
				}
				return "", nil
			},
		})
	}
	register(Function{
		Name:   "replace",
		Family: "text",
		Doc:    "Returns text with every old replaced by new.",
		Params: []Param{textParam, {Name: "old", Kind: String, Doc: "plain text"}, {Name: "new", Kind: String, Doc: "plain text"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `replace("a.b.c", ".", "/")`, Want: `"a/b/c"`}},
		Call: func(e *Env, a Args) (Value, error) {
			s, old, with := a.String(0), a.String(1), a.String(2)
			if grows := int64(len(with) - len(old)); grows > 0 {
				if err := e.made(int64(len(s)) + grows*int64(strings.Count(s, old))); err != nil {
					return nil, err
				}
			}
			return strings.ReplaceAll(s, old, with), nil
		},
	})
}

// each is the call of a function that changes a text, or each text of a list.
func each(name string, change func(string) string) func(*Env, Args) (Value, error) {
	return func(_ *Env, a Args) (Value, error) {
		switch v := a[0].(type) {
		case string:
			return change(v), nil
		case []Value:
			out := make([]Value, len(v))
			for i, e := range v {
				s, ok := e.(string)
				if !ok {
					k, _ := KindOf(e)
					return nil, fmt.Errorf("%s: element %d: expected string, got %s", name, i+1, k)
				}
				out[i] = change(s)
			}
			return out, nil
		}
		k, _ := KindOf(a[0])
		return nil, fmt.Errorf("%s: argument 1 (text): expected string or list, got %s", name, k)
	}
}

// skipRunes returns s without its first n characters.
func skipRunes(s string, n int64) string {
	for ; n > 0 && s != ""; n-- {
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return s
}

// made returns a *LimitError if a text of n octets is more than a run may make.
func (e *Env) made(n int64) error {
	if n > e.View.Limits.Output {
		return &LimitError{Limit: "output", Max: e.View.Limits.Output}
	}
	return nil
}

// holds returns a *LimitError if a list of n elements is more than a run may hold.
func (e *Env) holds(n int) error {
	if int64(n) > e.View.Limits.Memory/ElementSize {
		return &LimitError{Limit: "memory", Max: e.View.Limits.Memory}
	}
	return nil
}
