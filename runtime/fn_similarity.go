package runtime

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// What a comparison may cost: the edit distance takes the product of both lengths, the
// others remember every different element.
const (
	maxLevenshtein = 4 << 10  // characters of each text
	maxDifferent   = 64 << 10 // different elements of both
)

func init() {
	a, b := Param{Name: "a", Kind: String, Doc: "text"}, Param{Name: "b", Kind: String, Doc: "text"}
	register(Function{
		Name:   "levenshtein_distance",
		Family: "text",
		Doc: "Returns how many characters have to be put in, taken out or changed to make one text the other. " +
			"Each may have 4096 characters; more is an error.",
		Params: []Param{a, b},
		Result: Int, Trust: User,
		Examples: []Example{
			{Code: `levenshtein_distance("paypal", "paypa1")`, Want: `1`}, {Code: `levenshtein_distance("", "grün")`, Want: `4`},
			{Code: `levenshtein_distance("kitten", "sitting")`, Want: `3`}, {Code: `levenshtein_distance("example", "exmaple")`, Want: `2`},
			{Code: `levenshtein_distance("same", "same")`, Want: `0`}, {Code: `levenshtein_distance("A", "a")`, Want: `1`},
		},
		Call: func(_ *Env, args Args) (Value, error) {
			for i := range 2 {
				if n := utf8.RuneCountInString(args.String(i)); n > maxLevenshtein {
					return nil, fmt.Errorf("levenshtein_distance: argument %d (%s) has %d characters, at most %d are compared", i+1, "ab"[i:i+1], n, maxLevenshtein)
				}
			}
			return int64(levenshtein([]rune(args.String(0)), []rune(args.String(1)))), nil
		},
	})
	a.Kind, b.Kind = Any, Any
	a.Doc, b.Doc = "list, or text that counts as the list of its characters", "list or text"
	const bound = " 1 and 1.0 are one element. More than 65536 different elements are an error."
	for _, f := range []struct {
		name, doc string
		measure   func(counts map[any][2]float64) float64
		examples  []Example
	}{
		{"cosine_similarity", "Returns how alike two lists are by how often each element stands in them: 1.0 if in the same proportions, 0.0 if they share " +
			"none, or one is empty. Use `tokenize` to compare texts by words." + bound, cosine, []Example{
			{Code: `round(cosine_similarity(["buy", "now"], ["buy", "now"]))`, Want: `1`}, {Code: `round(cosine_similarity(["buy"], ["sell"]))`, Want: `0`},
			{Code: `cosine_similarity(["a", "a", "a", "a", "b", "b", "b"], ["a"])`, Want: `0.8`}, {Code: `cosine_similarity("aaaabbb", "a")`, Want: `0.8`},
			{Code: `round(cosine_similarity([], []))`, Want: `0`}, {Code: `cosine_similarity(1, "a")`, Error: `cosine_similarity: argument 1 (a): expected string or list, got int`},
		}},
		{"jaccard_similarity", "Returns how alike two lists are by which elements stand in them, however often: the number of those in both divided by " +
			"that of those in any; 0.0 if both are empty. Use `tokenize` to compare texts by words." + bound, jaccard, []Example{
			{Code: `round(jaccard_similarity(["buy", "now"], ["now", "buy", "buy"]))`, Want: `1`}, {Code: `jaccard_similarity(["a", "b"], ["b", "c", "d"])`, Want: `0.25`},
			{Code: `round(jaccard_similarity("abc", "xyz"))`, Want: `0`}, {Code: `jaccard_similarity("abab", "bcda")`, Want: `0.5`},
			{Code: `jaccard_similarity(tokenize("buy it now", "words"), tokenize("buy, or sell, it now", "words"))`, Want: `0.6`},
			{Code: `round(jaccard_similarity("", []))`, Want: `0`}, {Code: `round(jaccard_similarity([1], [1.5]))`, Want: `0`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{a, b}, Result: Float, Trust: User, Examples: f.examples,
			Call: func(_ *Env, args Args) (Value, error) {
				counts := map[any][2]float64{}
				for i := range 2 {
					if err := countElements(counts, args[i], i); err != nil {
						return nil, fmt.Errorf("%s: argument %d (%s): %w", f.name, i+1, "ab"[i:i+1], err)
					}
				}
				return f.measure(counts), nil
			},
		})
	}
}

// countElements counts the elements of a list, or the characters of a text, under i.
func countElements(counts map[any][2]float64, v Value, i int) error {
	count := func(key any) error {
		n := counts[key]
		n[i]++
		counts[key] = n
		if len(counts) > maxDifferent {
			return fmt.Errorf("more than %d different elements", maxDifferent)
		}
		return nil
	}
	switch v := v.(type) {
	case string:
		var plain [utf8.RuneSelf]float64 // most characters need no map
		for _, r := range v {
			if r < utf8.RuneSelf {
				plain[r]++
			} else if err := count(string(r)); err != nil {
				return err
			}
		}
		for r, n := range plain {
			if n > 0 {
				key := string(rune(r))
				c := counts[key]
				c[i] += n
				counts[key] = c
			}
		}
		return nil
	case []Value:
		for _, e := range v {
			var key any = e
			switch v := e.(type) {
			case string:
			case float64:
				if math.IsNaN(v) {
					key = otherElement("NaN") // which equals no key of a map
				}
			case int64: // as in JavaScript, which has one kind of number
				if f := float64(v); int64(f) == v {
					key = f
				}
			default:
				key = otherElement(identity(e))
			}
			if err := count(key); err != nil {
				return err
			}
		}
		return nil
	}
	k, _ := KindOf(v)
	return fmt.Errorf("expected string or list, got %s", k)
}

// otherElement is the identity of an element that is no text.
type otherElement string

func cosine(counts map[any][2]float64) float64 {
	// The counts are whole numbers, so that their sums do not depend on the order of a map.
	var dot, a, b float64
	for _, n := range counts {
		dot += n[0] * n[1]
		a += n[0] * n[0]
		b += n[1] * n[1]
	}
	if dot == 0 {
		return 0
	}
	return min(1, dot/math.Sqrt(a*b))
}

func jaccard(counts map[any][2]float64) float64 {
	if len(counts) == 0 {
		return 0
	}
	both := 0
	for _, n := range counts {
		if n[0] > 0 && n[1] > 0 {
			both++
		}
	}
	return float64(both) / float64(len(counts))
}

// levenshtein takes a column of the shorter text, and nothing for what both begin and end with.
func levenshtein(a, b []rune) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		last := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := last
			if x != y {
				cost = 1 + min(last, row[j+1], row[j])
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
