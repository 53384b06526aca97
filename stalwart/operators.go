package stalwart

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/sluice-mail/sluice/runtime"
)

// operators are those with two operands that are always both evaluated.
var operators = map[string]func(s *state, a, b runtime.Value) (runtime.Value, error){
	"+": (*state).add,
	"-": (*state).subtract,
	"*": func(_ *state, a, b runtime.Value) (runtime.Value, error) {
		return arithmetic(a, b, multiplyInt, func(x, y float64) float64 { return x * y }), nil
	},
	"/": func(_ *state, a, b runtime.Value) (runtime.Value, error) { return divide(a, b), nil },
	"^": func(_ *state, a, b runtime.Value) (runtime.Value, error) { return boolean(Truth(a) != Truth(b)), nil },
	"==": func(s *state, a, b runtime.Value) (runtime.Value, error) {
		ok, err := s.equal(a, b)
		return boolean(ok), err
	},
	"!=": func(s *state, a, b runtime.Value) (runtime.Value, error) {
		ok, err := s.equal(a, b)
		return boolean(!ok), err
	},
	">":  ordered(func(c int) bool { return c > 0 }),
	">=": ordered(func(c int) bool { return c >= 0 }),
	"<":  ordered(func(c int) bool { return c < 0 }),
	"<=": ordered(func(c int) bool { return c <= 0 }),
}

// add adds numbers, joins texts, and appends to arrays. Empty text leaves the other operand as
// it is; a number beside text becomes text.
func (s *state) add(a, b runtime.Value) (runtime.Value, error) {
	x, left := a.([]runtime.Value)
	y, right := b.([]runtime.Value)
	switch {
	case left && !right:
		y = []runtime.Value{b}
	case right && !left:
		x = []runtime.Value{a}
	case !left && !right:
		return s.addScalars(a, b)
	}
	if err := s.elements(len(x) + len(y)); err != nil {
		return nil, err
	}
	out := make([]runtime.Value, 0, len(x)+len(y))
	return append(append(out, x...), y...), nil
}

func (s *state) addScalars(a, b runtime.Value) (runtime.Value, error) {
	if isNumber(a) && isNumber(b) {
		return arithmetic(a, b, addInt, func(x, y float64) float64 { return x + y }), nil
	}
	switch {
	case a == "":
		return b, nil
	case b == "":
		return a, nil
	}
	x, err := s.text(a)
	if err != nil {
		return nil, err
	}
	y, err := s.text(b)
	if err != nil {
		return nil, err
	}
	if err := s.made(len(x) + len(y)); err != nil {
		return nil, err
	}
	return x + y, nil
}

// subtract subtracts numbers, and takes an element out of an array, which may be either operand.
func (s *state) subtract(a, b runtime.Value) (runtime.Value, error) {
	items, ok := a.([]runtime.Value)
	if !ok {
		if items, ok = b.([]runtime.Value); !ok {
			return arithmetic(a, b, subtractInt, func(x, y float64) float64 { return x - y }), nil
		}
		b = a
	}
	if err := s.elements(len(items)); err != nil {
		return nil, err
	}
	out := make([]runtime.Value, 0, len(items))
	for _, e := range items {
		same, err := s.equal(e, b)
		if err != nil {
			return nil, err
		}
		if !same {
			out = append(out, e)
		}
	}
	return out, nil
}

func isNumber(v runtime.Value) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

// arithmetic reckons with two values as numbers: whole ones stay whole.
func arithmetic(a, b runtime.Value, whole func(x, y int64) int64, real func(x, y float64) float64) runtime.Value {
	a, b = toNumber(a), toNumber(b)
	i, ok := a.(int64)
	j, too := b.(int64)
	if ok && too {
		return whole(i, j)
	}
	return real(toFloat(a), toFloat(b))
}

// divide always gives a float; by zero it gives 0.
func divide(a, b runtime.Value) runtime.Value {
	y := toFloat(toNumber(b))
	if y == 0 {
		return 0.0
	}
	return toFloat(toNumber(a)) / y
}

func negate(v runtime.Value) runtime.Value {
	switch n := toNumber(v).(type) {
	case int64:
		return subtractInt(0, n)
	case float64:
		return -n
	}
	return int64(0)
}

// Whole numbers saturate: what is too large is the largest there is.

func addInt(a, b int64) int64 {
	c := a + b
	if (a^c)&(b^c) < 0 {
		return bound(a < 0)
	}
	return c
}

func subtractInt(a, b int64) int64 {
	c := a - b
	if (a^b)&(a^c) < 0 {
		return bound(a < 0)
	}
	return c
}

func multiplyInt(a, b int64) int64 {
	negative := (a < 0) != (b < 0)
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	switch {
	case high != 0, negative && low > 1<<63, !negative && low >= 1<<63:
		return bound(negative)
	case negative:
		return -int64(low)
	}
	return int64(low)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func bound(negative bool) int64 {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}

// equal says whether two values are equal: a number and text if the text, as a number, is; text
// that is none is 0. An array equals an array only.
func (s *state) equal(a, b runtime.Value) (bool, error) {
	switch a := a.(type) {
	case string:
		switch b := b.(type) {
		case string:
			return a == b, nil
		case int64, float64:
			return compareNumbers(textNumber(a), b) == 0, nil
		}
		return false, nil
	case int64, float64:
		switch b := b.(type) {
		case int64, float64:
			return compareNumbers(a, b) == 0, nil
		case string:
			return compareNumbers(a, textNumber(b)) == 0, nil
		}
		return false, nil
	case []runtime.Value:
		b, ok := b.([]runtime.Value)
		if !ok || len(a) != len(b) {
			return false, nil
		}
		for i := range a {
			if err := s.task.Step(1); err != nil {
				return false, err
			}
			if same, err := s.equal(a[i], b[i]); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case map[string]runtime.Value:
		b, ok := b.(map[string]runtime.Value)
		return ok && runtime.Equal(a, b), s.task.Step(int64(len(a)))
	}
	return false, nil
}

// incomparable is what compareNumbers returns where a number is none.
const incomparable = 2

func compareNumbers(a, b runtime.Value) int {
	i, ok := a.(int64)
	j, too := b.(int64)
	if ok && too {
		return cmp.Compare(i, j)
	}
	x, y := toFloat(a), toFloat(b)
	if x != x || y != y {
		return incomparable
	}
	return cmp.Compare(x, y)
}

// ordered is an operator that says how two values are ordered: numbers, and text beside a
// number, by size; texts by their octets; arrays element by element, and behind all else.
func ordered(holds func(c int) bool) func(*state, runtime.Value, runtime.Value) (runtime.Value, error) {
	return func(s *state, a, b runtime.Value) (runtime.Value, error) {
		c, err := s.compare(a, b)
		return boolean(c != incomparable && holds(c)), err
	}
}

func (s *state) compare(a, b runtime.Value) (int, error) {
	x, left := a.([]runtime.Value)
	y, right := b.([]runtime.Value)
	switch {
	case left && right:
		for i := range min(len(x), len(y)) {
			if err := s.task.Step(1); err != nil {
				return 0, err
			}
			if c, err := s.compare(x[i], y[i]); c != 0 || err != nil {
				return c, err
			}
		}
		return cmp.Compare(len(x), len(y)), nil
	case left:
		return 1, nil
	case right:
		return -1, nil
	}
	t, left := a.(string)
	u, right := b.(string)
	if left && right {
		return cmp.Compare(t, u), nil
	}
	return compareNumbers(toNumber(a), toNumber(b)), nil
}
