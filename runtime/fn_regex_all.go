package runtime

import (
	"fmt"
	"regexp"
)

func init() {
	pattern := Param{Name: "pattern", Kind: String, Doc: "regular expression, as for matches_regex"}
	text := Param{Name: "text", Kind: String, Doc: "text; its first MiB is looked at"}
	limit := Param{Name: "limit", Kind: Int, Optional: true, Default: int64(1000), Doc: "most matches, up to 10,000; left out: 1000"}
	register(Function{
		Name:   "regex_find_all",
		Family: "regex",
		Doc:    "Returns the texts that a regular expression matches, from the first on; none overlap.",
		Params: []Param{pattern, text, limit},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `regex_find_all("[0-9]+", "a1 b22 c333")`, Want: `["1", "22", "333"]`}, {Code: `regex_find_all("[0-9]+", "a1 b22 c333", 2)`, Want: `["1", "22"]`}, {Code: `regex_find_all("x", "abc")`, Want: `[]`},
			{Code: `regex_find_all("ü*", "aüü")`, Want: `["", "üü"]`}, {Code: `regex_find_all("(?m)^.", "ab\ncd")`, Want: `["a", "c"]`}, {Code: `regex_find_all("a", "aaa", 0)`, Want: `[]`},
			{Code: `regex_find_all("(", "a")`, Error: "regex_find_all: error parsing regexp: missing closing ): `(`"}, {Code: `regex_find_all("a", 1)`, Error: `regex_find_all: argument 2 (text): expected string, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			_, s, found, err := e.findAll("regex_find_all", a, 2)
			if err != nil {
				return nil, err
			}
			out := make([]Value, len(found))
			for i, m := range found {
				out[i] = groupText(s, m, 0)
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "regex_captures_all",
		Family: "regex",
		Doc:    "Returns, for each match of a regular expression, the list of what it and its groups hold, the whole match first.",
		Params: []Param{pattern, text, limit},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `regex_captures_all("([a-z]+)=([0-9]*)", "a=1; bc=")`, Want: `[["a=1", "a", "1"], ["bc=", "bc", ""]]`}, {Code: `regex_captures_all("(a)|b", "b")`, Want: `[["b", ""]]`}, {Code: `regex_captures_all("x", "")`, Want: `[]`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, s, found, err := e.findAll("regex_captures_all", a, 2)
			if err != nil {
				return nil, err
			}
			groups := p.re.NumSubexp() + 1
			if err := e.holds(len(found) * (groups + 1)); err != nil {
				return nil, err
			}
			out := make([]Value, len(found))
			for i, m := range found {
				list := make([]Value, groups)
				for g := range list {
					list[g] = groupText(s, m, g)
				}
				out[i] = list
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "regex_groups",
		Family: "regex",
		Doc:    "Returns what the groups that have names, `(?P<name>…)` or `(?<name>…)`, hold in the first match of a regular expression, as a map; null if there is no match.",
		Params: []Param{pattern, text},
		Result: Map, Trust: User,
		Examples: []Example{
			{Code: `regex_groups("(?P<user>[^@]+)@(?<host>.+)", "eve@example.org")`, Want: `{"user": "eve", "host": "example.org"}`}, {Code: `regex_groups("(?P<a>x)", "y")`, Want: `null`}, {Code: `regex_groups("x", "x")`, Want: `{}`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := patterns.compile(a.String(0))
			if err != nil {
				return nil, fmt.Errorf("regex_groups: %w", err)
			}
			groups, err := p.captures(e, cut(a.String(1), maxRegexText))
			if groups == nil || err != nil {
				return nil, err
			}
			out := map[string]Value{}
			for i, name := range p.re.SubexpNames() {
				if name != "" {
					out[name] = groups[i]
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "regex_replace",
		Family: "regex",
		Doc: "Returns text with the matches of a regular expression replaced. In replacement, `$1` and `${name}` are what groups hold, `$0` the match, `$$` a dollar sign; a name goes on as long as letters, digits and `_` do (in Sieve `${name}` is a variable: write `$name`). " +
			"Of a text of more than a MiB the rest stays as it is, as do matches beyond the limit.",
		Params: []Param{pattern, text, {Name: "replacement", Kind: String, Doc: "text"}, limit},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `regex_replace("[0-9]", "a1b22", "#")`, Want: `"a#b##"`}, {Code: `regex_replace("([a-z]+)@([a-z]+)", "eve@here", "$2 has $1")`, Want: `"here has eve"`}, {Code: `regex_replace("(?P<n>[0-9]+)", "7 ducks", "$n.$$")`, Want: `"7.$ ducks"`},
			{Code: `regex_replace("a", "aaa", "b", 2)`, Want: `"bba"`}, {Code: `regex_replace("^", "ü", "> ")`, Want: `"> ü"`}, {Code: `regex_replace("x*", "ab", "-")`, Want: `"-a-b-"`}, {Code: `regex_replace("(?i)re: *", "RE: re: hi", "")`, Want: `"hi"`},
			{Code: `regex_replace("(a)", "a", "[$1x]")`, Want: `"[]"`}, {Code: `regex_replace("a", "a", "$")`, Want: `"$"`},
			{Code: `regex_replace("a", "a", "b", 10001)`, Error: `regex_replace: limit is 0 to 10000, not 10001`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, s, found, err := e.findAll("regex_replace", a, 3)
			if err != nil {
				return nil, err
			}
			var out []byte
			end := 0
			for _, m := range found {
				out = append(out, s[end:m[0]]...)
				if out = p.re.ExpandString(out, a.String(2), s, m); int64(len(out)) > e.View.Limits.Output {
					return nil, e.made(int64(len(out)))
				}
				end = m[1]
			}
			out = append(out, a.String(1)[end:]...)
			return string(out), e.made(int64(len(out)))
		},
	})
	register(Function{
		Name:   "regex_split",
		Family: "regex",
		Doc:    "Splits text at the matches of a regular expression and returns the pieces, empty ones too. A match without a character splits nothing at the start and the end.",
		Params: []Param{pattern, text, {Name: "limit", Kind: Int, Optional: true, Default: int64(1000), Doc: "most splits, up to 10,000; left out: 1000"}},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `regex_split("[,;] *", "a, b;c")`, Want: `["a", "b", "c"]`}, {Code: `regex_split("[,;] *", "a, b;c", 1)`, Want: `["a", "b;c"]`}, {Code: `regex_split(",", "")`, Want: `[""]`}, {Code: `regex_split("", "aü")`, Want: `["a", "ü"]`}, {Code: `regex_split(",", ",a,")`, Want: `["", "a", ""]`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			_, s, found, err := e.findAll("regex_split", a, 2)
			if err != nil {
				return nil, err
			}
			out, end := []Value{}, 0
			for _, m := range found {
				if m[0] == m[1] && (m[0] == 0 || m[0] == len(s)) {
					continue
				}
				out = append(out, s[end:m[0]])
				end = m[1]
			}
			return append(out, a.String(1)[end:]), nil
		},
	})
	register(Function{
		Name:   "regex_escape",
		Family: "regex",
		Doc:    "Returns text as a regular expression that matches just this text.",
		Params: []Param{text},
		Result: String, Trust: User,
		Examples: []Example{{Code: `regex_escape("a.b*c")`, Want: `"a\\.b\\*c"`}, {Code: `matches_regex(regex_escape("$5 (a)"), "for $5 (a)")`, Want: `true`}, {Code: `regex_escape("")`, Want: `""`}},
		Call: func(e *Env, a Args) (Value, error) {
			if err := e.made(2 * int64(len(a.String(0)))); err != nil {
				return nil, err
			}
			return regexp.QuoteMeta(a.String(0)), nil
		},
	})
}

// findAll returns the pattern and text of a call, and where they match, at most as often as
// argument `at` says.
func (e *Env) findAll(name string, a Args, at int) (*pattern, string, [][]int, error) {
	p, err := patterns.compile(a.String(0))
	if err != nil {
		return nil, "", nil, fmt.Errorf("%s: %w", name, err)
	}
	n := a.Int(at)
	if n < 0 || n > maxMatches {
		return nil, "", nil, fmt.Errorf("%s: limit is 0 to %d, not %d", name, maxMatches, n)
	}
	s := cut(a.String(1), maxRegexText)
	if n == 0 {
		return p, s, nil, nil
	}
	found, err := p.all(e, s, int(n))
	return p, s, found, err
}
