package js

import (
	"slices"

	"math/big"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"github.com/sluice-mail/sluice/runtime"
)

// absent are globals of goja that scripts do not have.
var absent = map[string]bool{
	"eval": true, "Function": true, "Proxy": true, "Reflect": true, "Promise": true,
	"BigInt64Array": true, "BigUint64Array": true, "SharedArrayBuffer": true, "WeakRef": true, "FinalizationRegistry": true,
}

// revealing are methods that give out natives without their name standing in the source.
var revealing = map[string]bool{
	"getOwnPropertyDescriptor": true, "getOwnPropertyDescriptors": true,
}

// producers are names by which a source gets arrays.
var producers = map[string]bool{
	"Array": true, "keys": true, "values": true, "entries": true, "getOwnPropertyNames": true,
	"getOwnPropertySymbols": true, "split": true, "match": true, "matchAll": true, "exec": true,
	"parse": true, "constructor": true, "prototype": true, "groupBy": true,
}

// literalPattern stands among the names of a source for a regular expression in it.
const literalPattern = " pattern"

// globals are the names that goja gives every runtime.
var globals = func() map[string]bool {
	m := map[string]bool{"undefined": true, "arguments": true, "require": true, "module": true, "exports": true}
	vm := goja.New()
	for _, name := range vm.GlobalObject().GetOwnPropertyNames() {
		m[name] = true
	}
	return m
}()

// reach is what a script and its modules together can come to.
type reach struct {
	mentioned map[string]bool // names, properties and texts
	dynamic   bool            // it may reach any property of any object without naming it
	arrays    bool            // it may make arrays
}

// checker checks the calls of one source against the function table and finds out which
// names it can reach.
type checker struct {
	*reach
	c        *compilation
	declared map[string]bool // anywhere in the source
	requires []required
}

func newChecker(c *compilation) *checker {
	return &checker{c: c, declared: map[string]bool{}, reach: c.bundle.reach}
}

func (k *checker) check(body *ast.FunctionLiteral) {
	w := &walker{enter: k.names}
	w.walk(body.Body)
	if w.deep {
		k.c.failAt(body.Idx0(), "%s", &runtime.LimitError{Limit: "nesting", Max: maxTree})
		return
	}
	w = &walker{enter: k.calls}
	w.walk(body.Body)
}

// names gathers what is declared and what is mentioned.
func (k *checker) names(n ast.Node) {
	switch n := n.(type) {
	case *ast.FunctionLiteral:
		k.declareName(n.Name)
		if n.Async {
			k.c.failAt(n.Idx0(), "async functions are not available; calls return their value at once")
		}
		if n.Generator {
			k.c.failAt(n.Idx0(), "generator functions are not available")
		}
		k.params(n.ParameterList)
	case *ast.ArrowFunctionLiteral:
		if n.Async {
			k.c.failAt(n.Idx0(), "async functions are not available; calls return their value at once")
		}
		k.params(n.ParameterList)
	case *ast.ClassLiteral:
		k.declareName(n.Name)
	case *ast.Binding:
		k.declare(n.Target)
	case *ast.ForDeclaration:
		k.declare(n.Target)
	case *ast.CatchStatement:
		k.declare(n.Parameter)
	case *ast.Identifier:
		k.mentioned[n.Name.String()] = true
	case *ast.DotExpression:
		name := n.Identifier.Name.String()
		k.mentioned[name] = true
		k.dynamic = k.dynamic || revealing[name]
	case *ast.PropertyShort:
		k.mentioned[n.Name.Name.String()] = true
	case *ast.ArrayLiteral, *ast.ArrayPattern, *ast.SpreadElement:
		k.arrays = true
	case *ast.TemplateLiteral:
		k.arrays = k.arrays || n.Tag != nil
	case *ast.StringLiteral:
		k.mentioned[n.Value.String()] = true
	case *ast.RegExpLiteral:
		k.mentioned[literalPattern] = true
		if len(n.Pattern) > runtime.MaxPattern {
			k.c.failAt(n.Idx, "pattern of %d octets is over the limit of %d", len(n.Pattern), runtime.MaxPattern)
		}
	}
}

// plainKey says whether a key in brackets is a number for sure, or stands there as text.
func plainKey(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.NumberLiteral, *ast.StringLiteral:
		return true
	case *ast.UnaryExpression:
		return e.Operator == token.INCREMENT || e.Operator == token.DECREMENT || e.Operator == token.MINUS
	case *ast.BinaryExpression:
		switch e.Operator {
		case token.MINUS, token.MULTIPLY, token.SLASH, token.REMAINDER:
			return true
		}
	}
	return false
}

func (k *checker) params(p *ast.ParameterList) {
	if p != nil && p.Rest != nil {
		k.arrays = true
		k.declare(p.Rest)
	}
}

func (k *checker) declareName(n *ast.Identifier) {
	if n != nil {
		k.declared[n.Name.String()] = true
	}
}

// declare gathers the names of a binding's target.
func (k *checker) declare(e ast.Expression) {
	switch e := e.(type) {
	case *ast.Identifier:
		k.declareName(e)
	case *ast.AssignExpression: // with a default
		k.declare(e.Left)
	case *ast.Binding:
		k.declare(e.Target)
	case *ast.ArrayPattern:
		for _, x := range e.Elements {
			k.declare(x)
		}
		k.declare(e.Rest)
	case *ast.ObjectPattern:
		for _, p := range e.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				k.declareName(&p.Name)
			case *ast.PropertyKeyed:
				k.declare(p.Value)
			}
		}
		k.declare(e.Rest)
	}
}

// calls checks direct calls of functions and uses of what is not there.
func (k *checker) calls(n ast.Node) {
	switch n := n.(type) {
	case *ast.Identifier:
		if name := n.Name.String(); absent[name] && !k.declared[name] {
			k.c.failAt(n.Idx, "%s is not available", name)
		}
	case *ast.CallExpression:
		callee, ok := n.Callee.(*ast.Identifier)
		if !ok {
			return
		}
		name := callee.Name.String()
		if name == "require" && !k.declared[name] {
			k.require(n)
			return
		}
		if k.declared[name] || runtime.Lookup(name) == nil && (globals[name] || absent[name]) {
			return
		}
		if err := runtime.CheckCall(name, k.arguments(name, n.ArgumentList), k.c.compile); err != nil {
			k.c.failAt(callee.Idx, "%s", err)
		}
	}
}

// require notes what a call of require asks for.
func (k *checker) require(n *ast.CallExpression) {
	if len(n.ArgumentList) == 1 {
		if s, ok := n.ArgumentList[0].(*ast.StringLiteral); ok {
			k.requires = append(k.requires, required{n.Idx0(), s.Value.String()})
			return
		}
	}
	k.c.failAt(n.Idx0(), `require takes one text as it stands in the source, such as require("./name.js")`)
}

// arguments returns what is known of a call's arguments. Where a list is spread, so
// many unknown ones are taken as the function needs.
func (k *checker) arguments(name string, list []ast.Expression) []runtime.Value {
	args := make([]runtime.Value, 0, len(list))
	for _, e := range list {
		if _, ok := e.(*ast.SpreadElement); ok {
			f := runtime.Lookup(name)
			if f == nil {
				return nil
			}
			least, _ := f.Required()
			for len(args) < least {
				args = append(args, runtime.Unknown)
			}
			return args
		}
		args = append(args, k.constant(e))
	}
	return args
}

// constant returns the value of a literal, or runtime.Unknown.
func (k *checker) constant(e ast.Expression) runtime.Value {
	switch e := e.(type) {
	case *ast.NullLiteral:
		return nil
	case *ast.BooleanLiteral:
		return e.Value
	case *ast.StringLiteral:
		return e.Value.String()
	case *ast.NumberLiteral:
		switch v := e.Value.(type) {
		case int64:
			return v
		case float64:
			return number(v)
		case *big.Int:
			if v.IsInt64() {
				return v.Int64()
			}
		}
	case *ast.UnaryExpression:
		if e.Operator == token.MINUS {
			switch v := k.constant(e.Operand).(type) {
			case int64:
				return -v
			case float64:
				return -v
			}
		}
	case *ast.Identifier:
		if e.Name == "undefined" && !k.declared["undefined"] {
			return nil
		}
	case *ast.ArrayLiteral:
		list := make([]runtime.Value, len(e.Value))
		for i, x := range e.Value {
			if list[i] = k.constant(x); x == nil || list[i] == runtime.Unknown {
				return runtime.Unknown
			}
		}
		return list
	case *ast.ObjectLiteral:
		m := make(map[string]runtime.Value, len(e.Value))
		for _, p := range e.Value {
			keyed, ok := p.(*ast.PropertyKeyed)
			if !ok || keyed.Computed || keyed.Kind != ast.PropertyKindValue {
				return runtime.Unknown
			}
			key, ok := keyed.Key.(*ast.StringLiteral)
			if !ok {
				return runtime.Unknown
			}
			v := k.constant(keyed.Value)
			if v == runtime.Unknown {
				return runtime.Unknown
			}
			m[key.Value.String()] = v
		}
		return m
	}
	return runtime.Unknown
}

// guards returns the natives that have to be replaced in every run of this source, those that have
// to be once there is a list, and those that may have to be.
func (k *reach) guards() (now, lists, later []*guard) {
	for name := range k.mentioned {
		k.arrays = k.arrays || producers[name]
	}
	for _, g := range guards() {
		switch reached := g.lists || k.reaches(g); {
		case k.dynamic || reached && (k.arrays || g.owner != "Array" && g.owner != typed) || reached && g.owner == typed && k.octets():
			now = append(now, g)
		case reached: // strings have methods of the same names
			lists = append(lists, g)
		default:
			later = append(later, g)
		}
	}
	return now, lists, later
}

// seal says whether the source may reach what scripts do not have.
func (k *reach) seal() bool {
	for name := range absent {
		if k.mentioned[name] {
			return true
		}
	}
	return k.dynamic || k.mentioned["constructor"]
}

// wants says whether a source can come to its arguments exports, require and module.
func (k *reach) wants() bool {
	return k.dynamic || k.mentioned["require"] || k.mentioned["module"] || k.mentioned["exports"] || k.mentioned["arguments"]
}

func (k *reach) reaches(g *guard) bool {
	if g.static && g.owner != typed && !k.any([]string{g.owner, "constructor"}) || g.with != nil && !k.any(g.with) {
		return false
	}
	return k.mentioned[g.name] || k.any(g.also)
}

func (k *reach) any(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return k.mentioned[name] })
}

// octets says whether a source makes typed arrays.
func (k *reach) octets() bool {
	for name := range typedArrays {
		if k.mentioned[name] {
			return true
		}
	}
	return k.mentioned["constructor"]
}
