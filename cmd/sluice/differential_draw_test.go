package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/runtime"
)

var (
	textLiteral   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	numberLiteral = regexp.MustCompile(`-?\b[0-9]+(?:\.[0-9]+)?\b`)
)

// literals returns the constants in the examples of a function, which are those that it knows.
func literals(f *runtime.Function) []runtime.Value {
	var out []runtime.Value
	for _, ex := range f.Examples {
		for _, s := range textLiteral.FindAllString(ex.Code, -1) {
			var text string
			if json.Unmarshal([]byte(s), &text) == nil {
				out = append(out, text)
			}
		}
		for _, s := range numberLiteral.FindAllString(textLiteral.ReplaceAllString(ex.Code, ""), -1) {
			if n, err := strconv.ParseInt(s, 10, 64); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// oddTexts are shapes that functions tend to forget.
var oddTexts = []string{
	"", " ", "a", "A.b@Example.ORG", "Grüße", "İstanbul ſ", "日本語", "👩‍👩‍👧", "e\u0301", "\u200b\u202ex", "\x00", "a\x00b", "\r\n", "\t x \n", "\ufffd", "\U0010ffff",
	"\"", "\\", "'", "${a}", "%s%", "a,b;c", "[", "(", "(a|b)*", "^$", "\\d+", "<x>", "<b>&lt;&amp;", "=?utf-8?Q?=C3=BC?=", "=FF=", "/w==", "aGk=", "zz",
	"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "10.0.0.0/8", "::/0", "example.org", "xn--mnchen-3ya.de", "münchen.de", "co.uk", "a..b", "@", "http://u:p@[::1]:80/a?b#c",
	"0", "-1", "1.5", "9223372036854775808", "1e400", "NaN", "true", "null", "{\"a\":[1,2.0]}", "[[[]]]", "1h", "-5s", "1/1s", "2026-02-30", "Thu, 1 Jan 2026 00:00:00 +0000",
	"Europe/Berlin", "present", "__proto__", "constructor", strings.Repeat("ab ", 300),
}

var oddInts = []int64{0, 1, -1, 2, 3, 7, 10, 64, 255, 256, 1000, -1000, 1 << 31, 1<<53 - 1, 1 << 53, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1767225600}

// Whole floats are ints in JavaScript; what a call makes of them is not compared.
var oddFloats = []float64{0.5, -0.5, 1.25, -2.75, 1e300, -1e300, 5e-324, 1.7976931348623157e308, 3.141592653589793, 0.1}

func drawText(t *rapid.T) string {
	if rapid.IntRange(0, 4).Draw(t, "random text") == 0 {
		return rapid.StringN(0, 12, 40).Draw(t, "text")
	}
	return rapid.SampledFrom(oddTexts).Draw(t, "odd text")
}

// drawKind returns a value of a kind, or of one that becomes it.
func drawKind(t *rapid.T, k runtime.Kind, words []runtime.Value, depth int) runtime.Value {
	if len(words) > 0 && rapid.Bool().Draw(t, "of the examples") {
		v := rapid.SampledFrom(words).Draw(t, "word")
		if have, _ := runtime.KindOf(v); have == k || k == runtime.Any || k == runtime.Duration || k == runtime.Number && have == runtime.Int {
			return v
		}
	}
	switch k {
	case runtime.Null:
		return nil
	case runtime.Bool:
		return rapid.Bool().Draw(t, "bool")
	case runtime.Int:
		if rapid.Bool().Draw(t, "small") {
			return rapid.Int64Range(-3, 40).Draw(t, "int")
		}
		return rapid.SampledFrom(oddInts).Draw(t, "odd int")
	case runtime.Float:
		return rapid.SampledFrom(oddFloats).Draw(t, "float")
	case runtime.Number:
		return drawKind(t, rapid.SampledFrom([]runtime.Kind{runtime.Int, runtime.Float}).Draw(t, "number"), nil, depth)
	case runtime.Duration:
		return drawKind(t, rapid.SampledFrom([]runtime.Kind{runtime.Int, runtime.String}).Draw(t, "duration"), nil, depth)
	case runtime.String:
		return drawText(t)
	case runtime.Bytes:
		return rapid.SampledFrom([][]byte{{}, {0}, {0xff, 0xfe}, []byte("text"), {0xc3}, []byte("Grüße"), {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}}).Draw(t, "bytes")
	case runtime.List:
		n := rapid.IntRange(0, 4).Draw(t, "elements")
		list := make([]runtime.Value, n)
		same := rapid.Bool().Draw(t, "of texts")
		for i := range list {
			if same {
				list[i] = drawKind(t, runtime.String, words, depth+1)
			} else {
				list[i] = drawKind(t, runtime.Any, words, depth+1)
			}
		}
		return list
	case runtime.Map:
		m := map[string]runtime.Value{}
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			m[drawText(t)] = drawKind(t, runtime.Any, words, depth+1)
		}
		return m
	}
	kinds := []runtime.Kind{runtime.Null, runtime.Bool, runtime.Int, runtime.Float, runtime.String, runtime.String, runtime.Bytes}
	if depth < 3 {
		kinds = append(kinds, runtime.List, runtime.Map)
	}
	return drawKind(t, rapid.SampledFrom(kinds).Draw(t, "kind"), words, depth)
}

// drawCall returns a call of f: mostly a lawful one, and now and then with too few arguments, too
// many, or of wrong kinds.
func drawCall(t *rapid.T, f *runtime.Function, words []runtime.Value) *anyCall {
	least, most := f.Required()
	if most < 0 {
		most = least + 3
	}
	n := rapid.IntRange(least, most).Draw(t, "arguments")
	switch rapid.IntRange(0, 19).Draw(t, "number") {
	case 18:
		n = max(0, least-1)
	case 19:
		n = most + 1
	}
	c := &anyCall{function: f, way: rapid.IntRange(0, ways-1).Draw(t, "way")}
	for i := range n {
		k := runtime.Any
		if len(f.Params) > 0 {
			p := f.Params[min(i, len(f.Params)-1)]
			k = p.Kind
			if p.Name == "store" && rapid.IntRange(0, 9).Draw(t, "store") > 0 {
				c.args = append(c.args, "")
				continue
			}
		}
		if rapid.IntRange(0, 11).Draw(t, "any kind") == 0 {
			k = runtime.Any
		}
		c.args = append(c.args, drawKind(t, k, words, 0))
	}
	if c.way == written && strings.Contains(fmt.Sprint(c.args), "__proto__") {
		c.way = named // JavaScript's compiler knows nothing of a map with that name
	}
	return c
}
