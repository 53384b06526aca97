package wire

import (
	"slices"
	"strconv"
)

// Star is "*" in a Range: the largest number in use.
const Star = 0

// Range is a run of numbers; either end may be Star. First may be above Last.
type Range struct{ First, Last uint32 }

// Set is a sequence set or UID set as a client wrote it.
type Set []Range

// setMax bounds the ranges of one set.
const setMax = 1 << 19

// Set reads a sequence set or UID set.
//
// Spec: RFC 3501, section 9, sequence-set.
func (p *Parser) Set() Set {
	var s Set
	for p.err == nil {
		r := Range{First: p.setNumber()}
		r.Last = r.First
		if p.Accept(':') {
			r.Last = p.setNumber()
		}
		if len(s) == setMax {
			p.Fail("set has too many ranges")
		}
		if p.err != nil {
			return nil
		}
		s = append(s, r)
		if !p.Accept(',') {
			return s
		}
	}
	return nil
}

// setNumber reads one end of a range.
func (p *Parser) setNumber() uint32 {
	if p.Accept('*') {
		return Star
	}
	if !isDigit(p.peek()) {
		p.expected("a number or '*'")
		return 0
	}
	n := p.Number()
	if n == 0 {
		p.Fail("a set cannot hold the number 0")
	}
	return n
}

// IsSet reports whether a set may stand next.
func (p *Parser) IsSet() bool { return isDigit(p.peek()) || p.peek() == '*' }

// Resolve returns the set as ascending runs that neither touch nor overlap, with largest
// in the place of Star. If largest is 0, the ranges that name Star are empty.
func (s Set) Resolve(largest uint32) Set {
	out := make(Set, 0, len(s))
	sorted := true
	for _, r := range s {
		if (r.First == Star || r.Last == Star) && largest == 0 {
			continue
		}
		if r.First == Star {
			r.First = largest
		}
		if r.Last == Star {
			r.Last = largest
		}
		if r.First > r.Last {
			r.First, r.Last = r.Last, r.First
		}
		sorted = sorted && (len(out) == 0 || out[len(out)-1].First <= r.First)
		out = append(out, r)
	}
	if !sorted {
		slices.SortFunc(out, func(a, b Range) int {
			return int(int64(a.First) - int64(b.First))
		})
	}
	merged := out[:0]
	for _, r := range out {
		if n := len(merged); n > 0 && uint64(r.First) <= uint64(merged[n-1].Last)+1 {
			merged[n-1].Last = max(merged[n-1].Last, r.Last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// Contains reports whether n is in a resolved set.
func (s Set) Contains(n uint32) bool {
	_, found := slices.BinarySearchFunc(s, n, func(r Range, n uint32) int {
		switch {
		case r.Last < n:
			return -1
		case r.First > n:
			return 1
		}
		return 0
	})
	return found
}

// Add puts n, which is above all numbers of the set, at its end.
func (s *Set) Add(n uint32) {
	if l := len(*s); l > 0 && (*s)[l-1].Last+1 == n {
		(*s)[l-1].Last = n
		return
	}
	*s = append(*s, Range{n, n})
}

// Append writes the set to dst in wire form.
func (s Set) Append(dst []byte) []byte {
	for i, r := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSetNumber(dst, r.First)
		if r.First != r.Last {
			dst = appendSetNumber(append(dst, ':'), r.Last)
		}
	}
	return dst
}

// appendSetNumber writes one end of a range.
func appendSetNumber(dst []byte, n uint32) []byte {
	if n == Star {
		return append(dst, '*')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

// String returns the set in wire form.
func (s Set) String() string { return string(s.Append(nil)) }
