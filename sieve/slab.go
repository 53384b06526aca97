package sieve

import "cmp"

// slab cuts slices from bigger ones, so that what is made of a script in many small pieces
// costs few allocations. The zero value works.
type slab[T any] struct {
	free []T
	size int // of the next piece, in elements
}

// usedSlab is a slab whose memory can be taken back.
type usedSlab[T any] struct {
	slab[T]
	whole []T // the piece that the slab began with
	taken int
}

// Sizes of the pieces that a slab asks for, in elements.
const (
	firstSlab = 4
	maxSlab   = 128
	keptSlab  = 2048 // that is kept for the next script
)

// take returns n zero elements with no room behind them.
func (s *slab[T]) take(n int) []T {
	if n > len(s.free) {
		return s.more(n)
	}
	out := s.free[:n:n]
	s.free = s.free[n:]
	return out
}

// more is take where a new piece is needed.
func (s *slab[T]) more(n int) []T {
	if n > maxSlab/2 && n > s.size {
		return make([]T, n)
	}
	free := make([]T, max(cmp.Or(s.size, firstSlab), n))
	s.free, s.size = free[n:], min(2*len(free), maxSlab)
	return free[:n:n]
}

// expect says how many elements will be taken, at most.
func (s *slab[T]) expect(n int) {
	if len(s.free) == 0 {
		s.size = n
	}
}

// one returns a zero element.
func (s *slab[T]) one() *T {
	if len(s.free) == 0 {
		return &s.more(1)[0]
	}
	out := &s.free[0]
	s.free = s.free[1:]
	return out
}

// copy returns a copy of a list, nil for an empty one.
func (s *slab[T]) copy(list []T) []T {
	if len(list) == 0 {
		return nil
	}
	out := s.take(len(list))
	copy(out, list)
	return out
}

// take is a slab's.
func (s *usedSlab[T]) take(n int) []T {
	s.taken += n
	return s.slab.take(n)
}

// one is a slab's.
func (s *usedSlab[T]) one() *T {
	s.taken++
	return s.slab.one()
}

// copy is a slab's.
func (s *usedSlab[T]) copy(list []T) []T {
	s.taken += len(list)
	return s.slab.copy(list)
}

// open begins a list whose length is not known yet: elements are appended to it. Nothing else may
// be taken before it is closed.
func (s *usedSlab[T]) open() []T {
	if len(s.free) == 0 {
		s.free = make([]T, max(s.size, firstSlab))
		s.size = min(2*len(s.free), maxSlab)
	}
	return s.free[:0]
}

// close ends a list, nil if it is empty.
func (s *usedSlab[T]) close(list []T) []T {
	n := len(list)
	if n == 0 {
		return nil
	}
	s.taken += n
	s.free = list[n:cap(list)] // of another piece if the list did not fit
	return list[:n:n]
}

// rewind is reset for elements that are always written as a whole: they are not cleared.
func (s *usedSlab[T]) rewind() {
	if s.taken > len(s.whole) {
		s.reset()
		return
	}
	s.free, s.size, s.taken = s.whole, 0, 0
}

// reset takes back all that was cut, which nobody may use from now on.
func (s *usedSlab[T]) reset() {
	switch {
	case s.taken <= len(s.whole):
		clear(s.whole[:s.taken])
	case s.taken <= keptSlab:
		s.whole = make([]T, s.taken) // the next time one piece will do
	default:
		s.whole = nil
	}
	s.free, s.size, s.taken = s.whole, 0, 0
}
