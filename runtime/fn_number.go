package runtime

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

var numberParam = Param{Name: "number", Kind: Number, Doc: "number"}

func init() {
	values := Param{Name: "values", Kind: Any, Rest: true, Doc: "numbers, or texts; or one list of them"}
	for _, f := range []struct {
		name, doc string
		sign      int
		examples  []Example
	}{
		{"max", "Returns the largest of numbers, or the last of texts in byte order; null if there are none.", 1, []Example{
			{Code: `max(1, 3, 2)`, Want: `3`}, {Code: `max([1, 2.5])`, Want: `2.5`}, {Code: `max("a", "b")`, Want: `"b"`}, {Code: `max([])`, Want: `null`}, {Code: `max(7)`, Want: `7`},
			{Code: `max(1, "2")`, Error: `max: cannot compare string with int`}, {Code: `max([1, null])`, Error: `max: cannot compare null with int`},
		}},
		{"min", "Returns the smallest of numbers, or the first of texts in byte order; null if there are none.", -1, []Example{
			{Code: `min(1, 3, 2)`, Want: `1`}, {Code: `min([3, 1.5])`, Want: `1.5`}, {Code: `min(-1, 0)`, Want: `-1`}, {Code: `min(["b", "B"])`, Want: `"B"`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "number", Doc: f.doc, Params: []Param{values}, Result: Any, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return extreme(f.name, f.sign, a.Rest(0)) },
		})
	}
	register(Function{
		Name:   "sum_of",
		Family: "number",
		Doc:    "Returns the sum of the numbers of a list: an int if all are, else a float; 0 of none. (In expr, `sum(list, predicate)` is there too.)",
		Params: []Param{{Name: "list", Kind: List, Doc: "numbers"}},
		Result: Number, Trust: User,
		Examples: []Example{
			{Code: `sum_of([1, 2, 3])`, Want: `6`}, {Code: `sum_of([1, 0.5])`, Want: `1.5`}, {Code: `sum_of([])`, Want: `0`},
			{Code: `sum_of([1, "2"])`, Error: `sum_of: element 2: expected number, got string`},
			{Code: `sum_of([int("9223372036854775807"), 1])`, Error: `sum_of: the sum is beyond 64 bits`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return sumOf(a.List(0)) },
	})
	register(Function{
		Name:   "abs",
		Family: "number",
		Doc:    "Returns a number without its sign.",
		Params: []Param{numberParam},
		Result: Number, Trust: User,
		Examples: []Example{{Code: `abs(-3)`, Want: `3`}, {Code: `abs(2.5)`, Want: `2.5`}, {Code: `abs(0)`, Want: `0`},
			{Code: `abs("-3")`, Error: `abs: argument 1 (number): expected number, got string`}},
		Call: func(_ *Env, a Args) (Value, error) {
			switch v := a[0].(type) {
			case int64:
				if v == math.MinInt64 {
					return nil, errors.New("abs: the result is beyond 64 bits")
				}
				return max(v, -v), nil
			case float64:
				return math.Abs(v), nil
			}
			return nil, nil
		},
	})
	for _, f := range []struct {
		name, doc string
		do        func(float64) float64
		examples  []Example
	}{
		{"floor", "Returns the largest int that is not above a number; a float that is beyond 64 bits as it is.", math.Floor, []Example{
			{Code: `floor(2.9)`, Want: `2`}, {Code: `floor(-2.1)`, Want: `-3`}, {Code: `floor(4)`, Want: `4`},
			{Code: `floor("2.9")`, Error: `floor: argument 1 (number): expected number, got string`},
		}},
		{"ceil", "Returns the smallest int that is not below a number; a float that is beyond 64 bits as it is.", math.Ceil, []Example{
			{Code: `ceil(2.1)`, Want: `3`}, {Code: `ceil(-2.9)`, Want: `-2`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "number", Doc: f.doc, Params: []Param{numberParam}, Result: Number, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return wholeNumber(a[0], f.do), nil },
		})
	}
	register(Function{
		Name:   "round",
		Family: "number",
		Doc:    "Returns the int nearest to a number, halves away from zero; or the float with so many digits behind the point.",
		Params: []Param{numberParam, {Name: "digits", Kind: Int, Optional: true, Default: int64(0), Doc: "0 to 15"}},
		Result: Number, Trust: User,
		Examples: []Example{
			{Code: `round(2.5)`, Want: `3`}, {Code: `round(-2.5)`, Want: `-3`}, {Code: `round(2.4)`, Want: `2`}, {Code: `round(3.14159, 2)`, Want: `3.14`}, {Code: `round(7, 2)`, Want: `7`},
			{Code: `round(1.5, 16)`, Error: `round: digits are 0 to 15, not 16`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			n := a.Int(1)
			f, ok := a[0].(float64)
			switch {
			case n < 0 || n > 15:
				return nil, fmt.Errorf("round: digits are 0 to 15, not %d", n)
			case n == 0 || !ok:
				return wholeNumber(a[0], math.Round), nil
			}
			// By way of the decimal digits, so that no power of ten is too large.
			return strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(n), 64), 64)
		},
	})
	register(Function{
		Name:   "random",
		Family: "number",
		Doc: "Returns a random int from 0 to below n, or, without n, a random float from 0 to below 1. " +
			"The numbers come from the seed of the run, so that a replay sees the same ones: they are for samples, not for secrets.",
		Params: []Param{{Name: "n", Kind: Int, Optional: true, Doc: "1 or more"}},
		Result: Number, Trust: User,
		Examples: []Example{
			{Code: `random(1)`, Want: `0`}, {Code: `max(random(6), 6)`, Want: `6`}, {Code: `floor(random())`, Want: `0`},
			{Code: `random(0)`, Error: `random: n is 1 or more, not 0`}, {Code: `random("6")`, Error: `random: argument 1 (n): expected int, got string`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			r := e.random()
			if a[0] == nil {
				return r.Float64(), nil
			}
			if n := a.Int(0); n > 0 {
				return r.Int64N(n), nil
			}
			return nil, fmt.Errorf("random: n is 1 or more, not %d", a.Int(0))
		},
	})
	register(Function{
		Name:   "is_between",
		Family: "number",
		Doc:    "Says whether a number is not below from and not above to.",
		Params: []Param{numberParam, {Name: "from", Kind: Number, Doc: "number"}, {Name: "to", Kind: Number, Doc: "number"}},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_between(5, 1, 5)`, Want: `true`}, {Code: `is_between(0.5, 1, 5)`, Want: `false`}, {Code: `is_between(3, 5, 1)`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) {
			return compare(a[1], a[0]) <= 0 && compare(a[0], a[2]) <= 0, nil
		},
	})
}

// extreme returns the largest (sign 1) or smallest (sign -1) of values, or of the elements of
// one list.
func extreme(name string, sign int, values []Value) (Value, error) {
	if len(values) == 1 {
		if list, ok := values[0].([]Value); ok {
			values = list
		}
	}
	var best Value
	for i, v := range values {
		k, _ := KindOf(v)
		of, _ := KindOf(values[0])
		switch {
		case k != Int && k != Float && k != String && len(values) == 1:
			return nil, fmt.Errorf("%s: expected number or string, got %s", name, k)
		case k != Int && k != Float && k != String, (k == String) != (of == String):
			return nil, fmt.Errorf("%s: cannot compare %s with %s", name, k, of)
		case i == 0 || compare(v, best)*sign > 0:
			best = v
		}
	}
	return best, nil
}

func sumOf(list []Value) (Value, error) {
	whole, total, floats := int64(0), 0.0, false
	for i, v := range list {
		switch v := v.(type) {
		case int64:
			sum := whole + v
			if !floats && (sum > whole) != (v > 0) && v != 0 {
				return nil, errors.New("sum_of: the sum is beyond 64 bits")
			}
			whole, total = sum, total+float64(v)
		case float64:
			floats, total = true, total+v
		default:
			k, _ := KindOf(v)
			return nil, fmt.Errorf("sum_of: element %d: expected number, got %s", i+1, k)
		}
	}
	if floats {
		return total, nil
	}
	return whole, nil
}

// wholeNumber makes a float whole in some way and returns it as an int, if it fits.
func wholeNumber(v Value, do func(float64) float64) Value {
	f, ok := v.(float64)
	if !ok {
		return v
	}
	if f = do(f); math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return f
}

// random returns the run's random numbers.
func (e *Env) random() *rand.Rand {
	if e.run.random == nil {
		e.run.random = rand.New(rand.NewPCG(e.View.Seed, 0x9e3779b97f4a7c15))
	}
	return e.run.random
}

// numberText returns a number as scripts of all languages see it, in the shortest digits that
// mean it: a float that is whole has no point, as in JavaScript.
func numberText(v Value) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if math.IsNaN(v) {
			return "NaN"
		}
		if math.IsInf(v, 0) {
			return strings.Replace(fmt.Sprintf("%vinity", v), "+", "", 1)
		}
		size := math.Abs(v)
		if v == 0 || 1e-6 <= size && size < 1e21 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strings.Replace(strconv.FormatFloat(v, 'e', -1, 64), "e-0", "e-", 1)
	}
	return ""
}
