package runtime

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testEnv() *Env {
	return &Env{Context: context.Background(), View: &View{Limits: DefaultLimits}}
}

func TestRandomNumbersComeFromTheSeed(t *testing.T) {
	source := `concat(random(1000000), random(1000000), random())`
	first := runTiny(t, source, RunOptions{Seed: 7})
	again := runTiny(t, source, RunOptions{Seed: 7})
	other := runTiny(t, source, RunOptions{Seed: 8})
	if first.Err != nil || !Equal(first.Value, again.Value) || Equal(first.Value, other.Value) {
		t.Errorf("%v %v %v, %v", first.Value, again.Value, other.Value, first.Err)
	}
}

func TestWhatTextFunctionsMakeIsBounded(t *testing.T) {
	for source, want := range map[string]string{
		`repeat("ab", 600000)`:                                                   "output",
		`pad_start("", 2000000)`:                                                 "output",
		`pad_end("a", 9223372036854775807)`:                                      "output",
		`format("` + strings.Repeat("{1}", 2000) + `", repeat("a", 1000))`:       "output",
		`base64_encode(repeat("a", 900000))`:                                     "output",
		`hex_encode(repeat("a", 900000))`:                                        "output",
		`url_encode(repeat(" ", 900000))`:                                        "output",
		`html_escape(repeat("a", 900000))`:                                       "output",
		`quoted_printable_encode(repeat("=", 900000))`:                           "output",
		`date_format(0, repeat("%A", 100000))`:                                   "output",
		`concat(split(repeat("a,", 9000), ","), split(repeat("a,", 9000), ","))`: "memory",
	} {
		r := runTiny(t, source, RunOptions{Limits: Limits{Output: 1 << 20, Memory: 10_000 * ElementSize}})
		var limit *LimitError
		if !errors.As(r.Err, &limit) || limit.Limit != want {
			t.Errorf("%.40s: %v, want the limit %s", source, r.Err, want)
		}
	}
}

func TestManyPartsEndWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := testEnv()
	e.Context = ctx
	parts := []Value{"b", "c"}
	for name, call := range map[string]func() (Value, error){
		"contains":     func() (Value, error) { return Lookup("contains").Call(e, Args{"aaa", parts}) },
		"matches_glob": func() (Value, error) { return Lookup("matches_glob").Call(e, Args{parts, "a"}) },
	} {
		if _, err := call(); !errors.Is(err, ErrBudget) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumbersAtTheirEdges(t *testing.T) {
	for _, tt := range []struct {
		function string
		args     Args
		want     Value
	}{
		{"abs", Args{int64(math.MinInt64)}, nil},
		{"floor", Args{1e300}, 1e300},
		{"floor", Args{-9.3e18}, -9.3e18},
		{"round", Args{math.Inf(1), int64(2)}, math.Inf(1)},
		{"round", Args{math.NaN(), int64(0)}, math.NaN()},
		{"round", Args{1.005, int64(2)}, 1.0},
		{"int", Args{math.NaN(), nil}, nil},
		{"string", Args{math.Inf(-1)}, "-Infinity"},
		{"string", Args{math.NaN()}, "NaN"},
		{"string", Args{1e21}, "1e+21"},
		{"string", Args{1e20}, "100000000000000000000"},
		{"string", Args{0.000001}, "0.000001"},
		{"string", Args{1.5e-10}, "1.5e-10"},
		{"duration_text", Args{math.NaN()}, nil},
		{"json_print", Args{math.NaN(), int64(0)}, nil},
		{"sum_of", Args{[]Value{int64(math.MaxInt64), 0.5, int64(1)}}, float64(1 << 63)},
		{"sum_of", Args{[]Value{int64(math.MinInt64), int64(-1)}}, nil},
		{"is_between", Args{math.NaN(), int64(0), int64(1)}, false},
	} {
		got, err := Lookup(tt.function).Call(testEnv(), tt.args)
		if (err != nil) != (tt.want == nil) || err == nil && !Equal(got, tt.want) {
			t.Errorf("%s(%v) is %v, %v; want %v", tt.function, tt.args, got, err, tt.want)
		}
	}
}

// FuzzTextFunctions holds that no text makes a function panic that takes text alone, and that
// what is encoded is decoded again.
func FuzzTextFunctions(f *testing.F) {
	for _, s := range []string{"", "grün", "=?utf-8?q?a?=", "%zz%41", "{:08.2}", "\xff\xfe", "a*b?\\", "&lt;&#0;", "=C3=\r\n", "Zg=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := testEnv()
		for _, fn := range Functions() {
			switch fn.Family {
			case "text", "regex", "encode", "hash", "json", "list", "number", "date":
			default:
				continue
			}
			if least, most := fn.Required(); fn.Effect == Pure && least <= 2 && !testFunction(fn) && fn.Name != "random" {
				for n := least; n <= 2 && (most < 0 || n <= most); n++ {
					args := []Value{s, s}[:n]
					if a, err := fn.arguments(args); err == nil {
						e.args = args
						_, _ = fn.Call(e, a)
					}
				}
			}
		}
		for _, coding := range []string{"base64", "hex"} {
			text, err := Lookup(coding+"_encode").Call(e, Args{s, "url"})
			if err != nil {
				t.Fatal(err)
			}
			if back, err := Lookup(coding+"_decode").Call(e, Args{text, true}); err != nil || string(back.([]byte)) != s {
				t.Errorf("%q in %s is %v, %v", s, coding, back, err)
			}
		}
		if text, _ := Lookup("url_encode").Call(e, Args{s}); string(decodeURL(text.(string), false)) != s {
			t.Errorf("%q in a URL is %v", s, text)
		}
	})
}

func TestGlobsMatchAsTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]string{"a", "b", "*", "?", ".", "ü"})
		glob := strings.Join(rapid.SliceOfN(alphabet, 0, 6).Draw(t, "glob"), "")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", ".", "ü", "\n"}), 0, 6).Draw(t, "text"), "")
		got, err := Lookup("matches_glob").Call(testEnv(), Args{glob, text})
		if err != nil || got != slowGlob([]rune(glob), []rune(text)) {
			t.Errorf("%q on %q is %v, %v", glob, text, got, err)
		}
	})
}

func slowGlob(glob, text []rune) bool {
	switch {
	case len(glob) == 0:
		return len(text) == 0
	case glob[0] == '*':
		return slowGlob(glob[1:], text) || len(text) > 0 && slowGlob(glob, text[1:])
	}
	return len(text) > 0 && (glob[0] == '?' || glob[0] == text[0]) && slowGlob(glob[1:], text[1:])
}
