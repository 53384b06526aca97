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

// top returns the place of the innermost frame of ours in a stack.
func (p *Program) top(stack []goja.StackFrame) (line, col int) {
	for _, f := range stack {
		if at := f.Position(); at.Line > 0 && f.SrcName() == p.name {
			return p.places.At(offsetIn(p.places, at.Line, at.Column))
		}
	}
	return 1, 1
}
