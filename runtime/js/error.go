package js

import (
	"unicode/utf8"

	"github.com/dop251/goja"
)

// places finds lines and columns in a source that was compiled between head and tail.
type places struct {
	source string
	starts []int // offsets of the lines
}

func newPlaces(source string) *places {
	p := &places{source: source, starts: []int{0}}
	for i := range len(source) {
		if source[i] == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	return p
}

// at returns the place of an offset in octets of the source; both count from 1.
func (p *places) at(offset int) (line, col int) {
	offset = max(min(offset, len(p.source)), 0)
	lo, hi := 0, len(p.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; p.starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, utf8.RuneCountInString(p.source[p.starts[lo]:offset]) + 1
}

// offset returns the offset of a place that goja names: a line and a column in octets,
// the first line with head in front.
func (p *places) offset(line, col int) int {
	if line < 1 {
		return 0
	}
	if line > len(p.starts) {
		return len(p.source)
	}
	if line == 1 {
		col -= len(head)
	}
	return p.starts[line-1] + col - 1
}

// top returns the place of the innermost frame of ours in a stack.
func (p *Program) top(stack []goja.StackFrame) (line, col int) {
	for _, f := range stack {
		if at := f.Position(); at.Line > 0 && f.SrcName() == p.name {
			return p.places.at(p.places.offset(at.Line, at.Column))
		}
	}
	return 1, 1
}
