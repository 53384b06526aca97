package js

import (
	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// offsetIn returns the offset in a script of a place that goja names: a line and a column
// in octets, the first line with head in front.
func offsetIn(p runtime.Places, line, col int) int {
	if line < 1 || line > p.Lines() {
		return p.Start(line)
	}
	if line == 1 {
		col -= len(head)
	}
	return p.Start(line) + col - 1
}

// top returns the place of the innermost frame of ours in a stack: the name of its source, line
// and column.
func (p *Program) top(stack []goja.StackFrame) (file string, line, col int) {
	for _, f := range stack {
		at := f.Position()
		if at.Line <= 0 {
			continue
		}
		for _, u := range p.units {
			if f.SrcName() == u.name {
				line, col = u.places.At(offsetIn(u.places, at.Line, at.Column))
				return u.name, line, col
			}
		}
	}
	return p.name, 1, 1
}
