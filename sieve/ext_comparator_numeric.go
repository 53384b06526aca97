package sieve

import "strings"

// i;ascii-numeric compares the digits that a text begins with as a number of any size.
// A text without leading digits is positive infinity.
//
// Spec: RFC 4790, section 9.1
func init() {
	register(Extension{
		Name: "comparator-i;ascii-numeric", Spec: "RFC 4790, section 9.1", Status: "complete", Limits: "none: numbers of any size",
		Comparators: []Comparator{{Name: "i;ascii-numeric", Form: numericForm, Compare: compareNumeric}},
	})
}

// infinity is the form of a text that begins with no digit.
const infinity = "inf"

// numericForm returns the leading digits without leading zeros ("" is zero), or infinity.
func numericForm(s string) string {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 0 {
		return infinity
	}
	return strings.TrimLeft(s[:n], "0")
}

func compareNumeric(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == infinity:
		return 1
	case b == infinity:
		return -1
	case len(a) != len(b):
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
