package sieve

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPatternModel compares patterns with what regular expressions say, captures included.
func TestPatternModel(t *testing.T) {
	identity := func(s string) string { return s }
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?\`)), 0, 12, -1).Draw(t, "key")
		value := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?\\\n")), 0, 20, -1).Draw(t, "value")
		want := regexp.MustCompile(modelPattern(key)).FindStringSubmatch(value)
		m := matching{value: value, keep: true, most: maxCaptures, work: func(int) bool { return false }}
		if got := m.match(newPattern(key, identity)); got != (want != nil) {
			t.Fatalf("%q matches %q: got %v", key, value, got)
		}
		if want == nil {
			return
		}
		for i, s := range m.spans {
			if got := value[s.Start:s.End]; got != want[i+1] {
				t.Fatalf("%q matches %q: wildcard %d is %q, want %q", key, value, i+1, got, want[i+1])
			}
		}
		if len(m.spans) != len(want)-1 {
			t.Fatalf("%q: %d wildcards, want %d", key, len(m.spans), len(want)-1)
		}
	})
}

func modelPattern(key string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case '*':
			b.WriteString("(.*?)")
		case '?':
			b.WriteString("(.)")
		case '\\':
			if i+1 < len(key) {
				i++
			}
			fallthrough
		default:
			b.WriteString(regexp.QuoteMeta(key[i : i+1]))
		}
	}
	return b.String() + `\z`
}

func TestUnicodeForm(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"abc", "ABC"},
		{"é", "E\u0301"},
		{"e\u0301", "E\u0301"},
		{"ß", "ß"},
		{"ﬁ", "fi"}, // titlecase comes first; what decomposition brings is not mapped again
		{"ǆ", "Dz\u030c"},
		{"\xff", "\xff"},
		{"한", "\u1112\u1161\u11ab"},
	} {
		got, places := unicodeForm(tt.in, true)
		if got != tt.want || len(places) != len(got)+1 || places[len(got)] != len(tt.in) {
			t.Errorf("%q: got %q %v, want %q", tt.in, got, places, tt.want)
		}
	}
}
