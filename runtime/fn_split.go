package runtime

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

func init() {
	separator := Param{Name: "separator", Kind: String, Doc: "plain text, not empty"}
	register(Function{
		Name:   "split",
		Family: "text",
		Doc:    "Splits text at every separator and returns the pieces, empty ones too.",
		Params: []Param{textParam, separator},
		Result: List, Trust: User,
		Examples: []Example{{Code: `split("a,b,,c", ",")`, Want: `["a", "b", "", "c"]`}, {Code: `split("", ",")`, Want: `[""]`}, {Code: `split("aüb", "ü")`, Want: `["a", "b"]`},
			{Code: `split("abc", "")`, Error: `split: separator is empty`}, {Code: `split(["a"], ",")`, Error: `split: argument 1 (text): expected string, got list`}},
		Call: func(e *Env, a Args) (Value, error) { return e.split("split", a, -1) },
	})
	register(Function{
		Name:   "rsplit",
		Family: "text",
		Doc:    "Splits text at every separator and returns the pieces from the last to the first.",
		Params: []Param{textParam, separator},
		Result: List, Trust: User,
		Examples: []Example{{Code: `rsplit("a.b.c", ".")`, Want: `["c", "b", "a"]`}, {Code: `rsplit("abc", ".")`, Want: `["abc"]`}},
		Call: func(e *Env, a Args) (Value, error) {
			v, err := e.split("rsplit", a, -1)
			if err == nil {
				slices.Reverse(v.([]Value))
			}
			return v, err
		},
	})
	register(Function{
		Name:   "split_n",
		Family: "text",
		Doc:    "Splits text at the first n separators and returns the pieces, at most n+1.",
		Params: []Param{textParam, separator, {Name: "n", Kind: Int, Doc: "how many times to split"}},
		Result: List, Trust: User,
		Examples: []Example{{Code: `split_n("a,b,c", ",", 1)`, Want: `["a", "b,c"]`}, {Code: `split_n("a,b,c", ",", 9)`, Want: `["a", "b", "c"]`},
			{Code: `split_n("a,b,c", ",", -1)`, Want: `["a,b,c"]`}, {Code: `split_n("a,b", ",", "1")`, Error: `split_n: argument 3 (n): expected int, got string`}},
		Call: func(e *Env, a Args) (Value, error) {
			return e.split("split_n", a, int(min(max(a.Int(2), 0), 1<<30))+1)
		},
	})
	for _, f := range []struct {
		name, doc string
		index     func(s, sep string) int
		example   Example
	}{
		{"split_once", "Splits text at the first separator and returns both pieces, or null if there is none (`\"\"` in Stalwart).", strings.Index,
			Example{Code: `split_once("a=b=c", "=")`, Want: `["a", "b=c"]`}},
		{"rsplit_once", "Splits text at the last separator and returns both pieces, or null if there is none.", strings.LastIndex,
			Example{Code: `rsplit_once("a=b=c", "=")`, Want: `["a=b", "c"]`}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam, separator}, Result: List, Trust: User,
			Examples: []Example{f.example, {Code: f.name + `("abc", "=")`, Want: `null`}},
			Call: func(_ *Env, a Args) (Value, error) {
				s, sep := a.String(0), a.String(1)
				i := f.index(s, sep)
				if sep == "" || i < 0 {
					return nil, nil
				}
				return []Value{s[:i], s[i+len(sep):]}, nil
			},
		})
	}
	register(Function{
		Name:   "split_words",
		Family: "text",
		Doc:    "Splits text at white space and returns the words that hold letters and digits only.",
		Params: []Param{textParam},
		Result: List, Trust: User,
		Examples: []Example{{Code: `split_words("buy 2 now!")`, Want: `["buy", "2"]`}, {Code: `split_words("schöne Grüße\n")`, Want: `["schöne", "Grüße"]`}, {Code: `split_words("")`, Want: `[]`}},
		Call: func(e *Env, a Args) (Value, error) {
			out := []Value{}
			for w := range strings.FieldsSeq(a.String(0)) {
				if strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0 {
					if err := e.holds(len(out)); err != nil {
						return nil, err
					}
					out = append(out, w)
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "lines",
		Family: "text",
		Doc:    "Splits text in its lines, without their line ends.",
		Params: []Param{textParam},
		Result: List, Trust: User,
		Examples: []Example{{Code: `lines("a\r\nb\n")`, Want: `["a", "b"]`}, {Code: `lines("\n\n")`, Want: `["", ""]`}, {Code: `lines("")`, Want: `[]`}},
		Call: func(e *Env, a Args) (Value, error) {
			out := []Value{}
			for l := range strings.Lines(a.String(0)) {
				if err := e.holds(len(out)); err != nil {
					return nil, err
				}
				if body, ok := strings.CutSuffix(l, "\n"); ok {
					l = strings.TrimSuffix(body, "\r")
				}
				out = append(out, l)
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "join",
		Family: "text",
		Doc:    "Returns the texts of a list as one, with separator between them.",
		Params: []Param{{Name: "list", Kind: List, Doc: "texts"}, {Name: "separator", Kind: String, Optional: true, Default: "", Doc: "plain text"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `join(["a", "b"], ", ")`, Want: `"a, b"`}, {Code: `join(["a", "b"])`, Want: `"ab"`}, {Code: `join([], ",")`, Want: `""`},
			{Code: `join(["a", 1], ",")`, Error: `join: element 2: expected string, got int`}},
		Call: func(e *Env, a Args) (Value, error) {
			list, sep := a.List(0), a.String(1)
			parts, size := make([]string, len(list)), int64(len(sep))*int64(len(list))
			for i, v := range list {
				s, ok := v.(string)
				if !ok {
					k, _ := KindOf(v)
					return nil, fmt.Errorf("join: element %d: expected string, got %s", i+1, k)
				}
				parts[i] = s
				size += int64(len(s))
			}
			if err := e.made(size); err != nil {
				return nil, err
			}
			return strings.Join(parts, sep), nil
		},
	})
}

// split splits argument 0 at argument 1 in at most n pieces; -1: all.
func (e *Env) split(name string, a Args, n int) (Value, error) {
	s, sep := a.String(0), a.String(1)
	if sep == "" {
		return nil, fmt.Errorf("%s: separator is empty", name)
	}
	if err := e.holds(strings.Count(s, sep)); err != nil && n < 0 {
		return nil, err
	}
	pieces := strings.SplitN(s, sep, n)
	out := make([]Value, len(pieces))
	for i, p := range pieces {
		out[i] = p
	}
	return out, nil
}
