package sieve

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// moreErrors returns the syntax errors of a script together with the errors of those of its
// commands that could be read, in order of their places.
//
// What a syntax error may have caused is left out: what stands behind it on its line, what may
// have been read inside out, and what lacks a require if one of those could not be read.
func moreErrors(l *Language, s *Script, syntax []*Error, o runtime.CompileOptions, memory *treeMemory) []*Error {
	most := l.options.Source.Errors
	if len(syntax) >= most || s.Source == "" {
		return syntax
	}
	columns, turned := map[int]int{}, s.turned(l.options.Source)
	for _, e := range slices.Backward(syntax) {
		columns[e.Pos.Line] = e.Pos.Col // of the first of a line
	}
	_, bound := bind(l, s, o, memory)
	out, others := slices.Clone(syntax), []*Error(nil)
	for _, e := range bound {
		col, doubtful := columns[e.Pos.Line]
		switch {
		case len(out)+len(others) >= most:
		case e.Name != s.Name:
			others = append(others, e) // of an included script
		case doubtful && e.Pos.Col >= col, turned > 0 && e.Pos.Line >= turned:
		default:
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, byPlace)
	return append(out, others...)
}

// turned returns the line from which a script may have been read inside out, 0 if there is none:
// when a string is not closed, a quote is missing there, or in the first string of several lines.
func (s *Script) turned(limits SourceLimits) (line int) {
	x := lexer{src: s.Source, limits: limits}
	for tok := (token{}); ; {
		x.next(&tok)
		if line == 0 && tok.kind == tokenString && strings.Contains(s.Source[tok.Start:tok.End], "\n") {
			line = s.line(tok.Start)
		}
		switch {
		case tok.kind == tokenEOF:
			return 0
		case x.ended && line == 0:
			return s.line(tok.Start)
		case x.ended:
			return line
		}
	}
}

// broken binds the block of a command that has a syntax error in front of it.
func (b *Binder) broken(n *Node, name string) {
	b.chain, b.previous = nil, name
	if name == "require" {
		b.lenient = true
		return
	}
	b.strange(n)
	if name == "if" || name == "elsif" {
		b.chain = &chain{} // what follows may be its elsif
	}
}

// strange binds the block of a command that cannot be bound itself, for the errors in it. The
// command may be a loop.
func (b *Binder) strange(n *Node) {
	if !n.HasBlock {
		return
	}
	b.loops = append(b.loops, &loop{kind: lowerASCII(n.Name)})
	b.block(n.Block)
	b.loops = b.loops[:len(b.loops)-1]
	b.faulty = true
}
