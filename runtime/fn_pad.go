package runtime

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

func init() {
	register(Function{
		Name:   "repeat",
		Family: "text",
		Doc:    "Returns a text count times one behind the other.",
		Params: []Param{textParam, {Name: "count", Kind: Int, Doc: "0 or more"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `repeat("ab", 3)`, Want: `"ababab"`}, {Code: `repeat("ü", 0)`, Want: `""`}, {Code: `repeat("", 1000000000)`, Want: `""`},
			{Code: `repeat("a", -1)`, Error: `repeat: count is 0 or more, not -1`}, {Code: `repeat("a", 1000000000000)`, Error: `output limit of 4194304 reached`}},
		Call: func(e *Env, a Args) (Value, error) {
			s, n := a.String(0), a.Int(1)
			switch {
			case n < 0:
				return nil, fmt.Errorf("repeat: count is 0 or more, not %d", n)
			case s == "" || n == 0:
				return "", nil
			case n > 1<<31:
				return nil, e.made(1 << 62)
			}
			if err := e.made(int64(len(s)) * n); err != nil {
				return nil, err
			}
			return strings.Repeat(s, int(n)), nil
		},
	})
	width := Param{Name: "width", Kind: Int, Doc: "characters"}
	fill := Param{Name: "fill", Kind: String, Optional: true, Default: " ", Doc: "one character"}
	for _, f := range []struct {
		name, doc string
		front     bool
		examples  []Example
	}{
		{"pad_start", "Returns text with so many fill characters in front that it has width characters.", true, []Example{
			{Code: `pad_start("7", 3, "0")`, Want: `"007"`}, {Code: `pad_start("grün", 6)`, Want: `"  grün"`}, {Code: `pad_start("abc", 2)`, Want: `"abc"`},
			{Code: `pad_start("a", 3, "")`, Error: `pad_start: fill is one character`},
		}},
		{"pad_end", "Returns text with so many fill characters behind it that it has width characters.", false, []Example{
			{Code: `pad_end("a", 3, "·")`, Want: `"a··"`}, {Code: `pad_end("", 2)`, Want: `"  "`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam, width, fill}, Result: String, Trust: User, Examples: f.examples,
			Call: func(e *Env, a Args) (Value, error) {
				s, fill := a.String(0), a.String(2)
				if utf8.RuneCountInString(fill) != 1 {
					return nil, fmt.Errorf("%s: fill is one character", f.name)
				}
				n := min(a.Int(1), 1<<40) - int64(utf8.RuneCountInString(s))
				if n <= 0 {
					return s, nil
				}
				if err := e.made(int64(len(s)) + n*int64(len(fill))); err != nil {
					return nil, err
				}
				if f.front {
					return strings.Repeat(fill, int(n)) + s, nil
				}
				return s + strings.Repeat(fill, int(n)), nil
			},
		})
	}
	register(Function{
		Name:   "truncate",
		Family: "text",
		Doc:    "Returns text if it has at most length characters; else its start, with ending behind it, in length characters together.",
		Params: []Param{textParam, {Name: "length", Kind: Int, Doc: "characters, 0 or more"}, {Name: "ending", Kind: String, Optional: true, Default: "…", Doc: "text that shows the cut"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `truncate("Grüße aus Wien", 6)`, Want: `"Grüße…"`}, {Code: `truncate("short", 5)`, Want: `"short"`}, {Code: `truncate("abcdef", 4, "..")`, Want: `"ab.."`}, {Code: `truncate("abcdef", 3, "")`, Want: `"abc"`},
			{Code: `truncate("abc", 1, "...")`, Want: `"."`}, {Code: `truncate("abc", -1)`, Error: `truncate: length is 0 or more, not -1`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			s, n, ending := a.String(0), a.Int(1), a.String(2)
			if n < 0 {
				return nil, fmt.Errorf("truncate: length is 0 or more, not %d", n)
			}
			if skipRunes(s, n) == "" {
				return s, nil
			}
			ending = ending[:len(ending)-len(skipRunes(ending, n))]
			return s[:len(s)-len(skipRunes(s, n-int64(utf8.RuneCountInString(ending))))] + ending, nil
		},
	})
	register(Function{
		Name:   "count_of",
		Family: "text",
		Doc:    "Returns how many times a text holds a part; parts do not overlap.",
		Params: []Param{textParam, {Name: "part", Kind: String, Doc: "plain text, not empty"}},
		Result: Int, Trust: User,
		Examples: []Example{{Code: `count_of("a, b, c", ",")`, Want: `2`}, {Code: `count_of("aaa", "aa")`, Want: `1`}, {Code: `count_of("", "a")`, Want: `0`},
			{Code: `count_of("abc", "")`, Error: `count_of: part is empty`}},
		Call: func(_ *Env, a Args) (Value, error) {
			if a.String(1) == "" {
				return nil, fmt.Errorf("count_of: part is empty")
			}
			return int64(strings.Count(a.String(0), a.String(1))), nil
		},
	})
	register(Function{
		Name:   "format",
		Family: "text",
		Doc: "Returns a pattern with each `{}` replaced by the next value, or `{1}` by the first one, and so on. Behind a colon may stand a width, with a zero in front to fill with zeros, " +
			"and behind a point the digits of a fraction: `{:08.2}`. Texts stand at the left of their width, numbers at the right. `{{` and `}}` are braces. Lists and maps are written as JSON.",
		Params: []Param{{Name: "pattern", Kind: String, Doc: "text with places for values"}, {Name: "values", Kind: Any, Rest: true, Doc: "any values"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `format("{} of {}", 3, "ten")`, Want: `"3 of ten"`}, {Code: `format("{2}-{1}", "a", "b")`, Want: `"b-a"`}, {Code: `format("{:5}|{:3}|", "ab", 7)`, Want: `"ab   |  7|"`},
			{Code: `format("{:04} {:.2} {:08.3}", 42, 2.345, -1.5)`, Want: `"0042 2.35 -001.500"`}, {Code: `format("{{{}}} 100%", true)`, Want: `"{true} 100%"`}, {Code: `format("{} {}", [1, "a"], null)`, Want: `"[1,\"a\"] "`},
			{Code: `format("{}")`, Error: `format: the pattern wants value 1, there are 0`}, {Code: `format("{x}", 1)`, Error: `format: place {x} is not understood`},
			{Code: `format("{", 1)`, Error: `format: a brace is not closed`}, {Code: `format("}", 1)`, Error: `format: a brace is not opened; }} stands for one`}, {Code: `format("{:999}", 1)`, Error: `format: width 999 is over 100`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.format(a.String(0), a.Rest(1)) },
	})
}

// format writes values in the places of a pattern.
func (e *Env) format(pattern string, values []Value) (Value, error) {
	var out strings.Builder
	next := 0
	for pattern != "" {
		i := strings.IndexAny(pattern, "{}")
		if i < 0 {
			i = len(pattern)
		}
		out.WriteString(pattern[:i])
		if pattern = pattern[i:]; pattern == "" {
			break
		}
		if len(pattern) > 1 && pattern[0] == pattern[1] {
			out.WriteByte(pattern[0])
			pattern = pattern[2:]
			continue
		}
		if pattern[0] == '}' {
			return nil, fmt.Errorf("format: a brace is not opened; }} stands for one")
		}
		end := strings.IndexByte(pattern, '}')
		if end < 0 {
			return nil, fmt.Errorf("format: a brace is not closed")
		}
		p, err := parsePlace(pattern[1:end])
		if err != nil {
			return nil, err
		}
		if p.value == 0 {
			next++
			p.value = next
		}
		if p.value > len(values) {
			return nil, fmt.Errorf("format: the pattern wants value %d, there are %d", p.value, len(values))
		}
		text, err := e.placed(p, values[p.value-1])
		if err != nil {
			return nil, err
		}
		if err := e.made(int64(out.Len() + len(text))); err != nil {
			return nil, err
		}
		out.WriteString(text)
		pattern = pattern[end+1:]
	}
	return out.String(), nil
}

// formatPlace is what stands between braces.
type formatPlace struct {
	value, width, digits int // value counts from 1, 0: the next; digits -1: as many as there are
	zeros                bool
}

func parsePlace(s string) (formatPlace, error) {
	p := formatPlace{digits: -1}
	bad := fmt.Errorf("format: place {%s} is not understood", cut(s, 20))
	number := func(text string, into *int, what string, most int) error {
		n, err := strconv.Atoi(text)
		if err != nil || text[0] == '+' || n < 0 {
			return bad
		}
		if n > most {
			return fmt.Errorf("format: %s %d is over %d", what, n, most)
		}
		*into = n
		return nil
	}
	value, rest, _ := strings.Cut(s, ":")
	width, digits, pointed := strings.Cut(rest, ".")
	if value != "" {
		if err := number(value, &p.value, "value", 1000); err != nil {
			return p, err
		}
		if p.value == 0 {
			return p, bad
		}
	}
	if width != "" {
		p.zeros = width[0] == '0'
		if err := number(width, &p.width, "width", 100); err != nil {
			return p, err
		}
	}
	if pointed {
		return p, number(digits, &p.digits, "digits", 20)
	}
	return p, nil
}

// placed returns a value as a place wants it.
func (e *Env) placed(p formatPlace, v Value) (string, error) {
	k, _ := KindOf(v)
	text, numeric := "", k == Int || k == Float
	switch {
	case numeric && p.digits >= 0:
		text = strconv.FormatFloat(number(v), 'f', p.digits, 64)
		if i, ok := v.(int64); ok { // all digits of it
			text = strconv.FormatInt(i, 10) + strings.TrimPrefix(strconv.FormatFloat(0, 'f', p.digits, 64), "0")
		}
	case k == List || k == Map:
		j := jsonPrinter{run: e}
		if err := j.value(v, 0); err != nil {
			return "", err
		}
		text = string(j.out)
	default:
		var err error
		if text, err = scalarText("format", v); err != nil {
			return "", err
		}
	}
	missing := p.width - utf8.RuneCountInString(text)
	switch {
	case missing <= 0:
		return text, nil
	case !numeric:
		return text + strings.Repeat(" ", missing), nil
	case p.zeros:
		sign := text[:len(text)-len(strings.TrimPrefix(text, "-"))]
		return sign + strings.Repeat("0", missing) + text[len(sign):], nil
	}
	return strings.Repeat(" ", missing) + text, nil
}
