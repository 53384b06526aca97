package js

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"

	"github.com/sluice-mail/sluice/runtime"
)

// The functions that only the rewriter calls; the blank keeps sources from naming them.
const (
	fnTick     = " tick"
	fnAdd      = " add"
	fnGrow     = " grow"
	fnTemplate = " template"
	fnSpread   = " spread"
	fnArgs     = " args"
	fnKeys     = " keys"
	fnAt       = " at"
	fnKey      = " key"
	fnLength   = " length"
	fnTimes    = " times"
	fnPower    = " power"
	fnShift    = " shift"
	fnPlain    = " plain"
	fnEqual    = " equal"
	fnUnequal  = " unequal"
	fnLess     = " less"
	fnGreater  = " greater"
	fnAtMost   = " atmost"
	fnAtLeast  = " atleast"
	fnSite     = " site"
	fnCall     = " call"
)

// rewriter puts into the tree what bounds a run and what tells of it: a step at each turn
// of a loop and each call of a function, our own `+`, and where asked the outcome of
// conditions and calls. Nodes keep their places.
type rewriter struct {
	checker    *checker
	instrument bool
	found      []foundSite
}

type foundSite struct {
	idx    file.Idx
	what   string
	number *ast.NumberLiteral
}

func (r *rewriter) rewrite(body *ast.FunctionLiteral) {
	list := body.Body.List
	if n := len(list); n > 0 {
		if last, ok := list[n-1].(*ast.ExpressionStatement); ok {
			list[n-1] = &ast.ReturnStatement{Return: last.Idx0(), Argument: last.Expression}
		}
	}
	w := &walker{enter: r.enter, leave: r.expression}
	w.walk(body)
}

// enter changes the parts of a node that are no expressions of their own.
func (r *rewriter) enter(n ast.Node) {
	switch n := n.(type) {
	case *ast.FunctionLiteral:
		r.tickBlock(n.Body)
	case *ast.ArrowFunctionLiteral:
		switch body := n.Body.(type) {
		case *ast.BlockStatement:
			r.tickBlock(body)
		case *ast.ExpressionBody:
			at := body.Expression.Idx0()
			body.Expression = &ast.SequenceExpression{Sequence: []ast.Expression{call(at, fnTick), body.Expression}}
		}
	case *ast.WhileStatement:
		n.Body = r.tick(n.Body)
		n.Test = r.site(n.While, "while", n.Test)
	case *ast.DoWhileStatement:
		n.Body = r.tick(n.Body)
		n.Test = r.site(n.Do, "while", n.Test)
	case *ast.ForStatement:
		n.Body = r.tick(n.Body)
		if n.Test != nil {
			n.Test = r.site(n.For, "for", n.Test)
		}
	case *ast.ForInStatement:
		n.Body = r.tick(n.Body)
	case *ast.ForOfStatement:
		n.Body = r.tick(n.Body)
	case *ast.IfStatement:
		n.Test = r.site(r.keyword(n.Test.Idx0()), "if", n.Test)
	case *ast.ConditionalExpression:
		n.Test = r.site(n.Test.Idx0(), "?:", n.Test)
	case *ast.CallExpression:
		spreads(n.ArgumentList, fnArgs)
	case *ast.NewExpression:
		spreads(n.ArgumentList, fnArgs)
	case *ast.ObjectLiteral:
		for _, p := range n.Value {
			if s, ok := p.(*ast.SpreadElement); ok {
				s.Expression = call(s.Expression.Idx0(), fnKeys, s.Expression)
			}
		}
	case *ast.SpreadElement:
		if !ours(n.Expression) {
			n.Expression = call(n.Expression.Idx0(), fnSpread, n.Expression)
		}
	case *ast.BracketExpression:
		if !plainKey(n.Member) && !ours(n.Member) {
			n.Member = call(n.Member.Idx0(), fnAt, n.Member)
		}
	case *ast.PropertyKeyed:
		if n.Computed && !plainKey(n.Key) && !ours(n.Key) {
			n.Key = call(n.Key.Idx0(), fnAt, n.Key)
		}
	case *ast.Binding:
		if takesRest(n.Target) && n.Initializer != nil {
			n.Initializer = call(n.Initializer.Idx0(), fnSpread, n.Initializer)
		}
	case *ast.AssignExpression:
		switch {
		case n.Operator == token.PLUS && !literal(n.Right):
			n.Right = call(n.Right.Idx0(), fnGrow, n.Right)
		case bigOperators[n.Operator] != "" && !smallNumber(n.Right):
			if left := simple(n.Left); left != nil {
				n.Right = call(n.Right.Idx0(), bigOperators[n.Operator], left, n.Right)
				n.Operator = token.ASSIGN
			} else {
				n.Right = call(n.Right.Idx0(), fnPlain, n.Right)
			}
		case n.Operator == token.ASSIGN:
			if takesRest(n.Left) {
				n.Right = call(n.Right.Idx0(), fnSpread, n.Right)
			}
		}
		r.target(n)
	}
}

// spreads has lists that become arguments looked at.
func spreads(list []ast.Expression, name unistring.String) {
	for _, e := range list {
		if s, ok := e.(*ast.SpreadElement); ok && !ours(s.Expression) {
			s.Expression = call(s.Expression.Idx0(), name, s.Expression)
		}
	}
}

// takesRest says whether a target takes all that is left of a list.
func takesRest(target ast.Expression) bool {
	p, ok := target.(*ast.ArrayPattern)
	return ok && p.Rest != nil
}

// target bounds how long an array becomes by an assignment: natives walk a list of a few
// elements and a great length element by element.
func (r *rewriter) target(n *ast.AssignExpression) {
	switch left := n.Left.(type) {
	case *ast.BracketExpression:
		if owner := simple(left.Left); owner != nil && !isText(left.Member) {
			left.Member = call(left.Member.Idx0(), fnKey, owner, left.Member)
		} else if s, ok := left.Member.(*ast.StringLiteral); ok && s.Value == "length" {
			n.Right = call(n.Right.Idx0(), fnLength, n.Right)
		}
	case *ast.DotExpression:
		if left.Identifier.Name == "length" {
			n.Right = call(n.Right.Idx0(), fnLength, n.Right)
		}
	}
}

// expression returns what takes an expression's place, once its parts are done.
func (r *rewriter) expression(e ast.Expression) ast.Expression {
	switch e := e.(type) {
	case *ast.BinaryExpression:
		switch e.Operator {
		case token.PLUS:
			if !literal(e.Left) || !literal(e.Right) {
				return call(e.Idx0(), fnAdd, e.Left, e.Right)
			}
		case token.MULTIPLY, token.EXPONENT, token.SHIFT_LEFT:
			if !smallNumber(e.Left) && !smallNumber(e.Right) {
				return call(e.Idx0(), bigOperators[e.Operator], e.Left, e.Right)
			}
		case token.EQUAL, token.NOT_EQUAL, token.LESS, token.GREATER, token.LESS_OR_EQUAL, token.GREATER_OR_EQUAL:
			if !literal(e.Left) && !literal(e.Right) {
				return call(e.Idx0(), comparisons[e.Operator], e.Left, e.Right)
			}
		case token.LOGICAL_AND:
			return r.site(e.Idx0(), "&&", e)
		case token.LOGICAL_OR:
			return r.site(e.Idx0(), "||", e)
		case token.COALESCE:
			return r.site(e.Idx0(), "??", e)
		}
	case *ast.TemplateLiteral:
		if e.Tag == nil && len(e.Expressions) > 0 {
			return template(e)
		}
	case *ast.CallExpression:
		if callee, ok := e.Callee.(*ast.Identifier); ok && r.instrument {
			name := callee.Name.String()
			if f := runtime.Lookup(name); f != nil && !r.checker.declared[name] {
				args := []ast.Expression{r.number(callee.Idx, "call "+name), text(callee.Idx, callee.Name)}
				return call(callee.Idx, fnCall, append(args, e.ArgumentList...)...)
			}
		}
	}
	return e
}

// literal says whether an expression is a number or text as it stands, which adds little, and
// is compared with little.
func literal(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.NumberLiteral:
		return smallNumber(e)
	case *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
		return true
	}
	return false
}

// template makes a call of a template: its texts and values in turn.
func template(e *ast.TemplateLiteral) ast.Expression {
	var args []ast.Expression
	for i, el := range e.Elements {
		args = append(args, text(el.Idx, el.Parsed))
		if i < len(e.Expressions) {
			args = append(args, e.Expressions[i])
		}
	}
	return call(e.OpenQuote, fnTemplate, args...)
}

// bigOperators are those that can make a BigInt very large at once.
var bigOperators = map[token.Token]unistring.String{
	token.MULTIPLY: fnTimes, token.EXPONENT: fnPower, token.SHIFT_LEFT: fnShift,
}

// comparisons read a text as a BigInt where they compare it with one, which takes time with the
// square of its length.
var comparisons = map[token.Token]unistring.String{
	token.EQUAL: fnEqual, token.NOT_EQUAL: fnUnequal, token.LESS: fnLess, token.GREATER: fnGreater,
	token.LESS_OR_EQUAL: fnAtMost, token.GREATER_OR_EQUAL: fnAtLeast,
}

// smallNumber says whether an operand is a number as it stands and thus no BigInt.
func smallNumber(e ast.Expression) bool {
	n, ok := e.(*ast.NumberLiteral)
	if !ok {
		return false
	}
	_, big := n.Value.(*big.Int)
	return !big
}

// simple returns an expression that may be evaluated twice, or nil.
func simple(e ast.Expression) ast.Expression {
	switch e := e.(type) {
	case *ast.Identifier, *ast.ThisExpression:
		return e
	case *ast.DotExpression:
		if left := simple(e.Left); left != nil {
			return &ast.DotExpression{Left: left, Identifier: e.Identifier}
		}
	}
	return nil
}

// ours says whether an expression is a call that the rewriter made.
func ours(e ast.Expression) bool {
	c, ok := e.(*ast.CallExpression)
	if !ok {
		return false
	}
	f, ok := c.Callee.(*ast.Identifier)
	return ok && f.Name[0] == ' '
}

func isText(e ast.Expression) bool {
	_, ok := e.(*ast.StringLiteral)
	return ok
}

func (r *rewriter) tick(body ast.Statement) ast.Statement {
	at := body.Idx0()
	return &ast.BlockStatement{LeftBrace: at, RightBrace: body.Idx1(), List: []ast.Statement{
		&ast.ExpressionStatement{Expression: call(at, fnTick)}, body,
	}}
}

// tickBlock puts a step in front of a function's body, behind its directives.
func (r *rewriter) tickBlock(b *ast.BlockStatement) {
	i := 0
	for i < len(b.List) {
		s, ok := b.List[i].(*ast.ExpressionStatement)
		if !ok {
			break
		}
		if _, ok := s.Expression.(*ast.StringLiteral); !ok {
			break
		}
		i++
	}
	b.List = slices.Insert(slices.Clone(b.List), i, ast.Statement(&ast.ExpressionStatement{Expression: call(b.LeftBrace, fnTick)}))
}

// site wraps a condition so that its outcome is told.
func (r *rewriter) site(at file.Idx, what string, e ast.Expression) ast.Expression {
	if !r.instrument {
		return e
	}
	return call(e.Idx0(), fnSite, r.number(at, what), e)
}

// keyword returns the place of the `if` in front of a condition, which the parser does not
// keep.
func (r *rewriter) keyword(test file.Idx) file.Idx {
	source := r.checker.c.places.Source()
	at := strings.LastIndex(source[:max(min(offsetOf(test), len(source)), 0)], "if")
	if at < 0 {
		return test
	}
	return test - file.Idx(offsetOf(test)-at)
}

func (r *rewriter) number(at file.Idx, what string) *ast.NumberLiteral {
	n := &ast.NumberLiteral{Idx: at, Literal: "0", Value: int64(0)}
	r.found = append(r.found, foundSite{at, what, n})
	return n
}

// numbered numbers the sites in the order of the source, from first on, and returns them.
func (r *rewriter) numbered(first int) []runtime.Site {
	slices.SortStableFunc(r.found, func(a, b foundSite) int { return cmp.Compare(a.idx, b.idx) })
	var sites []runtime.Site
	for i, f := range r.found {
		f.number.Value = int64(first + i)
		line, col := r.checker.c.places.At(offsetOf(f.idx))
		site := runtime.Site{Line: line, Col: col, What: f.what}
		if r.checker.c.path != "" {
			site.File = r.checker.c.name
		}
		sites = append(sites, site)
	}
	return sites
}

func call(at file.Idx, name unistring.String, args ...ast.Expression) *ast.CallExpression {
	return &ast.CallExpression{
		Callee:          &ast.Identifier{Name: name, Idx: at},
		LeftParenthesis: at, RightParenthesis: at, ArgumentList: args,
	}
}

func text(at file.Idx, s unistring.String) *ast.StringLiteral {
	return &ast.StringLiteral{Idx: at, Value: s}
}
