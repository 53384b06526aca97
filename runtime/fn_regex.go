package runtime

import (
	"fmt"
)

const maxRegexText = 1 << 20 // octets that are looked at

func init() {
	pattern := Param{Name: "pattern", Kind: String, Doc: "RE2 syntax (Go), at most 1 KiB, and 10,000 instructions with repetitions written out; it matches anywhere unless it begins with ^"}
	text := Param{Name: "text", Kind: String, Doc: "text; its first MiB is looked at"}
	register(Function{
		Name:   "matches_regex",
		Family: "text",
		Doc:    "Says whether text matches a regular expression. It is Stalwart's `matches`. Time grows with the text only.",
		Params: []Param{pattern, text},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `matches_regex("^\\[SPAM\\]", "[SPAM] buy")`, Want: `true`},
			{Code: `matches_regex("(?i)viagra|casino", "good news")`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := patterns.compile(a.String(0))
			if err != nil {
				return nil, fmt.Errorf("matches_regex: %w", err)
			}
			return bools(p.matches(e, cut(a.String(1), maxRegexText)))
		},
	})
	register(Function{
		Name:   "regex_captures",
		Family: "text",
		Doc:    "Returns what the first match of a regular expression and its groups hold, the whole match first; null if there is none.",
		Params: []Param{pattern, text},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `regex_captures("#([0-9]+)", "Re: ticket #42 again")`, Want: `["#42", "42"]`},
			{Code: `regex_captures("x", "abc")`, Want: `null`},
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
