package runtime

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// int, float and string take the place of the builtins that expr has by these names, so that
// all languages convert alike.

func init() {
	value := Param{Name: "value", Kind: Any, Doc: "any value"}
	otherwise := Param{Name: "otherwise", Kind: Any, Optional: true, Doc: "what to return for a value that is none"}
	register(Function{
		Name:   "int",
		Family: "number",
		Doc: "Returns a value as an int: a float without its fraction, the number that a text spells in decimal digits, 1 for true, 0 for false. " +
			"White space around a text does not count. Without otherwise, what is no int is an error.",
		Params: []Param{value, otherwise},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `int("42")`, Want: `42`}, {Code: `int(" -7\n")`, Want: `-7`}, {Code: `int(2.9)`, Want: `2`}, {Code: `int(-2.9)`, Want: `-2`}, {Code: `int(true)`, Want: `1`},
			{Code: `int("many", 0)`, Want: `0`}, {Code: `int(null, -1)`, Want: `-1`}, {Code: `int("", null)`, Want: `null`},
			{Code: `int("4.2")`, Error: `int: text is not a whole number`}, {Code: `int("")`, Error: `int: text is not a whole number`},
			{Code: `int("9223372036854775808")`, Error: `int: number is beyond 64 bits`}, {Code: `int(1e19)`, Error: `int: number is beyond 64 bits`},
			{Code: `int([1])`, Error: `int: expected number or string, got list`},
		},
		Call: func(e *Env, a Args) (Value, error) { return or(e, a, toInt) },
	})
	register(Function{
		Name:   "float",
		Family: "number",
		Doc: "Returns a value as a float: an int, or the number that a text spells, with point and exponent perhaps. " +
			"White space around a text does not count. Without otherwise, what is no number is an error. In JavaScript, 2.0 is 2.",
		Params: []Param{value, otherwise},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `float("2.5")`, Want: `2.5`}, {Code: `float(" -1e-3 ")`, Want: `-0.001`}, {Code: `float("x", 0.5)`, Want: `0.5`},
			{Code: `float("0x10")`, Error: `float: text is not a number`}, {Code: `float("inf")`, Error: `float: text is not a number`}, {Code: `float("1,5")`, Error: `float: text is not a number`},
			{Code: `float("1e999")`, Error: `float: number is out of range`}, {Code: `float({})`, Error: `float: expected number or string, got map`},
		},
		Call: func(e *Env, a Args) (Value, error) { return or(e, a, toFloat) },
	})
	register(Function{
		Name:   "string",
		Family: "text",
		Doc: "Returns a number, truth value or bytes as text; null is `\"\"`. A float that is whole is written without a point. " +
			"What is no UTF-8 in bytes becomes U+FFFD. Lists and maps are written by `json_print`.",
		Params: []Param{value},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `string(42)`, Want: `"42"`}, {Code: `string(1.5)`, Want: `"1.5"`}, {Code: `string(2.0)`, Want: `"2"`}, {Code: `string(true)`, Want: `"true"`}, {Code: `string(null)`, Want: `""`},
			{Code: `string("ü")`, Want: `"ü"`}, {Code: `string(1e-7)`, Want: `"1e-7"`}, {Code: `string(1e300)`, Want: `"1e+300"`}, {Code: `string(base64_decode("YQ", true))`, Want: `"a"`},
			{Code: `string([1])`, Error: `string: expected a single value, got list; json_print writes lists and maps`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return scalarText("string", a[0]) },
	})
	register(Function{
		Name:   "kind_of",
		Family: "text",
		Doc:    "Returns the kind of a value: null, bool, int, float, string, bytes, list or map. In JavaScript a float that is whole is an int.",
		Params: []Param{value},
		Result: String, Trust: User,
		Examples: []Example{{Code: `kind_of(1)`, Want: `"int"`}, {Code: `kind_of(1.5)`, Want: `"float"`}, {Code: `kind_of("")`, Want: `"string"`}, {Code: `kind_of(null)`, Want: `"null"`},
			{Code: `kind_of([])`, Want: `"list"`}, {Code: `kind_of({})`, Want: `"map"`}, {Code: `kind_of(false)`, Want: `"bool"`}, {Code: `kind_of(hex_decode("00", true))`, Want: `"bytes"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			k, _ := KindOf(a[0])
			return k.String(), nil
		},
	})
}

// or returns what a conversion makes of argument 0, or argument 1, if it was given, where that
// fails.
func or(e *Env, a Args, convert func(Value) (Value, error)) (Value, error) {
	v, err := convert(a[0])
	if err != nil && len(e.args) > 1 {
		return a[1], nil
	}
	return v, err
}

var errNot64Bits = errors.New("int: number is beyond 64 bits")

func toInt(v Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v), nil
		}
		return nil, errNot64Bits
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, errNot64Bits
		case err != nil:
			return nil, errors.New("int: text is not a whole number")
		}
		return i, nil
	}
	k, _ := KindOf(v)
	return nil, fmt.Errorf("int: expected number or string, got %s", k)
}

func toFloat(v Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		s := strings.TrimSpace(v)
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case strings.Trim(s, "+-.0123456789eE") != "" || err != nil && !errors.Is(err, strconv.ErrRange):
			return nil, errors.New("float: text is not a number")
		case err != nil:
			return nil, errors.New("float: number is out of range")
		}
		return f, nil
	}
	k, _ := KindOf(v)
	return nil, fmt.Errorf("float: expected number or string, got %s", k)
}

// scalarText returns a single value as text.
func scalarText(name string, v Value) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return strings.ToValidUTF8(string(v), "\ufffd"), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64, float64:
		return numberText(v), nil
	}
	k, _ := KindOf(v)
	return "", fmt.Errorf("%s: expected a single value, got %s; json_print writes lists and maps", name, k)
}
