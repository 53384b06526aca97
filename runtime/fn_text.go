package runtime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text functions are named as Stalwart's. Where expr has a builtin of the same name (len,
// trim, split, replace, join, count, sort, now), the table's function takes its place, and
// agrees with it on what both accept.

var textParam = Param{Name: "text", Kind: String, Doc: "text"}

var textOrList = Param{Name: "text", Kind: Any, Doc: "text, or a list of texts"}

func init() {
	for _, f := range []struct {
		name, doc string
		change    func(string) string
		examples  []Example
	}{
		{"trim", "Returns text without white space at both ends; of a list, the list of its texts so changed.", strings.TrimSpace, []Example{
			{Code: `trim("  a b ")`, Want: `"a b"`},
			{Code: `trim("\r\n\t")`, Want: `""`},
			{Code: `trim([" a", "b "])`, Want: `["a", "b"]`},
			{Code: `trim(7)`, Error: `trim: argument 1 (text): expected string or list, got int`},
			{Code: `trim(["a", 7])`, Error: `trim: element 2: expected string, got int`},
		}},
		{"trim_start", "Returns text without white space at its start; of a list, the list of its texts so changed.",
			func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }, []Example{
				{Code: `trim_start("  a ")`, Want: `"a "`}, {Code: `trim_start([])`, Want: `[]`},
			}},
		{"trim_end", "Returns text without white space at its end; of a list, the list of its texts so changed.",
			func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }, []Example{
				{Code: `trim_end(" a  ")`, Want: `" a"`}, {Code: `trim_end([" a ", ""])`, Want: `[" a", ""]`},
			}},
		{"to_lowercase", "Returns text in lower case (Unicode); of a list, the list of its texts so changed.", strings.ToLower, []Example{
			{Code: `to_lowercase("GRÜN")`, Want: `"grün"`}, {Code: `to_lowercase("")`, Want: `""`}, {Code: `to_lowercase(["A", "B"])`, Want: `["a", "b"]`},
		}},
		{"to_uppercase", "Returns text in upper case (Unicode); of a list, the list of its texts so changed.", strings.ToUpper, []Example{
			{Code: `to_uppercase(["a", "b"])`, Want: `["A", "B"]`}, {Code: `to_uppercase("grün")`, Want: `"GRÜN"`},
			{Code: `to_uppercase(null)`, Error: `to_uppercase: argument 1 (text): expected string or list, got null`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textOrList}, Result: Any, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return each(f.name, a[0], f.change) },
		})
	}
	register(Function{
		Name:   "len",
		Family: "text",
		Doc: "Returns the number of characters of a text, of octets of bytes, of elements of a list or map; 0 for null. " +
			"Stalwart counts the octets of a text; `octet_length` does.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "text, bytes, list, map or null"}},
		Result: Int, Trust: User,
		Examples: []Example{
			{Code: `len("grün")`, Want: `4`}, {Code: `len([1, 2])`, Want: `2`}, {Code: `len({"a": 1})`, Want: `1`}, {Code: `len(null)`, Want: `0`},
			{Code: `len(7)`, Error: `len: expected text, bytes, list or map, got int`},
		},
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
		Name:   "octet_length",
		Family: "text",
		Doc:    "Returns the number of octets of a text (in UTF-8) or of bytes.",
		Params: []Param{octetsParam},
		Result: Int, Trust: User,
		Examples: []Example{{Code: `octet_length("grün")`, Want: `5`}, {Code: `octet_length("")`, Want: `0`},
			{Code: `octet_length(5)`, Error: `octet_length: argument 1 (data): expected string or bytes, got int`}},
		Call: func(_ *Env, a Args) (Value, error) {
			s, err := octets("octet_length", a, 0)
			return int64(len(s)), err
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
		Examples: []Example{
			{Code: `substring("delivery", 2, 4)`, Want: `"live"`}, {Code: `substring("grün", 2)`, Want: `"ün"`},
			{Code: `substring("abc", -1, 2)`, Want: `"ab"`}, {Code: `substring("abc", 1, 0)`, Want: `""`}, {Code: `substring("abc", 9, 1)`, Want: `""`},
			{Code: `substring("abc", "1", 1)`, Error: `substring: argument 2 (start): expected int, got string`},
			{Code: `substring("abc", 0.5)`, Error: `substring: argument 2 (start): expected int, got 0.5`},
		},
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
		examples  []Example
	}{
		{"strip_prefix", "Returns text without prefix, or `\"\"` if it does not start with it; of a list, the list of its texts so changed.", strings.CutPrefix, []Example{
			{Code: `strip_prefix("user+tag", "user+")`, Want: `"tag"`}, {Code: `strip_prefix("user", "x")`, Want: `""`},
			{Code: `strip_prefix("user", "")`, Want: `"user"`}, {Code: `strip_prefix(["x-a", "b"], "x-")`, Want: `["a", ""]`},
		}},
		{"strip_suffix", "Returns text without suffix, or `\"\"` if it does not end with it; of a list, the list of its texts so changed.", strings.CutSuffix, []Example{
			{Code: `strip_suffix("user+tag", "-tag")`, Want: `""`}, {Code: `strip_suffix("invoice.pdf", ".pdf")`, Want: `"invoice"`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textOrList, {Name: "affix", Kind: String, Doc: "what to take off"}},
			Result: Any, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) {
				return each(f.name, a[0], func(s string) string {
					s, ok := f.cut(s, a.String(1))
					if !ok {
						return ""
					}
					return s
				})
			},
		})
	}
	register(Function{
		Name:   "replace",
		Family: "text",
		Doc:    "Returns text with every old replaced by new. An empty old stands before each character and at the end.",
		Params: []Param{textParam, {Name: "old", Kind: String, Doc: "plain text"}, {Name: "new", Kind: String, Doc: "plain text"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `replace("a.b.c", ".", "/")`, Want: `"a/b/c"`}, {Code: `replace("abc", "x", "y")`, Want: `"abc"`},
			{Code: `replace("ab", "", "-")`, Want: `"-a-b-"`}, {Code: `replace("aaa", "aa", "b")`, Want: `"ba"`},
			{Code: `replace("a", "b")`, Error: `replace: called with 2 arguments, takes 3: replace(text, old, new) -> string`}},
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

// textsOf returns a text, or the texts of a list.
func textsOf(name string, v Value) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case []Value:
		out := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				k, _ := KindOf(e)
				return nil, fmt.Errorf("%s: element %d: expected string, got %s", name, i+1, k)
			}
			out[i] = s
		}
		return out, nil
	}
	k, _ := KindOf(v)
	return nil, fmt.Errorf("%s: argument 1 (text): expected string or list, got %s", name, k)
}

// each changes a text, or each text of a list.
func each(name string, v Value, change func(string) string) (Value, error) {
	if s, ok := v.(string); ok {
		return change(s), nil
	}
	list, err := textsOf(name, v)
	if err != nil {
		return nil, err
	}
	out := make([]Value, len(list))
	for i, s := range list {
		out[i] = change(s)
	}
	return out, nil
}

// skipRunes returns s without its first n characters.
func skipRunes(s string, n int64) string {
	for ; n > 0 && s != ""; n-- {
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return s
}

// alive returns a *LimitError if the time of the run is over, for work that is done bit by bit.
func (e *Env) alive() error {
	if e.Context.Err() != nil {
		return endError(e.Context, e.View.Limits)
	}
	return nil
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
