package runtime

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// parseJSON reads JSON as json_parse does.
func parseJSON(s string) (Value, error) {
	p := jsonParser{in: s, left: 1000}
	return p.whole()
}

// printJSON writes JSON as json_print does.
func printJSON(v Value) (string, error) {
	p := jsonPrinter{run: &Env{View: &View{Limits: DefaultLimits}}}
	err := p.value(v, 0)
	return string(p.out), err
}

func TestJSONIsBounded(t *testing.T) {
	if _, err := parseJSON(strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth)); err != nil {
		t.Error(err)
	}
	_, err := parseJSON(strings.Repeat("[", maxJSONDepth+1))
	if want := "offset 64: nested deeper than 64"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var deep Value
	for range maxJSONDepth + 1 {
		deep = []Value{deep}
	}
	if _, err := printJSON(deep); err == nil || err.Error() != "json_print: value is nested deeper than 64" {
		t.Error(err)
	}
	for source, want := range map[string]string{
		`json_parse("[` + strings.Repeat("1,", 2000) + `1]")`:      "memory",
		`json_print([repeat("a", 50000), repeat("b", 50000)])`:     "output",
		`json_print(repeat("\u0001", 60000))`:                      "",
		`json_parse("[` + strings.Repeat("1,", 500) + `1]", null)`: "",
	} {
		r := runTiny(t, source, RunOptions{Limits: Limits{Memory: 1000 * ElementSize, Output: 60_000}})
		var limit *LimitError
		if errors.As(r.Err, &limit) != (want != "") || limit != nil && limit.Limit != want {
			t.Errorf("%.40s: %v, want %q", source, r.Err, want)
		}
	}
}

func TestNumbersOfJSONKeepTheirKind(t *testing.T) {
	for text, want := range map[string]Value{
		"0": int64(0), "-0": negativeZero(), "9223372036854775807": int64(1<<63 - 1), "-9223372036854775808": int64(-1 << 63),
		"9223372036854775808": float64(1 << 63), "1.0": 1.0, "1E2": 100.0, "1e-400": 0.0,
	} {
		got, err := parseJSON(text)
		if err != nil || !Equal(got, want) {
			t.Errorf("%s is %#v, %v", text, got, err)
		}
	}
}

func negativeZero() Value {
	z := 0.0
	return -z
}

func TestWhatJSONPrintsItReads(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) Value { return drawValue(t, 3) })
	rapid.Check(t, func(t *rapid.T) {
		v := value.Draw(t, "value")
		text, err := printJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s is no JSON", text)
		}
		again, err := parseJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if second, err := printJSON(again); err != nil || second != text {
			t.Errorf("%s, then %s, %v", text, second, err)
		}
	})
}

func drawValue(t *rapid.T, depth int) Value {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]Value{nil, true, false}).Draw(t, "constant")
	case 1:
		return rapid.Int64().Draw(t, "int")
	case 2:
		return rapid.Float64().Draw(t, "float")
	case 3:
		return rapid.String().Draw(t, "text")
	case 4:
		list := []Value{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	}
	m := map[string]Value{}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		m[rapid.String().Draw(t, "name")] = drawValue(t, depth-1)
	}
	return m
}

// FuzzJSON holds json_parse to what encoding/json takes for JSON, and its own output to be read.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5e3, null, true], "b": "\u00fc\ud83d\ude00\n"}`, `"\ud83d\u0041"`, `[1,]`, `-`, `01`, `{"a":1,"a":2}`, "\"\xff\"", `"\x"`, `1e999`, " [ ] "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseJSON(s)
		if err != nil {
			if json.Valid([]byte(s)) && !strings.Contains(err.Error(), "out of range") && !strings.Contains(err.Error(), "too many") && !strings.Contains(err.Error(), "nested") {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if !json.Valid([]byte(s)) {
			t.Errorf("%q was read as %v", s, v)
		}
		text, err := printJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseJSON(text); err != nil {
			t.Errorf("%q gave %q: %v", s, text, err)
		}
	})
}

func BenchmarkJSONParse(b *testing.B) {
	text := `{"list": [` + strings.Repeat(`{"id": 12345, "name": "somebody", "score": 1.5, "tags": ["a", "b"]},`, 20) + `null]}`
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := parseJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}
