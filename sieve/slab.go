package sieve

// slab cuts slices from bigger ones, so that what is made of a script in many small pieces
// costs few allocations. The zero value works. What was cut is never used again for
// something else.
type slab[T any] struct {
	free []T
	size int // of the next piece of memory, in elements
}

// Sizes of the pieces that a slab asks for, in elements.
const (
	firstSlab = 8
	maxSlab   = 128
)

// take returns n zero elements with no room behind them.
func (s *slab[T]) take(n int) []T {
	if n > len(s.free) {
		if n > maxSlab/2 {
			return make([]T, n)
		}
		s.size = min(max(2*s.size, firstSlab, n), maxSlab)
		s.free = make([]T, s.size)
	}
	out := s.free[:n:n]
	s.free = s.free[n:]
	return out
}

// one returns a zero element.
func (s *slab[T]) one() *T { return &s.take(1)[0] }

// copy returns a copy of a list, nil for an empty one.
func (s *slab[T]) copy(list []T) []T {
	if len(list) == 0 {
		return nil
	}
	out := s.take(len(list))
	copy(out, list)
	return out
}
