package sieve

import (
	"fmt"
	"slices"

	"github.com/sluice-mail/sluice/runtime"
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
	limits = limits.withDefaults()
	script := &Script{Name: name}
	if len(src) > limits.Size {
		script.Source = string(src[:0])
		return script, []*Error{script.errorAt(Span{}, "script is too long: %d octets, at most %d are allowed", len(src), limits.Size)}
	}
	script.Source = string(src)
	script.places = runtime.NewPlaces(script.Source)
	p := &parser{script: script, limits: limits}
	p.lexer = lexer{src: script.Source, limits: limits, report: p.error}
	p.advance()
	script.Commands = p.commands(0)
	script.Comments = p.lexer.comments
	slices.SortStableFunc(p.errors, byPlace)
	return script, p.errors
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
	halted bool // no more errors are wanted: the rest of the source is skipped
	// recovered says that the last command had an error: what follows its semicolon may be the rest of it.
	recovered bool
}

func (p *parser) advance() {
	p.last = p.tok.End
	if p.halted {
		p.tok = token{Span: Span{len(p.script.Source), len(p.script.Source)}}
		return
	}
	p.tok = p.lexer.next()
	if p.tokens++; p.tokens > p.limits.Tokens {
		p.error(p.tok.Span, "script has too many tokens, at most %d are allowed", p.limits.Tokens)
		p.halt()
	}
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
	var out []*Node
	for {
		switch p.tok.kind {
		case tokenEOF:
			return out
		case tokenIdentifier:
			if n := p.command(depth); n != nil {
				out = append(out, n)
			}
			continue
		case tokenRightBrace:
			if depth > 0 {
				return out
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

// command reads a command with its semicolon or block.
func (p *parser) command(depth int) *Node {
	n := &Node{}
	ok := p.call(n, 0)
	switch {
	case ok && p.tok.kind == tokenSemicolon:
		p.advance()
	case ok && p.tok.kind == tokenLeftBrace:
		p.block(n, depth)
	default:
		if ok {
			p.missingSemicolon(n)
		}
		p.recover(n, depth)
		n.End = p.last
		return n
	}
	n.End = p.last
	p.recovered = false
	return n
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

// call reads an identifier and its arguments into n; false means that an error was reported.
func (p *parser) call(n *Node, depth int) bool {
	n.Name, n.NameSpan, n.Span = p.tok.text, p.tok.Span, p.tok.Span
	p.advance()
	for {
		var a Argument
		a.Span = p.tok.Span
		switch p.tok.kind {
		case tokenTag:
			a.Kind, a.Tag = TagArgument, p.tok.text
			p.advance()
		case tokenNumber:
			a.Kind, a.Number, a.Quantifier = NumberArgument, p.tok.number, p.tok.quantifier
			p.advance()
		case tokenString, tokenText:
			a.Kind, a.Strings = StringArgument, []String{p.str()}
		case tokenLeftBracket:
			a.Kind = ListArgument
			if !p.list(&a) {
				return false
			}
		case tokenIdentifier, tokenLeftParen:
			ok := p.tests(n, depth)
			n.End = p.last
			return ok
		default:
			n.End = p.last
			return true
		}
		if len(n.Args) == p.limits.Arguments {
			p.error(a.Span, "%q has too many arguments, at most %d are allowed", clip(n.Name), p.limits.Arguments)
			return false
		}
		n.Args = append(n.Args, a)
		n.End = p.last
	}
}

func (p *parser) str() String {
	s := String{Span: p.tok.Span, Value: p.tok.text, Multiline: p.tok.kind == tokenText}
	p.advance()
	return s
}

// list reads a string list, the next token being its bracket.
func (p *parser) list(a *Argument) bool {
	p.advance()
	for {
		if p.tok.kind != tokenString && p.tok.kind != tokenText {
			p.expected("a string")
			return false
		}
		a.Strings = append(a.Strings, p.str())
		switch p.tok.kind {
		case tokenComma:
			p.advance()
		case tokenRightBracket:
			p.advance()
			a.End = p.last
			return true
		default:
			p.expected(`"," or "]"`)
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
		t := &Node{}
		n.Tests = append(n.Tests, t)
		return p.call(t, depth+1)
	}
	n.Parens = true
	p.advance()
	for {
		if p.tok.kind != tokenIdentifier {
			p.expected("a test")
			return false
		}
		t := &Node{}
		n.Tests = append(n.Tests, t)
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
