package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/sluice-mail/sluice/runtime"
)

// rewriter puts into the tree what bounds a run and what tells of it: every call gets the
// run's state as its first argument, every loop body counts a step, operators
// that can make or walk large values become calls of our own functions, and where asked
// conditions and calls tell what came of them.
//
// The state is the environment of the virtual machine, which sources cannot name.
type rewriter struct {
	instrument bool
	source     string
	runes      []rune
	declared   []string
	found      []foundSite
}

// foundSite is a site and where its number goes.
type foundSite struct {
	offset int
	what   string
	number *ast.IntegerNode
}

func (r *rewriter) rewrite(place *ast.Node) {
	at := (*place).Location()
	switch n := (*place).(type) {
	case *ast.IdentifierNode:
		if !slices.Contains(r.declared, n.Value) {
			*place = call(at, fnVariable, text(at, n.Value))
		}
	case *ast.VariableDeclaratorNode:
		r.rewrite(&n.Value)
		r.declared = append(r.declared, n.Name)
		r.rewrite(&n.Expr)
		r.declared = r.declared[:len(r.declared)-1]
	case *ast.BinaryNode:
		r.binary(place, n)
	case *ast.UnaryNode:
		_, literal := n.Node.(*ast.IntegerNode)
		r.children(n)
		if n.Operator == "-" && !literal {
			*place = call(at, fnSubtract, integer(at, 0), n.Node)
		}
	case *ast.ConditionalNode:
		what, offset := "if", start(n.Cond)
		if n.Ternary {
			what = "?:"
		} else {
			offset = r.keyword(offset)
		}
		n.SetLocation(file.Location{From: start(n.Cond)}) // the parser's is behind the condition, or none
		r.children(n)
		n.Cond = r.site(offset, what, n.Cond)
	case *ast.CallNode:
		r.children(n)
		*place = r.call(n)
	case *ast.MapNode:
		r.children(n)
		*place = call(at, fnMap, n)
	case *ast.BuiltinNode:
		r.loop(n)
	case *ast.PredicateNode:
		r.children(n)
		body := &ast.SequenceNode{Nodes: []ast.Node{call(at, fnTick), n.Node}}
		body.SetLocation(at)
		n.Node = body
	default:
		r.children(n)
	}
}

func (r *rewriter) children(n ast.Node) {
	for _, child := range children(n) {
		r.rewrite(child)
	}
}

func (r *rewriter) binary(place *ast.Node, n *ast.BinaryNode) {
	at := n.Location()
	simple := scalar(n.Left) || scalar(n.Right)
	r.children(n)
	switch n.Operator {
	case "+":
		*place = call(at, fnAdd, n.Left, n.Right)
	case "-":
		*place = call(at, fnSubtract, n.Left, n.Right)
	case "*":
		*place = call(at, fnMultiply, n.Left, n.Right)
	case "..":
		*place = call(at, fnRange, n.Left, n.Right)
	case "in":
		*place = call(at, fnIn, n.Left, n.Right)
	case "==":
		if !simple {
			*place = call(at, fnEqual, n.Left, n.Right)
		}
	case "!=":
		if !simple {
			not := &ast.UnaryNode{Operator: "not", Node: call(at, fnEqual, n.Left, n.Right)}
			not.SetLocation(at)
			*place = not
		}
	case "matches":
		if s, ok := n.Right.(*ast.StringNode); ok {
			if p, err := newPattern(s.Value); err == nil {
				c := &ast.ConstantNode{Value: p}
				c.SetLocation(s.Location())
				n.Right = c
			}
		}
		*place = call(at, fnMatches, n.Left, n.Right)
	case "and", "&&", "or", "||":
		what := "and"
		if n.Operator[0] == 'o' || n.Operator[0] == '|' {
			what = "or"
		}
		*place = r.site(at.From, what, n)
	}
}

// call gives a call of a function the run's state, and its site where asked.
func (r *rewriter) call(n *ast.CallNode) ast.Node {
	at := n.Location()
	name := n.Callee.(*ast.IdentifierNode).Value
	if r.instrument && runtime.Lookup(name) != nil {
		return call(at, fnCall, append([]ast.Node{r.number(at.From, "call "+name), text(at, name)}, n.Arguments...)...)
	}
	return call(at, name, n.Arguments...)
}

// loop makes the list of a loop one, of known size, and its body count.
func (r *rewriter) loop(n *ast.BuiltinNode) {
	at := n.Location()
	if closures[n.Name] && len(n.Arguments) == 1 {
		it := &ast.PointerNode{}
		it.SetLocation(at)
		p := &ast.PredicateNode{Node: it}
		p.SetLocation(at)
		n.Arguments = append(n.Arguments, p)
	}
	r.children(n)
	if closures[n.Name] {
		n.Arguments[0] = call(at, fnList, text(at, n.Name), n.Arguments[0])
	}
}

// site wraps a condition so that its outcome is told.
func (r *rewriter) site(offset int, what string, n ast.Node) ast.Node {
	if !r.instrument {
		return n
	}
	return call(n.Location(), fnSite, r.number(offset, what), n)
}

func (r *rewriter) number(offset int, what string) *ast.IntegerNode {
	number := integer(file.Location{From: offset, To: offset}, 0)
	r.found = append(r.found, foundSite{offset, what, number})
	return number
}

// numbered numbers the sites from first on in the order of the source and returns them.
func (r *rewriter) numbered(l lines, first int) []runtime.Site {
	slices.SortStableFunc(r.found, func(a, b foundSite) int { return cmp.Compare(a.offset, b.offset) })
	var sites []runtime.Site
	for i, f := range r.found {
		f.number.Value = first + i
		line, col := l.at(f.offset)
		sites = append(sites, runtime.Site{Line: line, Col: col, What: f.what})
	}
	return sites
}

// keyword returns the offset of the `if` in front of a condition, which the parser does
// not keep.
func (r *rewriter) keyword(offset int) int {
	if !r.instrument {
		return offset
	}
	if r.runes == nil {
		r.runes = []rune(r.source)
	}
	for i := offset - 1; i > 0; i-- {
		switch {
		case strings.ContainsRune(" \t\r\n(", r.runes[i]):
		case r.runes[i] == 'f' && r.runes[i-1] == 'i':
			return i - 1
		default:
			return offset
		}
	}
	return offset
}

// call returns a call of name with the run's state and these arguments.
func call(at file.Location, name string, args ...ast.Node) *ast.CallNode {
	state := &ast.IdentifierNode{Value: "$env"}
	state.SetLocation(at)
	callee := &ast.IdentifierNode{Value: name}
	callee.SetLocation(at)
	n := &ast.CallNode{Callee: callee, Arguments: append([]ast.Node{state}, args...)}
	n.SetLocation(at)
	return n
}

func text(at file.Location, s string) *ast.StringNode {
	n := &ast.StringNode{Value: s}
	n.SetLocation(at)
	return n
}

func integer(at file.Location, i int) *ast.IntegerNode {
	n := &ast.IntegerNode{Value: i}
	n.SetLocation(at)
	return n
}
