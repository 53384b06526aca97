package runtime

import "regexp/syntax"

// ElementSize is what an element of a list or map counts as against the memory limit, in
// octets.
const ElementSize = 64

// SizeOf returns about how many octets of memory a value holds; numbers and truth values
// are 0.
func SizeOf(v Value) int64 {
	switch v := v.(type) {
	case string:
		return int64(len(v))
	case []byte:
		return int64(len(v))
	case []Value:
		n := int64(len(v)) * ElementSize
		for _, e := range v {
			n += SizeOf(e)
		}
		return n
	case map[string]Value:
		n := int64(len(v)) * ElementSize
		for k, e := range v {
			n += int64(len(k)) + SizeOf(e)
		}
		return n
	}
	return 0
}

// What a regular expression that belongs to a language's own syntax may be, and what one
// match may cost. A match takes at most the product of the text's octets and the
// pattern's instructions, and cannot be stopped in between.
const (
	MaxPattern      = 4 << 10 // octets of a pattern
	MaxInstructions = 10_000  // of a pattern whose repetitions are written out
	MaxMatch        = 1 << 27 // instructions times octets
	MatchStep       = 1 << 8  // of these are one step
)

// Instructions returns about how many instructions a pattern compiles to, before memory is
// taken for them.
func Instructions(re *syntax.Regexp) int64 {
	n := int64(1)
	if re.Op == syntax.OpLiteral {
		n += int64(len(re.Rune))
	}
	for _, sub := range re.Sub {
		n += Instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= int64(max(re.Min, re.Max, 1))
	}
	return min(n, 1<<40)
}
