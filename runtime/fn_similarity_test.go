package runtime

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// slowDistance is the edit distance as it is defined.
func slowDistance(a, b []rune) int {
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	cost := 1
	if a[0] == b[0] {
		cost = 0
	}
	return min(slowDistance(a[1:], b)+1, slowDistance(a, b[1:])+1, slowDistance(a[1:], b[1:])+cost)
}

func TestDistancesAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abü")), 0, 6, -1)
		a, b := []rune(text.Draw(t, "a")), []rune(text.Draw(t, "b"))
		if got, want := levenshtein(a, b), slowDistance(a, b); got != want {
			t.Fatalf("distance is %d, want %d", got, want)
		}
	})
}

func TestSimilaritiesAreSymmetricAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abcü日")), 0, 12, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		list := []Value{}
		for _, r := range a {
			list = append(list, string(r))
		}
		measure := func(f func(map[any][2]float64) float64, a, b Value) float64 {
			counts := map[any][2]float64{}
			for i, v := range []Value{a, b} {
				if err := countElements(counts, v, i); err != nil {
					t.Fatal(err)
				}
			}
			return f(counts)
		}
		for _, f := range []func(map[any][2]float64) float64{cosine, jaccard} {
			ab := measure(f, a, b)
			if ba := measure(f, b, a); ab != ba || ab < 0 || ab > 1 {
				t.Fatalf("%v and %v", ab, ba)
			}
			if same := measure(f, list, a); a != "" && same < 1-1e-12 {
				t.Fatalf("a text and its characters: %v", same)
			}
		}
	})
}

func TestComparisonsAreBounded(t *testing.T) {
	var different strings.Builder
	for r := range rune(70_000) {
		if r += 0x100; r < 0xd800 || r > 0xdfff {
			different.WriteRune(r)
		}
	}
	for call, want := range map[string]string{
		fmt.Sprintf(`levenshtein_distance("a", "%s")`, strings.Repeat("ü", 4097)): "levenshtein_distance: argument 2 (b) has 4097 characters, at most 4096 are compared",
		fmt.Sprintf(`jaccard_similarity("%s", "a")`, different.String()):          "jaccard_similarity: argument 1 (a): more than 65536 different elements",
		fmt.Sprintf(`cosine_similarity("a", split("%s", " "))`, words(70_000)):    "cosine_similarity: argument 2 (b): more than 65536 different elements",
	} {
		if r := runTiny(t, call, RunOptions{}); r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%.80s: %.200v", call, r.Err)
		}
	}
}

func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d ", i)
	}
	return b.String()
}

func BenchmarkLevenshtein(b *testing.B) {
	for _, n := range []int{16, maxLevenshtein} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, y := []rune(strings.Repeat("ab", n/2)), []rune(strings.Repeat("ba", n/2))
			x[0], y[n-1] = 'x', 'y'
			b.ReportAllocs()
			for b.Loop() {
				levenshtein(x, y)
			}
		})
	}
}

func BenchmarkSimilarity(b *testing.B) {
	list := []Value{}
	for w := range strings.FieldsSeq(words(1000)) {
		list = append(list, w)
	}
	b.ReportAllocs()
	for b.Loop() {
		counts := map[any][2]float64{}
		if countElements(counts, list, 0) != nil || countElements(counts, list, 1) != nil {
			b.Fatal("too many")
		}
		cosine(counts)
	}
}
