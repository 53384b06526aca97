package sieve

import (
	"slices"
)

// relational compares values, or their number, by order.
//
// Spec: RFC 5231
func init() {
	key := func(m *Matcher, key string) (Key, error) {
		return &orderKey{m.form(key), m.Comparator, m.operator}, nil
	}
	register(Extension{
		Name: "relational", Spec: "RFC 5231", Status: "complete",
		MatchTypes: []MatchType{
			{Name: "value", Operator: true, Key: key},
			{Name: "count", Operator: true, Counts: true, Key: key},
		},
	})
}

// operator is a relational operator: which results of a comparison it takes.
type operator uint8

const (
	less operator = 1 << iota
	equal
	greater
)

var operators = map[string]operator{
	"gt": greater, "ge": greater | equal, "lt": less, "le": less | equal, "eq": equal, "ne": less | greater,
}

type orderKey struct {
	form string
	c    *Comparator
	op   operator
}

func (k *orderKey) Match(_ *Run, v *Value) bool {
	n := k.c.compare(k.c.form(v.Text), k.form)
	switch {
	case n < 0:
		return k.op&less != 0
	case n > 0:
		return k.op&greater != 0
	}
	return k.op&equal != 0
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
