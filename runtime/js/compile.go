package js

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"github.com/sluice-mail/sluice/runtime"
)

// What a script is compiled between, so that it may return. head has no line end: lines
// stay right.
const (
	head = "(function(){"
	tail = "\n})()"
)

// compilation is the way of one source to a program.
type compilation struct {
	name    string
	options Options
	compile runtime.CompileOptions
	places  runtime.Places
	errs    runtime.SourceErrors
}

func (c *compilation) fail(offset int, format string, args ...any) {
	if len(c.errs) < runtime.MaxSourceErrors {
		line, col := c.places.At(offset)
		c.errs = append(c.errs, &runtime.SourceError{File: c.name, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)})
	}
}

// failAt notes an error at a place of the syntax tree.
func (c *compilation) failAt(idx file.Idx, format string, args ...any) {
	c.fail(offsetOf(idx), format, args...)
}

// offsetOf returns the offset in the source of a place of the syntax tree.
func offsetOf(idx file.Idx) int { return int(idx) - 1 - len(head) }

func (c *compilation) run(source string) (p *Program, err error) {
	defer func() {
		if x := recover(); x != nil {
			p, err = nil, fmt.Errorf("%s:1:1: internal error: %v", c.name, x)
		}
	}()
	source = strings.TrimPrefix(source, "\ufeff")
	c.places = runtime.NewPlaces(source)
	if len(source) > c.options.MaxSource {
		c.fail(0, "script of %d octets is over the limit of %d", len(source), c.options.MaxSource)
		return nil, c.errs
	}
	if !utf8.ValidString(source) {
		c.fail(badText(source), "text is not UTF-8")
		return nil, c.errs
	}
	if at, err := scan(source, c.options.Nesting); at >= 0 {
		c.fail(at, "%s", err)
		return nil, c.errs
	}
	tree, body := c.parse(source)
	if c.errs != nil {
		return nil, c.errs
	}
	k := newChecker(c)
	k.check(body)
	if c.errs != nil {
		return nil, c.errs
	}
	r := &rewriter{checker: k, instrument: c.compile.Instrument}
	r.rewrite(body)
	p = &Program{name: c.name, places: c.places, sealed: k.seal(), sites: r.numbered()}
	p.guards, p.later = k.guards()
	if p.code, err = goja.CompileAST(tree, true); err != nil {
		var ce *goja.CompilerSyntaxError
		if errors.As(err, &ce) {
			c.fail(ce.Offset-len(head), "%s", lower(ce.Message))
			return nil, c.errs
		}
		return nil, fmt.Errorf("%s:1:1: %w", c.name, err)
	}
	return p, nil
}

// parse returns the tree and in it the function that is the script, or notes the first
// error: those that follow one come from it more often than not.
func (c *compilation) parse(source string) (*ast.Program, *ast.FunctionLiteral) {
	tree, err := parser.ParseFile(nil, c.name, head+source+tail, 0, parser.WithDisableSourceMaps)
	if err != nil {
		var list parser.ErrorList
		if !errors.As(err, &list) || len(list) == 0 {
			c.fail(0, "%s", err)
			return nil, nil
		}
		at := offsetIn(c.places, list[0].Position.Line, list[0].Position.Column)
		if at >= len(source) {
			c.fail(len(source), "unexpected end of script")
		} else {
			c.fail(at, "%s", lower(list[0].Message))
		}
		return nil, nil
	}
	body := scriptOf(tree)
	switch {
	case body == nil:
		c.fail(0, "unbalanced }")
	case offsetOf(body.Body.RightBrace) != len(source)+1 || len(tree.Body) != 1:
		c.failAt(body.Body.RightBrace, "unexpected }")
	}
	return tree, body
}

// scriptOf returns the function between head and tail, nil if the source closed it.
func scriptOf(tree *ast.Program) *ast.FunctionLiteral {
	if len(tree.Body) == 0 {
		return nil
	}
	s, ok := tree.Body[0].(*ast.ExpressionStatement)
	if !ok {
		return nil
	}
	call, ok := s.Expression.(*ast.CallExpression)
	if !ok {
		return nil
	}
	f, ok := call.Callee.(*ast.FunctionLiteral)
	if !ok || len(call.ArgumentList) != 0 {
		return nil
	}
	return f
}

func lower(text string) string {
	if text == "" || len(text) > 1 && text[1] >= 'A' && text[1] <= 'Z' {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// badText returns the offset of the first octet that is not UTF-8.
func badText(source string) int {
	for i, r := range source {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(source[i:]); size == 1 {
				return i
			}
		}
	}
	return 0
}
