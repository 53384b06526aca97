package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
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
	"upper":   {1, 1, mapped("upper", strings.ToUpper)},
	"lower":   {1, 1, mapped("lower", strings.ToLower)},
	"flatten": {1, 1, (*state).flatten},
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
