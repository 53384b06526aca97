package runtime

import (
	"fmt"
	"regexp"
	"strings"
)

func init() {
	register(Function{
		Name:   "matches_glob",
		Family: "regex",
		Doc: "Says whether a pattern, or one of a list, matches the whole of text: `*` stands for any characters, `?` for one, and a backslash takes its meaning from what follows. " +
			"The case of letters does not count.",
		Params: []Param{{Name: "pattern", Kind: Any, Doc: "pattern of at most 500 octets, or a list of patterns"}, {Name: "text", Kind: String, Doc: "text; its first MiB is looked at"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `matches_glob("*@example.org", "Eve@Example.ORG")`, Want: `true`}, {Code: `matches_glob("*.exe", "setup.exe.txt")`, Want: `false`}, {Code: `matches_glob("gr?n", "grün")`, Want: `true`}, {Code: `matches_glob("*", "")`, Want: `true`},
			{Code: `matches_glob(["*@a.example", "*@b.example"], "x@b.example")`, Want: `true`}, {Code: `matches_glob("100\\*", "1000")`, Want: `false`}, {Code: `matches_glob("a.c", "abc")`, Want: `false`}, {Code: `matches_glob([], "a")`, Want: `false`},
			{Code: `matches_glob(1, "a")`, Error: `matches_glob: argument 1 (pattern): expected string or list, got int`}, {Code: `matches_glob(["a", 1], "b")`, Error: `matches_glob: argument 1 (pattern): element 2: expected string, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			list, ok := a[0].([]Value)
			if !ok {
				list = []Value{a[0]}
			}
			for i, v := range list {
				glob, isText := v.(string)
				if !isText {
					k, _ := KindOf(v)
					if ok {
						return nil, fmt.Errorf("matches_glob: argument 1 (pattern): element %d: expected string, got %s", i+1, k)
					}
					return nil, fmt.Errorf("matches_glob: argument 1 (pattern): expected string or list, got %s", k)
				}
				if len(glob) > maxGlob {
					return nil, fmt.Errorf("matches_glob: pattern of %d octets is over %d", len(glob), maxGlob)
				}
				p, err := patterns.compile(globPattern(glob))
				if err != nil {
					return nil, fmt.Errorf("matches_glob: %w", err)
				}
				if found, err := p.matches(e, cut(a.String(1), maxRegexText)); found || err != nil {
					return found, err
				}
				if err := e.alive(); err != nil {
					return nil, err
				}
			}
			return false, nil
		},
	})
}

// maxGlob is how many octets a pattern may have, so that its regular expression is not too long.
const maxGlob = 500

// globPattern returns the regular expression that does what a pattern with wildcards says.
func globPattern(glob string) string {
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	plain := 0 // where the text begins that is not written yet
	write := func(end int) {
		b.WriteString(regexp.QuoteMeta(strings.ToValidUTF8(glob[plain:end], "\ufffd")))
		plain = end + 1
	}
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '*':
			write(i)
			b.WriteString(`.*`)
		case '?':
			write(i)
			b.WriteString(`.`)
		case '\\':
			write(i)
			i++ // what follows is text
		}
	}
	if plain < len(glob) {
		write(len(glob))
	}
	b.WriteString(`\z`)
	return b.String()
}
