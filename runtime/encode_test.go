package runtime

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestEncodeValue(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    Value
		hex  string
	}{
		{"null", nil, "f6"},
		{"true", true, "f5"},
		{"a small int", int64(1), "01"},
		{"a float of the same number", 1.0, "f93c00"},
		{"minus zero", math.Copysign(0, -1), "f98000"},
		{"the largest int", int64(math.MaxInt64), "1b7fffffffffffffff"},
		{"the smallest int", int64(math.MinInt64), "3b7fffffffffffffff"},
		{"a float that is not short", 0.1, "fb3fb999999999999a"},
		{"NaN", math.NaN(), "f97e00"},
		{"infinity", math.Inf(1), "f97c00"},
		{"minus infinity", math.Inf(-1), "f9fc00"},
		{"text", "grün", "656772c3bc6e"},
		{"text that is no UTF-8", "a\xff", "6261ff"},
		{"empty text", "", "60"},
		{"bytes", []byte("a\xff"), "4261ff"},
		{"empty bytes", []byte{}, "40"},
		{"a list", []Value{int64(1), []Value{}, nil}, "830180f6"},
		{"a map, its keys in order", map[string]Value{"b": int64(2), "a": 1.0, "": "x"}, "a3606178" + "6161f93c00" + "616202"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := EncodeValue(tt.v)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b); got != tt.hex {
				t.Errorf("encoded as %s, want %s", got, tt.hex)
			}
			v, err := DecodeValue(b)
			if err != nil {
				t.Fatal(err)
			}
			if !Equal(v, tt.v) {
				t.Errorf("comes back as %#v", v)
			}
		})
	}
}

func TestEncodeValueRefuses(t *testing.T) {
	deep := func(n int) Value {
		var v Value
		for range n {
			v = []Value{v}
		}
		return v
	}
	loop := map[string]Value{}
	loop["self"] = loop
	for _, tt := range []struct {
		name     string
		v        Value
		tooLarge bool
	}{
		{"a Go int", 1, false},
		{"a Go int in a list", []Value{1}, false},
		{"one octet too much", strings.Repeat("x", MaxStored), true},
		{"too many elements", make([]Value, MaxStored), true},
		{"too deep", deep(maxStoredDepth + 1), true},
		{"a map that holds itself", loop, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := EncodeValue(tt.v)
			if err == nil || errors.Is(err, ErrTooLarge) != tt.tooLarge {
				t.Errorf("error is %v", err)
			}
		})
	}
	if _, err := EncodeValue(strings.Repeat("x", MaxStored-3)); err != nil {
		t.Errorf("as long as it may be: %v", err)
	}
	b, err := EncodeValue(deep(maxStoredDepth))
	if err != nil {
		t.Fatalf("as deep as it may be: %v", err)
	}
	if _, err := DecodeValue(b); err != nil {
		t.Errorf("as deep as it may be: %v", err)
	}
}

func TestDecodeValueRefuses(t *testing.T) {
	for name, h := range map[string]string{
		"nothing":                      "",
		"two values":                   "0101",
		"a tag":                        "c11a00000000",
		"a number over 64 bits":        "1bffffffffffffffff",
		"an indefinite length":         "9f01ff",
		"a key twice":                  "a2616101616102",
		"a key that is no text":        "a10102",
		"an unassigned simple value":   "f0",
		"a list that ends early":       "8201",
		"a list that says it is large": "9b7fffffffffffffff",
		"text that says it is large":   "7b7fffffffffffffff",
		"nested too deeply":            strings.Repeat("81", 40) + "01",
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hex.DecodeString(h)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := DecodeValue(b); err == nil {
				t.Errorf("decoded as %#v", v)
			}
		})
	}
}

func FuzzDecodeValue(f *testing.F) {
	for _, v := range []Value{nil, 1.5, "x", []Value{int64(1), []byte("b")}, map[string]Value{"a": math.NaN()}} {
		b, err := EncodeValue(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeValue(b)
		if err != nil {
			return
		}
		again, err := EncodeValue(v)
		if err != nil {
			if errors.Is(err, ErrTooLarge) {
				return
			}
			t.Fatal(err)
		}
		w, err := DecodeValue(again)
		if err != nil || !Equal(v, w) {
			t.Fatalf("%#v comes back as %#v: %v", v, w, err)
		}
		if third, err := EncodeValue(w); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("encoding is not stable: %x, %x, %v", again, third, err)
		}
	})
}

func TestParseLiteral(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Value
	}{
		{"1", int64(1)}, {"1.0", 1.0}, {"1e2", 100.0}, {"null", nil}, {`"x"`, "x"}, {"[1, [2.5]]", []Value{int64(1), []Value{2.5}}},
		{`{"a": true}`, map[string]Value{"a": true}}, {"9223372036854775808", 9223372036854775808.0},
	} {
		got, err := ParseLiteral(tt.in)
		if err != nil || !Equal(got, tt.want) {
			t.Errorf("%s is %#v, %v", tt.in, got, err)
		}
	}
	for _, bad := range []string{"", "1 2", "[1", "x", "1e999"} {
		if v, err := ParseLiteral(bad); err == nil {
			t.Errorf("%s is %#v", bad, v)
		}
	}
}
