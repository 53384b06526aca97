package expr

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"

	"github.com/sluice-mail/sluice/runtime"
)

// add is `+`: of two numbers or two texts.
func (s *state) add(a []any) (any, error) {
	if x, ok := a[0].(string); ok {
		y, ok := a[1].(string)
		if !ok {
			return nil, mismatch("+", a)
		}
		if err := s.task.Output(len(x) + len(y)); err != nil {
			return nil, err
		}
		return x + y, nil
	}
	return arithmetic("+", a, func(x, y int64) (int64, bool) {
		z := x + y
		return z, (z > x) == (y > 0)
	}, func(x, y float64) float64 { return x + y })
}

func (s *state) subtract(a []any) (any, error) {
	return arithmetic("-", a, func(x, y int64) (int64, bool) {
		z := x - y
		return z, (z < x) == (y > 0)
	}, func(x, y float64) float64 { return x - y })
}

func (s *state) multiply(a []any) (any, error) {
	return arithmetic("*", a, func(x, y int64) (int64, bool) {
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		if (x < 0) != (y < 0) {
			return -int64(lo), hi == 0 && lo <= 1<<63
		}
		return int64(lo), hi == 0 && lo < 1<<63
	}, func(x, y float64) float64 { return x * y })
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// arithmetic does an operation on ints where both are, else on floats.
func arithmetic(op string, a []any, ints func(x, y int64) (int64, bool), floats func(x, y float64) float64) (any, error) {
	x, xInt := whole(a[0])
	y, yInt := whole(a[1])
	if xInt && yInt {
		z, ok := ints(x, y)
		if !ok {
			return nil, errOverflow
		}
		return z, nil
	}
	f, ok1 := float(a[0])
	g, ok2 := float(a[1])
	if !ok1 || !ok2 {
		return nil, mismatch(op, a)
	}
	return floats(f, g), nil
}

func mismatch(op string, a []any) error {
	return fmt.Errorf("operator %s is not defined for %s and %s", op, kind(a[0]), kind(a[1]))
}

// rangeOf is `a..b`: the ints from a to b.
func (s *state) rangeOf(a []any) (any, error) {
	x, ok1 := whole(a[0])
	y, ok2 := whole(a[1])
	if !ok1 || !ok2 {
		return nil, mismatch("..", a)
	}
	if y < x {
		return []int{}, nil
	}
	n := uint64(y) - uint64(x)
	if n >= uint64(s.task.Limits().Steps) {
		return nil, &runtime.LimitError{Limit: "steps", Max: s.task.Limits().Steps}
	}
	if err := s.elements(int(n) + 1); err != nil {
		return nil, err
	}
	list := make([]int, n+1)
	for i := range list {
		list[i] = int(x) + i
	}
	return list, nil
}

// in is `x in list` and `name in map`; in null nothing is.
func (s *state) in(a []any) (any, error) {
	switch list := a[1].(type) {
	case nil:
		return false, nil
	case map[string]any:
		name, ok := a[0].(string)
		if ok {
			_, ok = list[name]
		}
		return ok, nil
	case []int:
		if err := s.task.Step(int64(len(list))); err != nil {
			return nil, err
		}
		for _, e := range list {
			if same, _ := s.equal(a[0], e, 0); same {
				return true, nil
			}
		}
		return false, nil
	case []any:
		for _, e := range list {
			if err := s.task.Step(1); err != nil {
				return nil, err
			}
			if same, err := s.equal(a[0], e, 0); err != nil || same {
				return same, err
			}
		}
		return false, nil
	}
	return nil, mismatch("in", a)
}

// equal compares two values. Numbers are equal if they are the same number, whatever
// their kinds; lists and maps by their elements, each of which is a step.
func (s *state) equal(a, b any, depth int) (bool, error) {
	switch x := a.(type) {
	case nil, bool, string:
		return a == b, nil
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y), nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		if err := s.compared(len(x), depth); err != nil {
			return false, err
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok {
				return false, nil
			}
			if same, err := s.equal(v, w, depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	case []any, []int:
		if listKind("", b) != nil {
			return false, nil
		}
		xs, err := s.listOf("==", a)
		if err != nil {
			return false, err
		}
		ys, err := s.listOf("==", b)
		if err != nil || len(xs) != len(ys) {
			return false, err
		}
		if err := s.compared(len(xs), depth); err != nil {
			return false, err
		}
		for i := range xs {
			if same, err := s.equal(xs[i], ys[i], depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	}
	return sameNumber(a, b), nil
}

func (s *state) compared(n, depth int) error {
	if most := s.task.Limits().Nesting; depth >= most {
		return &runtime.LimitError{Limit: "nesting", Max: int64(most)}
	}
	return s.task.Step(int64(n))
}

func sameNumber(a, b any) bool {
	x, xInt := whole(a)
	y, yInt := whole(b)
	if xInt && yInt {
		return x == y
	}
	f, ok1 := float(a)
	g, ok2 := float(b)
	switch {
	case !ok1 || !ok2:
		return false
	case xInt: // a float beyond 2^53 is near many ints but is one of them
		return g == math.Trunc(g) && math.Abs(g) < 1<<63 && int64(g) == x
	case yInt:
		return f == math.Trunc(f) && math.Abs(f) < 1<<63 && int64(f) == y
	}
	return f == g
}
