package stalwart

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

// compilation is the way of one source to a program.
type compilation struct {
	name    string
	source  string // the whole file
	options Options
	compile runtime.CompileOptions
	sieve   bool                   // it is an expression of a Sieve script
	known   func(name string) bool // its variables
	places  runtime.Places
	sites   []runtime.Site
	nodes   int
	errs    runtime.SourceErrors
}

// fail notes an error at an offset of the file.
func (c *compilation) fail(offset int, format string, args ...any) {
	if len(c.errs) < runtime.MaxSourceErrors {
		line, col := c.places.At(offset)
		c.errs = append(c.errs, &runtime.SourceError{File: c.name, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)})
	}
}

// begin checks the file as a whole.
func (c *compilation) begin() bool {
	c.places = runtime.NewPlaces(c.source)
	if len(c.source) > c.options.MaxSource {
		c.fail(0, "script of %d octets is over the limit of %d", len(c.source), c.options.MaxSource)
		return false
	}
	if !utf8.ValidString(c.source) {
		for i, r := range c.source {
			if _, n := utf8.DecodeRuneInString(c.source[i:]); r == utf8.RuneError && n == 1 {
				c.fail(i, "text is not UTF-8")
				return false
			}
		}
	}
	return true
}

func (c *compilation) err() error {
	if len(c.errs) == 0 {
		return nil
	}
	return c.errs
}

// single compiles a source that is one expression.
func (c *compilation) single() (node, error) {
	if !c.begin() {
		return nil, c.errs
	}
	n := c.expression(c.source, func(i int) int { return i })
	return n, c.err()
}

// expression compiles a piece of the file. place returns the offset in the file of one in text.
func (c *compilation) expression(text string, place func(int) int) node {
	p := &parser{c: c, lex: lexer{in: text, comments: !c.sieve}, place: place}
	before := len(c.errs)
	p.advance()
	n := p.binary(1)
	if len(c.errs) == before && p.tok.kind != tokenEnd {
		p.unexpected("an operator")
	}
	if len(c.errs) > before {
		return nil
	}
	return n
}

// parser makes the tree of one expression. After an error it reads no further.
type parser struct {
	c     *compilation
	lex   lexer
	tok   token
	place func(int) int
	depth int
	over  bool
}

// advance reads the next token.
func (p *parser) advance() {
	if p.over {
		return
	}
	p.tok = p.lex.next()
	if p.tok.kind == tokenInvalid {
		p.fail(p.tok.at, "%s", p.tok.text)
	}
}

// fail notes an error that ends the reading.
func (p *parser) fail(at int, format string, args ...any) {
	if !p.over {
		p.c.fail(p.place(at), format, args...)
	}
	p.over = true
	p.tok = token{kind: tokenEnd, at: p.tok.at, end: p.tok.at}
}

// note notes an error of a name or call; the reading goes on.
func (p *parser) note(at int, format string, args ...any) {
	if !p.over {
		p.c.fail(p.place(at), format, args...)
	}
}

func (p *parser) unexpected(wanted string) {
	p.fail(p.tok.at, "expected %s, got %s", wanted, p.tok)
}

func (p *parser) is(symbol string) bool { return p.tok.kind == tokenSymbol && p.tok.text == symbol }

// want reads a symbol that has to be there.
func (p *parser) want(symbol string) {
	if !p.is(symbol) {
		p.unexpected(strconv.Quote(symbol))
		return
	}
	p.advance()
}

// node counts a node of the tree.
func (p *parser) node(n node) node {
	p.c.nodes++
	if p.c.nodes > p.c.options.MaxNodes {
		p.fail(p.tok.at, "script has over %d operations", p.c.options.MaxNodes)
	}
	return n
}

// enter counts a level of nesting; leave ends it.
func (p *parser) enter(at int) bool {
	p.depth++
	if p.depth > p.c.options.Nesting {
		p.fail(at, "nested deeper than %d", p.c.options.Nesting)
		return false
	}
	return true
}

func (p *parser) leave() { p.depth-- }

// levels are the operators with two operands and how tightly they hold.
var levels = map[string]int{
	"||": 1, "&&": 2, "^": 3, "==": 4, "!=": 4, ">": 5, ">=": 5, "<": 5, "<=": 5, "+": 6, "-": 6, "*": 7, "/": 7,
}

// binary reads operands and the operators between them that hold at least as tightly as
// level says. Of operators of one level the left one goes first.
func (p *parser) binary(level int) node {
	left := p.unary()
	for !p.over && p.tok.kind == tokenSymbol {
		op := p.tok
		own := levels[op.text]
		if own < level || own == 0 {
			break
		}
		p.advance()
		right := p.binary(own + 1)
		at := p.place(op.at)
		if op.text == "&&" || op.text == "||" {
			left = p.node(&logic{place{at}, left, right, op.text == "||", p.site(op.at, op.text)})
		} else {
			left = p.node(&binary{place{at}, operators[op.text], left, right})
		}
	}
	return left
}

// site makes a site, -1 where nobody asked for them.
func (p *parser) site(at int, what string) int {
	if !p.c.compile.Instrument || p.over {
		return -1
	}
	return p.c.site(p.place(at), what)
}

func (c *compilation) site(at int, what string) int {
	line, col := c.places.At(at)
	c.sites = append(c.sites, runtime.Site{Line: line, Col: col, What: what})
	return len(c.sites) - 1
}

func (p *parser) unary() node {
	if p.is("!") || p.is("-") {
		op := p.tok
		if !p.enter(op.at) {
			return nil
		}
		defer p.leave()
		p.advance()
		if op.text == "-" && p.tok.kind == tokenNumber && p.tok.at == op.end {
			n := p.number(p.tok, "-")
			p.advance()
			return p.index(n)
		}
		x := p.unary()
		if op.text == "!" {
			return p.node(&not{place{p.place(op.at)}, x})
		}
		return p.node(&minus{place{p.place(op.at)}, x})
	}
	return p.index(p.primary())
}

// index reads the places in brackets behind an operand.
func (p *parser) index(n node) node {
	for !p.over && p.is("[") {
		at := p.tok.at
		if !p.enter(at) {
			return nil
		}
		p.advance()
		i := p.binary(1)
		p.want("]")
		p.leave()
		n = p.node(&element{place{p.place(at)}, n, i})
	}
	return n
}

func (p *parser) primary() node {
	t := p.tok
	at := place{p.place(t.at)}
	switch t.kind {
	case tokenNumber:
		n := p.number(t, "")
		p.advance()
		return n
	case tokenString:
		p.advance()
		return p.node(&literal{at, t.text})
	case tokenDollar:
		p.advance()
		return p.node(p.capture(t, at))
	case tokenName:
		p.advance()
		if p.is("(") && p.tok.at == t.end {
			return p.call(t)
		}
		return p.node(p.variable(t, at))
	case tokenSymbol:
		if t.text == "(" || t.text == "[" {
			if !p.enter(t.at) {
				return nil
			}
			defer p.leave()
		}
		switch t.text {
		case "(":
			p.advance()
			n := p.binary(1)
			p.want(")")
			return n
		case "[":
			p.advance()
			return p.node(&list{at, p.list("]")})
		}
	}
	p.unexpected("a value")
	return nil
}

// list reads values with commas between, and the bracket that ends them.
func (p *parser) list(end string) []node {
	items := []node{}
	for !p.over && !p.is(end) {
		items = append(items, p.binary(1))
		if p.is(end) {
			break
		}
		if !p.is(",") {
			p.unexpected(fmt.Sprintf("\",\" or %q", end))
			return items
		}
		p.advance()
		if p.is(end) {
			p.unexpected("a value")
		}
	}
	p.want(end)
	return items
}

// units are those of durations, in milliseconds.
var units = map[string]int64{"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

// number returns a number, or a duration in milliseconds.
func (p *parser) number(t token, sign string) node {
	at := place{p.place(t.at)}
	digits := strings.TrimRight(t.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
	unit := t.text[len(digits):]
	if strings.Contains(digits, ".") {
		f, err := strconv.ParseFloat(sign+digits, 64)
		switch {
		case unit != "":
			p.note(t.at, "%q: a duration is a whole number with ms, s, m, h or d", clip(t.text))
		case err != nil || strings.HasSuffix(digits, "."):
			p.note(t.at, "%q is no number", clip(t.text))
		}
		return p.node(&literal{at, f})
	}
	n, err := strconv.ParseInt(sign+digits, 10, 64)
	factor, ok := units[unit]
	switch {
	case unit != "" && !ok:
		p.note(t.at, "%q is no number; the units of durations are ms, s, m, h and d", clip(t.text))
	case err != nil:
		p.note(t.at, "%q is no number of 64 bits", clip(t.text))
	case ok:
		n = multiplyInt(n, factor)
	}
	return p.node(&literal{at, n})
}
