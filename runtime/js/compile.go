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

// What a source is compiled between, so that it may return and has what modules have. head has
// no line end: lines stay right.
const (
	head = "(function(exports,require,module){"
	tail = "\n})"
)

// compilation is the way of one source, the script or one of its modules, to a unit of a
// program.
type compilation struct {
	name    string // as errors show it
	path    string // of a module, below the script's folder; "" is the script
	options Options
	compile runtime.CompileOptions
	places  runtime.Places
	bundle  *bundle
	tree    *ast.Program
	body    *ast.FunctionLiteral
	checker *checker
	unit    *unit
}

func (c *compilation) fail(offset int, format string, args ...any) {
	if len(c.bundle.errs) < runtime.MaxSourceErrors {
		line, col := c.places.At(offset)
		c.bundle.errs = append(c.bundle.errs, &runtime.SourceError{File: c.name, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)})
	}
}

// failAt notes an error at a place of the syntax tree.
func (c *compilation) failAt(idx file.Idx, format string, args ...any) {
	c.fail(offsetOf(idx), format, args...)
}

// offsetOf returns the offset in the source of a place of the syntax tree.
func offsetOf(idx file.Idx) int { return int(idx) - 1 - len(head) }

// read parses and checks a source, and says whether it is without errors.
func (c *compilation) read(source string) bool {
	before := len(c.bundle.errs)
	source = strings.TrimPrefix(source, "\ufeff")
	c.places = runtime.NewPlaces(source)
	c.unit = &unit{name: c.name, path: c.path, places: c.places}
	if len(source) > c.options.MaxSource {
		c.fail(0, "script of %d octets is over the limit of %d", len(source), c.options.MaxSource)
		return false
	}
	if !utf8.ValidString(source) {
		c.fail(badText(source), "text is not UTF-8")
		return false
	}
	if at, err := scan(source, c.options.Nesting); at >= 0 {
		c.fail(at, "%s", err)
		return false
	}
	if strings.HasSuffix(c.path, ".json") {
		c.parseJSON(source)
	} else {
		c.tree, c.body = c.parse(source)
	}
	if len(c.bundle.errs) > before {
		return false
	}
	c.checker = newChecker(c)
	c.checker.check(c.body)
	return len(c.bundle.errs) == before
}

// finish rewrites and compiles what was read.
func (c *compilation) finish() error {
	for _, p := range c.body.ParameterList.List { // a source may have names of its own for these
		if n, ok := p.Target.(*ast.Identifier); ok && c.checker.declared[n.Name.String()] {
			n.Name = " " + n.Name
		}
	}
	r := &rewriter{checker: c.checker, instrument: c.compile.Instrument}
	r.rewrite(c.body)
	c.bundle.sites = append(c.bundle.sites, r.numbered(len(c.bundle.sites))...)
	code, err := goja.CompileAST(c.tree, true)
	if err != nil {
		var ce *goja.CompilerSyntaxError
		if errors.As(err, &ce) {
			c.fail(ce.Offset-len(head), "%s", lower(ce.Message))
			return nil
		}
		return fmt.Errorf("%s:1:1: %w", c.name, err)
	}
	c.unit.code = code
	return nil
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
		switch {
		case at >= len(source):
			c.fail(len(source), "unexpected end of script")
		case foreign(source[max(at, 0):]):
			c.fail(at, "import and export are not available; use require and module.exports")
		default:
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

// foreign says whether a source goes on with a word of the other kind of modules.
func foreign(source string) bool {
	return strings.HasPrefix(source, "import") || strings.HasPrefix(source, "export")
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
	f, ok := s.Expression.(*ast.FunctionLiteral)
	if !ok || f.Idx0() != 2 {
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
