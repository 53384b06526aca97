package expr

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/sluice-mail/sluice/runtime"
)

// compilation is the way of one source to a program.
type compilation struct {
	name    string
	options Options
	compile runtime.CompileOptions
	vars    []string // names that the caller gives values to
	anyVar  bool     // every name that is not declared is a variable
	// transaction says that what the table tells of the transaction can be read by name.
	transaction bool
	condition   bool // it has to be a bool
	firstSite   int  // the number of its first site
	lines       lines
	errs        runtime.SourceErrors
}

// fail notes an error at an offset in characters.
func (c *compilation) fail(offset int, format string, args ...any) {
	line, col := c.lines.at(offset)
	c.failAt(line, col, format, args...)
}

func (c *compilation) failAt(line, col int, format string, args ...any) {
	if len(c.errs) < runtime.MaxSourceErrors {
		c.errs = append(c.errs, &runtime.SourceError{File: c.name, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)})
	}
}

// foreign notes an error of expr-lang.
func (c *compilation) foreign(err error) error {
	var fe *file.Error
	if errors.As(err, &fe) {
		c.fail(fe.From, "%s", fe.Message)
	} else {
		c.fail(0, "%s", err.Error())
	}
	return c.errs
}

func (c *compilation) run(source string) (p *Program, err error) {
	defer func() {
		if x := recover(); x != nil {
			p, err = nil, fmt.Errorf("%s:1:1: internal error: %v", c.name, x)
		}
	}()
	if c.lines.starts == nil {
		c.lines = newLines(source)
	}
	if len(source) > c.options.MaxSource {
		c.fail(0, "script of %d octets is over the limit of %d", len(source), c.options.MaxSource)
		return nil, c.errs
	}
	if at := badText(source); at >= 0 {
		c.fail(at, "text is not UTF-8")
		return nil, c.errs
	}
	empty, calls, fe := scan(source, c.options.Nesting)
	if fe != nil {
		return nil, c.foreign(fe)
	}
	p = &Program{name: c.name, lines: c.lines}
	if empty {
		return p, nil
	}
	config := c.config()
	tree, err := parser.ParseWithConfig(nameCalls(source, calls), config)
	if err != nil {
		return nil, c.foreign(err)
	}
	nullWord(&tree.Node)
	if calls != nil {
		renameCalls(&tree.Node)
	}
	if c.check(tree.Node); c.errs != nil {
		return nil, c.errs
	}
	c.readVariables(&tree.Node, map[string]bool{})
	config.Functions = typed()
	if _, err := checker.Check(tree, config); err != nil {
		return nil, c.foreign(err)
	}
	if t := tree.Node.Type(); c.condition && notBool(t) {
		c.fail(start(tree.Node), "when: expected bool, got %s", kindWords.Replace(t.String()))
		return nil, c.errs
	}
	config.Functions = functions()
	r := &rewriter{instrument: c.compile.Instrument, source: source}
	r.rewrite(&tree.Node)
	p.sites = r.numbered(c.lines, c.firstSite)
	if _, err := checker.Check(tree, config); err != nil {
		return nil, c.foreign(err)
	}
	if p.code, err = compiler.Compile(tree, config); err != nil {
		return nil, c.foreign(err)
	}
	return p, nil
}

// notBool says whether a type is known and another than bool.
func notBool(t reflect.Type) bool {
	if t == nil {
		return false
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Float64, reflect.String, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

// config returns what expr-lang's parser, checker and compiler are to know: our
// functions before the builtins, and the names of the variables. Its optimizer stays
// off: it makes loops that the rewriter could not count.
func (c *compilation) config() *conf.Config {
	config := conf.CreateNew()
	config.Optimize = false
	config.MaxNodes = c.options.MaxNodes
	config.Functions = functions()
	env := types.Map{}
	for _, v := range c.vars {
		env[v] = types.Any
	}
	config.WithEnv(env)
	config.Strict = !c.anyVar
	return config
}

// check goes over the tree before anything is changed in it and notes wrong calls.
func (c *compilation) check(root ast.Node) {
	k := &callChecker{c: c, declared: map[string]int{}}
	k.node(root)
}

// callChecker checks calls and names against the function table.
type callChecker struct {
	c        *compilation
	declared map[string]int // names of `let` in scope
}

func (k *callChecker) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.CallNode:
		k.call(n)
		return
	case *ast.BuiltinNode:
		if !allowed[n.Name] {
			k.builtin(n)
		}
	case *ast.IdentifierNode:
		if k.declared[n.Value] == 0 {
			k.name(n)
		}
	case *ast.VariableDeclaratorNode:
		if n.Name[0] == '$' || n.Name == "null" {
			k.c.fail(n.Location().From, "%s cannot be declared", n.Name)
		}
		k.node(n.Value)
		k.declared[n.Name]++
		k.node(n.Expr)
		k.declared[n.Name]--
		return
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			if text, ok := n.Right.(*ast.StringNode); ok {
				if _, err := newPattern(text.Value); err != nil {
					k.c.fail(text.Location().From, "%s", err)
				}
			}
		}
	}
	for _, child := range children(n) {
		k.node(*child)
	}
}

// builtin notes the call of a builtin that scripts do not have.
func (k *callChecker) builtin(n *ast.BuiltinNode) {
	err := runtime.CheckCall(n.Name, nil, k.c.compile)
	if _, own := ours[n.Name]; own || runtime.Lookup(n.Name) != nil {
		err = fmt.Errorf("there is no builtin ::%s; call %s without the colons", n.Name, n.Name)
	}
	k.c.fail(n.Location().From, "%s", err)
}

func (k *callChecker) call(n *ast.CallNode) {
	for _, a := range n.Arguments {
		k.node(a)
	}
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		k.c.fail(n.Location().From, "values have no methods; functions are called as name(value)")
		return
	}
	if b, ok := ours[name.Value]; ok && runtime.Lookup(name.Value) == nil {
		if len(n.Arguments) < b.least || len(n.Arguments) > b.most {
			k.c.fail(n.Location().From, "%s", b.countError(name.Value, len(n.Arguments)))
		}
		return
	}
	args := make([]runtime.Value, len(n.Arguments))
	for i, a := range n.Arguments {
		args[i] = constant(a)
	}
	if err := runtime.CheckCall(name.Value, args, k.c.compile); err != nil {
		k.c.fail(n.Location().From, "%s", err)
	}
}

func (c *compilation) isVar(name string) bool {
	if slices.Contains(c.vars, name) {
		return true
	}
	return c.anyVar
}

// constant returns the value of a literal, or runtime.Unknown.
func constant(n ast.Node) runtime.Value {
	switch n := n.(type) {
	case *ast.NilNode:
		return nil
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		return int64(n.Value)
	case *ast.FloatNode:
		return n.Value
	case *ast.StringNode:
		return n.Value
	case *ast.BytesNode:
		return n.Value
	case *ast.UnaryNode:
		if n.Operator == "-" {
			switch v := constant(n.Node).(type) {
			case int64:
				return -v
			case float64:
				return -v
			}
		}
	case *ast.ArrayNode:
		list := make([]runtime.Value, len(n.Nodes))
		for i, e := range n.Nodes {
			if list[i] = constant(e); list[i] == runtime.Unknown {
				return runtime.Unknown
			}
		}
		return list
	case *ast.MapNode:
		m := make(map[string]runtime.Value, len(n.Pairs))
		for _, p := range n.Pairs {
			pair, ok := p.(*ast.PairNode)
			if !ok {
				return runtime.Unknown
			}
			key, ok := pair.Key.(*ast.StringNode)
			if !ok {
				return runtime.Unknown
			}
			v := constant(pair.Value)
			if v == runtime.Unknown {
				return runtime.Unknown
			}
			m[key.Value] = v
		}
		return m
	}
	return runtime.Unknown
}
