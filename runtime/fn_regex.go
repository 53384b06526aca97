package runtime

import (
	"fmt"
)

const maxRegexText = 1 << 20 // octets that are looked at

func init() {
	pattern := Param{Name: "pattern", Kind: String, Doc: "RE2 syntax (Go), at most 1 KiB, and 10,000 instructions with repetitions written out; it matches anywhere unless it begins with ^"}
	text := Param{Name: "text", Kind: String, Doc: "text; its first MiB is looked at"}
	for _, f := range []struct{ name, doc string }{
		{"matches", "Says whether text matches a regular expression. In expr the operator `matches` has the text in front. The time that it takes grows with the text only."},
		{"matches_regex", "Says whether text matches a regular expression: `matches` by another name."},
	} {
		register(Function{
			Name: f.name, Family: "regex", Doc: f.doc, Params: []Param{pattern, text}, Result: Bool, Trust: User,
			Examples: []Example{
				{Code: f.name + `("^\\[SPAM\\]", "[SPAM] buy")`, Want: `true`},
				{Code: f.name + `("(?i)viagra|casino", "good news")`, Want: `false`},
				{Code: f.name + `("^$", "")`, Want: `true`},
				{Code: f.name + `("^gr.n$", "grün")`, Want: `true`},
				{Code: f.name + `("(", "a")`, Error: f.name + ": error parsing regexp: missing closing ): `(`"},
				{Code: f.name + `("a")`, Error: f.name + ": called with 1 argument, takes 2: " + f.name + "(pattern, text) -> bool"},
			},
			Call: func(e *Env, a Args) (Value, error) {
				p, err := patterns.compile(a.String(0))
				if err != nil {
					return nil, fmt.Errorf("%s: %w", f.name, err)
				}
				return bools(p.matches(e, cut(a.String(1), maxRegexText)))
			},
		})
	}
	register(Function{
		Name:   "regex_captures",
		Family: "regex",
		Doc:    "Returns what the first match of a regular expression and its groups hold, the whole match first; null if there is none.",
		Params: []Param{pattern, text},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `regex_captures("#([0-9]+)", "Re: ticket #42 again")`, Want: `["#42", "42"]`},
			{Code: `regex_captures("x", "abc")`, Want: `null`},
			{Code: `regex_captures("(a)|(b)", "b")`, Want: `["b", "", "b"]`},
			{Code: `regex_captures("a{1000}{1000}", "a")`, Error: "regex_captures: error parsing regexp: invalid nested repetition operator: `{1000}{1000}`"},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := patterns.compile(a.String(0))
			if err != nil {
				return nil, fmt.Errorf("regex_captures: %w", err)
			}
			groups, err := p.captures(e, cut(a.String(1), maxRegexText))
			if groups == nil || err != nil {
				return nil, err
			}
			return groups, nil
		},
	})
}

// firstRunes returns the first n characters of s.
func firstRunes(s string, n int) []rune {
	out := make([]rune, 0, min(len(s), n))
	for _, r := range s {
		if len(out) == n {
			break
		}
		out = append(out, r)
	}
	return out
}
