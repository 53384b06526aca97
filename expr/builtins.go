package expr

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// closures are the builtins of expr-lang that take a predicate; each turn is a step.
// findLast and findLastIndex are left out: v1.17.8 leaves a value of theirs on its stack,
// which then stands in the place of an element or argument before them.
var closures = map[string]bool{
	"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true,
	"count": true, "sum": true, "find": true, "findIndex": true, "reduce": true,
}

// allowed are all the builtins of expr-lang that scripts may call: those that take a
// predicate, and those that make nothing larger than what they are given. Where the
// table has a function of that name, the builtin is called as `::name(...)`.
var allowed = func() map[string]bool {
	m := map[string]bool{
		"len": true, "abs": true, "ceil": true, "floor": true, "round": true, "float": true,
		"trim": true, "trimPrefix": true, "trimSuffix": true, "indexOf": true, "lastIndexOf": true,
		"hasPrefix": true, "hasSuffix": true, "first": true, "last": true, "get": true,
	}
	for name := range closures {
		m[name] = true
	}
	return m
}()

// ownBuiltin is a builtin that expr-lang has too, done here so that it counts what it
// makes.
type ownBuiltin struct {
	least, most int
	call        func(s *state, a []any) (any, error)
}

func (b ownBuiltin) countError(name string, n int) string {
	takes := strconv.Itoa(b.least)
	if b.most == many {
		takes += " or more"
	} else if b.most != b.least {
		takes += " to " + strconv.Itoa(b.most)
	}
	s := "s"
	if n == 1 {
		s = ""
	}
	return fmt.Sprintf("%s: called with %d argument%s, takes %s", name, n, s, takes)
}

const many = math.MaxInt

var ours = map[string]ownBuiltin{
	"string":  {1, 1, (*state).string},
	"int":     {1, 1, (*state).int},
	"upper":   {1, 1, mapped("upper", strings.ToUpper)},
	"lower":   {1, 1, mapped("lower", strings.ToLower)},
	"repeat":  {2, 2, (*state).repeat},
	"concat":  {1, many, (*state).concat},
	"flatten": {1, 1, (*state).flatten},
	"reverse": {1, 1, (*state).reverse},
	"max":     {1, many, extreme("max", 1)},
	"min":     {1, many, extreme("min", -1)},
	"keys":    {1, 1, (*state).keys},
	"values":  {1, 1, (*state).values},
}

// string returns a scalar as text.
func (s *state) string(a []any) (any, error) {
	var text string
	switch v := a[0].(type) {
	case nil:
	case string:
		return v, nil
	case []byte:
		text = string(v)
	case bool:
		text = strconv.FormatBool(v)
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		i, ok := whole(v)
		if !ok {
			return nil, fmt.Errorf("string: a %s is no text", kind(v))
		}
		text = strconv.FormatInt(i, 10)
	}
	return text, s.task.Output(len(text))
}

// int returns a number or the number that a text spells; it cuts fractions off.
func (s *state) int(a []any) (any, error) {
	switch v := a[0].(type) {
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("int: text is not a whole number")
		}
		return i, nil
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v), nil
		}
		return nil, fmt.Errorf("int: %v is out of range", v)
	}
	if i, ok := whole(a[0]); ok {
		return i, nil
	}
	return nil, fmt.Errorf("int: expected number or string, got %s", kind(a[0]))
}

func mapped(name string, do func(string) string) func(*state, []any) (any, error) {
	return func(s *state, a []any) (any, error) {
		t, err := textOf(name, a[0])
		if err != nil {
			return nil, err
		}
		if err := s.task.Output(len(t)); err != nil {
			return nil, err
		}
		return do(t), nil
	}
}

func (s *state) repeat(a []any) (any, error) {
	t, err := textOf("repeat", a[0])
	if err != nil {
		return nil, err
	}
	n, ok := whole(a[1])
	if !ok || n < 0 {
		return nil, fmt.Errorf("repeat: expected a count, got %s", kind(a[1]))
	}
	if len(t) == 0 {
		return "", nil
	}
	if n > math.MaxInt32/int64(len(t)) {
		return nil, &runtime.LimitError{Limit: "output", Max: s.task.Limits().Output}
	}
	if err := s.task.Output(len(t) * int(n)); err != nil {
		return nil, err
	}
	return strings.Repeat(t, int(n)), nil
}

func (s *state) concat(a []any) (any, error) {
	var out []any
	for _, v := range a {
		list, err := s.listOf("concat", v)
		if err != nil {
			return nil, err
		}
		if err := s.elements(len(list)); err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func (s *state) flatten(a []any) (any, error) {
	list, err := s.listOf("flatten", a[0])
	if err != nil {
		return nil, err
	}
	return s.flat(nil, list, 0)
}

func (s *state) flat(out, list []any, depth int) ([]any, error) {
	if err := s.deeper(len(list), depth); err != nil {
		return nil, err
	}
	for _, e := range list {
		if listKind("", e) != nil {
			out = append(out, e)
			continue
		}
		inner, err := s.listOf("flatten", e)
		if err != nil {
			return nil, err
		}
		if out, err = s.flat(out, inner, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *state) reverse(a []any) (any, error) {
	list, err := s.listOf("reverse", a[0])
	if err != nil {
		return nil, err
	}
	if err := s.elements(len(list)); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	slices.Reverse(out)
	return out, nil
}

func compare(name string, x, y any) (int, error) {
	if s, ok := x.(string); ok {
		if t, ok := y.(string); ok {
			return strings.Compare(s, t), nil
		}
	} else if i, ok := whole(x); ok {
		if j, ok := whole(y); ok {
			return cmp.Compare(i, j), nil
		}
	}
	f, ok1 := float(x)
	g, ok2 := float(y)
	if !ok1 || !ok2 {
		return 0, fmt.Errorf("%s: cannot compare %s with %s", name, kind(x), kind(y))
	}
	return cmp.Compare(f, g), nil
}

// extreme returns the largest (sign 1) or smallest (sign -1) of numbers or texts, given one by
// one or as one list.
func extreme(name string, sign int) func(*state, []any) (any, error) {
	return func(s *state, a []any) (any, error) {
		if len(a) == 1 {
			list, err := s.listOf(name, a[0])
			if err != nil {
				return nil, err
			}
			a = list
		}
		var best any
		for i, v := range a {
			if err := s.task.Step(1); err != nil {
				return nil, err
			}
			if i == 0 {
				best = v
				continue
			}
			c, err := compare(name, v, best)
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = v
			}
		}
		return best, nil
	}
}

// keys returns the names of a map in byte order.
func (s *state) keys(a []any) (any, error) {
	m, ok := a[0].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("keys: expected map, got %s", kind(a[0]))
	}
	if err := s.elements(len(m)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
	return out, nil
}

// values returns the values of a map in the byte order of their names.
func (s *state) values(a []any) (any, error) {
	names, err := s.keys(a)
	if err != nil {
		return nil, err
	}
	m, out := a[0].(map[string]any), names.([]any)
	for i, k := range out {
		out[i] = m[k.(string)]
	}
	return out, nil
}
