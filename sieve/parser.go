package sieve

import (
	"fmt"
	"slices"
	"sync"
)

// Parse returns the tree of a source and all its syntax errors, at most 100. The
// tree holds what could be read, so that tools can work on a script that is being
// written; only a tree without errors means what its source says. name stands in the
// errors. The limits are the defaults of SourceLimits.
//
// Spec: RFC 5228, section 8.2
func Parse(name string, src []byte) (*Script, []*Error) {
	return ParseWithin(name, src, SourceLimits{})
}

// ParseWithin is Parse with limits of one's own.
func ParseWithin(name string, src []byte, limits SourceLimits) (*Script, []*Error) {
	return parse(&Script{Name: name}, src, limits.withDefaults(), &treeMemory{})
}

// parse reads a tree into memory.
func parse(script *Script, src []byte, limits SourceLimits, memory *treeMemory) (*Script, []*Error) {
	if len(src) > limits.Size {
		script.Source = string(src[:0])
		return script, []*Error{script.errorAt(Span{}, "script is too long: %d octets, at most %d are allowed", len(src), limits.Size)}
	}
	script.Source = string(src)
	p := parser{script: script, limits: limits, treeMemory: memory} // it stays on the stack
	p.lexer = lexer{src: script.Source, limits: limits, comments: memory.comments[:0]}
	p.advance()
	script.Commands = p.commands(0)
	script.Comments, script.nodes, script.tests = p.lexer.comments, p.made, p.madeTests
	if len(p.errors) > 1 {
		slices.SortStableFunc(p.errors, byPlace)
	}
	return script, p.errors
}

// treePool holds the memory of trees that nobody needs any more.
var treePool = sync.Pool{New: func() any { return new(treeMemory) }}

// keptNodes is how many nodes a script may have whose lists are kept as they are.
const keptNodes = 256

// reset takes the memory of a tree back. What is written as a whole before it is read is not
// cleared after a short script: that would cost as much as it took to write it.
func (m *treeMemory) reset(s *Script) {
	if s.nodes <= keptNodes && len(s.Source) <= keptNodes<<8 {
		m.refs.rewind()
		m.strings.rewind()
		m.uses.rewind()
	} else {
		m.refs.reset()
		m.strings.reset()
		m.uses.reset()
		clear(m.openNodes[:cap(m.openNodes)])
		clear(m.loose[:cap(m.loose)])
	}
	m.nodes.reset()
	m.args.reset()
	clear(s.Comments)
	m.comments = s.Comments[:0]
	requiredAt := m.binder.requiredAt
	m.script, m.binder, m.library = Script{}, Binder{requiredAt: requiredAt}, library{}
	if cap(m.comments)+cap(m.openNodes) > 4*keptSlab {
		m.comments, m.openNodes = nil, nil
	}
	for _, c := range m.calls {
		c.forget()
	}
}

func byPlace(a, b *Error) int {
	if a.Pos.Line != b.Pos.Line {
		return a.Pos.Line - b.Pos.Line
	}
	return a.Pos.Col - b.Pos.Col
}

// parser builds the tree by recursive descent, one token ahead. After an error it
// goes on behind the next semicolon or with the next block.
type parser struct {
	script *Script
	limits SourceLimits
	lexer  lexer
	tok    token // the next token
	last   int   // end of the token before
	tokens int
	errors []*Error
	made   int // nodes
	// madeTests is how many of them are tests.
	madeTests int
	halted    bool // no more errors are wanted: the rest of the source is skipped
	// recovered says that the last command had an error: what follows its semicolon may be the rest of it.
	recovered bool

	*treeMemory
}

// treeMemory is what a tree is made of.
type treeMemory struct {
	nodes   usedSlab[Node]
	refs    usedSlab[*Node]
	args    usedSlab[Argument]
	strings usedSlab[String]

	comments []Comment

	// Lists of nodes that are not complete yet: what lies above the length that it had when a
	// list began belongs to that.
	openNodes []*Node

	// What the binder needs while it is at a command or test.
	calls   []*Call
	loose   []*Argument
	uses    usedSlab[TagUse]
	script  Script
	binder  Binder
	library library
}

func (p *parser) advance() {
	p.last = p.tok.End
	if p.halted {
		p.tok = token{Span: Span{len(p.script.Source), len(p.script.Source)}}
		return
	}
	p.lexer.next(&p.tok)
	if len(p.lexer.faults) > 0 {
		p.faults()
	}
	if p.tokens++; p.tokens > p.limits.Tokens {
		p.error(p.tok.Span, "script has too many tokens, at most %d are allowed", p.limits.Tokens)
		p.halt()
	}
}

// faults reports what is wrong with the next token.
func (p *parser) faults() {
	tok := p.tok
	for _, f := range p.lexer.faults {
		p.error(f.Span, "%s", f.text)
	}
	p.tok, p.lexer.faults = tok, p.lexer.faults[:0]
}

// halt skips the rest of the source.
func (p *parser) halt() {
	p.halted = true
	p.tok = token{Span: Span{len(p.script.Source), len(p.script.Source)}}
}

func (p *parser) error(sp Span, format string, args ...any) {
	if p.halted {
		return
	}
	p.errors = append(p.errors, p.script.errorAt(sp, format, args...))
	if len(p.errors) == p.limits.Errors {
		p.errors = append(p.errors, p.script.errorAt(sp, "too many errors; the rest of the script was not checked"))
		p.halt()
	}
}

// expected reports the next token as wrong, unless an open string or comment is to blame.
func (p *parser) expected(what string) {
	if p.tok.kind == tokenEOF && p.lexer.ended {
		return
	}
	p.error(p.tok.Span, "expected %s, found %s", what, p.tok.describe())
}

// commands reads commands until the end of the source or, in a block, its brace.
func (p *parser) commands(depth int) []*Node {
	open := len(p.openNodes)
	for {
		switch p.tok.kind {
		case tokenEOF:
			return p.nodesFrom(open)
		case tokenIdentifier:
			n := p.command(depth)
			p.openNodes = append(p.openNodes, n)
			continue
		case tokenRightBrace:
			if depth > 0 {
				return p.nodesFrom(open)
			}
			p.error(p.tok.Span, "unexpected \"}\": no block is open here")
			p.advance()
			continue
		}
		if !p.recovered {
			p.expected("a command")
		}
		p.recover(nil, depth)
	}
}

// nodesFrom closes a list of nodes that began at this length of the open ones.
func (p *parser) nodesFrom(open int) []*Node {
	list := p.refs.copy(p.openNodes[open:])
	p.openNodes = p.openNodes[:open]
	return list
}

// command reads a command with its semicolon or block.
func (p *parser) command(depth int) *Node {
	n := p.nodes.one()
	before := len(p.errors)
	ok := p.call(n, 0)
	if !ok || len(p.errors) > before {
		p.broken(n)
	}
	switch {
	case ok && p.tok.kind == tokenSemicolon:
		p.advance()
	case ok && p.tok.kind == tokenLeftBrace:
		p.block(n, depth)
	default:
		if ok {
			p.missingSemicolon(n)
		}
		if len(n.Tests) > 0 || p.tok.kind != tokenRightBrace {
			p.broken(n) // else it lacks nothing but its semicolon
		}
		p.recover(n, depth)
		n.End = p.last
		return n
	}
	n.End = p.last
	p.recovered = false
	return n
}

func (p *parser) broken(n *Node) {
	if p.script.broken == nil {
		p.script.broken = map[*Node]bool{}
	}
	p.script.broken[n] = true
}

func (p *parser) missingSemicolon(n *Node) {
	if p.tok.kind == tokenEOF && p.lexer.ended {
		return
	}
	at := p.tok.Span
	if p.script.line(p.last) != p.script.line(at.Start) || p.tok.kind == tokenEOF {
		at = Span{p.last, p.last} // the place where it is missing, not the innocent next line
	}
	what := `";"`
	if len(n.Tests) > 0 {
		what = `a block or ";"`
	}
	p.error(at, "expected %s after %q, found %s", what, clip(n.Name), p.tok.describe())
}

// block reads a block, the next token being its brace.
func (p *parser) block(n *Node, depth int) {
	open := p.tok.Span
	n.HasBlock = true
	if depth >= p.limits.Nesting {
		p.error(open, "blocks are nested too deep, at most %d levels are allowed", p.limits.Nesting)
		p.skipBlock()
		n.BlockSpan = Span{open.Start, p.last}
		return
	}
	p.advance()
	p.recovered = false
	n.Block = p.commands(depth + 1)
	if p.tok.kind != tokenRightBrace {
		if !p.lexer.ended {
			p.error(p.tok.Span, "expected \"}\": the block that begins at %s is not closed", p.script.Position(open.Start))
			p.halt() // the blocks around it are open for the same reason
		}
		n.BlockSpan = Span{open.Start, p.tok.Start}
		return
	}
	p.advance()
	n.BlockSpan = Span{open.Start, p.last}
}

// skipBlock skips a block unread, with the blocks in it.
func (p *parser) skipBlock() {
	for depth := 0; p.tok.kind != tokenEOF; {
		switch p.tok.kind {
		case tokenLeftBrace:
			depth++
		case tokenRightBrace:
			depth--
		}
		p.advance()
		if depth == 0 {
			return
		}
	}
}

// recover skips to the end of a command in error: behind its semicolon, behind its
// block, whose commands are read, or to the brace that ends the block around it.
func (p *parser) recover(n *Node, depth int) {
	p.recovered = true
	for {
		switch p.tok.kind {
		case tokenEOF, tokenRightBrace:
			return
		case tokenSemicolon:
			p.advance()
			return
		case tokenLeftBrace:
			if n == nil {
				n = &Node{}
			}
			p.block(n, depth)
			p.recovered = false
			return
		}
		p.advance()
	}
}

// call reads an identifier, its arguments and its tests into n; false means that an error
// was reported.
func (p *parser) call(n *Node, depth int) bool {
	p.made++
	if depth > 0 {
		p.madeTests++
	}
	n.Name, n.NameSpan, n.Span = p.tok.text, p.tok.Span, p.tok.Span
	p.advance()
	ok := p.arguments(n)
	if ok {
		if p.tok.kind == tokenIdentifier || p.tok.kind == tokenLeftParen {
			ok = p.tests(n, depth)
		}
		n.End = p.last
	}
	return ok
}

// arguments reads arguments; false means that an error was reported.
func (p *parser) arguments(n *Node) (ok bool) {
	args := p.args.open()
	args, ok = p.argumentsTo(args, n)
	n.Args = p.args.close(args)
	return ok
}

// argumentsTo appends arguments to a list.
func (p *parser) argumentsTo(args []Argument, n *Node) ([]Argument, bool) {
	for {
		switch p.tok.kind {
		case tokenTag, tokenNumber, tokenString, tokenText, tokenLeftBracket:
		default:
			return args, true
		}
		args = append(args, Argument{})
		a := &args[len(args)-1]
		a.Span = p.tok.Span
		switch p.tok.kind {
		case tokenTag:
			a.Kind, a.Tag = TagArgument, p.tok.text
			p.advance()
		case tokenNumber:
			a.Kind, a.Number, a.Quantifier = NumberArgument, p.tok.number, p.tok.quantifier
			p.advance()
		case tokenString, tokenText:
			a.Kind, a.Strings = StringArgument, p.strings.take(1)
			p.str(&a.Strings[0])
		case tokenLeftBracket:
			a.Kind = ListArgument
			if !p.list(a) {
				return args[:len(args)-1], false
			}
		}
		if len(args) > p.limits.Arguments {
			p.error(a.Span, "%q has too many arguments, at most %d are allowed", clip(n.Name), p.limits.Arguments)
			return args[:len(args)-1], false
		}
		n.End = p.last
	}
}

func (p *parser) str(s *String) {
	s.Span, s.Value, s.Multiline = p.tok.Span, p.tok.text, p.tok.kind == tokenText
	p.advance()
}

// list reads a string list, the next token being its bracket.
func (p *parser) list(a *Argument) bool {
	p.advance()
	list := p.strings.open() // lists are in no lists
	for {
		if p.tok.kind != tokenString && p.tok.kind != tokenText {
			p.expected("a string")
			p.strings.close(list)
			return false
		}
		list = append(list, String{})
		p.str(&list[len(list)-1])
		switch p.tok.kind {
		case tokenComma:
			p.advance()
		case tokenRightBracket:
			p.advance()
			a.Strings = p.strings.close(list)
			a.End = p.last
			return true
		default:
			p.expected(`"," or "]"`)
			p.strings.close(list)
			return false
		}
	}
}

// tests reads a test or a list of tests into n.
func (p *parser) tests(n *Node, depth int) bool {
	if depth >= p.limits.Nesting {
		p.error(p.tok.Span, "tests are nested too deep, at most %d levels are allowed", p.limits.Nesting)
		return false
	}
	if p.tok.kind == tokenIdentifier {
		t := p.nodes.one()
		n.Tests = p.refs.take(1)
		n.Tests[0] = t
		return p.call(t, depth+1)
	}
	n.Parens = true
	n.ParensSpan.Start = p.tok.Start
	p.advance()
	open := len(p.openNodes)
	ok := p.testList(depth)
	n.Tests = p.nodesFrom(open)
	n.ParensSpan.End = p.last
	return ok
}

func (p *parser) testList(depth int) bool {
	for {
		if p.tok.kind != tokenIdentifier {
			p.expected("a test")
			return false
		}
		t := p.nodes.one()
		p.openNodes = append(p.openNodes, t)
		if !p.call(t, depth+1) {
			return false
		}
		switch p.tok.kind {
		case tokenComma:
			p.advance()
		case tokenRightParen:
			p.advance()
			return true
		default:
			p.expected(fmt.Sprintf(`"," or ")" after the test %q`, clip(t.Name)))
			return false
		}
	}
}
