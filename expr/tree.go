package expr

import "github.com/expr-lang/expr/ast"

// children returns the places of a node's children that may be replaced, in the order
// of the source. A call's callee is not among them.
func children(n ast.Node) []*ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []*ast.Node{&n.Node}
	case *ast.BinaryNode:
		return []*ast.Node{&n.Left, &n.Right}
	case *ast.ChainNode:
		return []*ast.Node{&n.Node}
	case *ast.MemberNode:
		return []*ast.Node{&n.Node, &n.Property}
	case *ast.SliceNode:
		list := []*ast.Node{&n.Node}
		if n.From != nil {
			list = append(list, &n.From)
		}
		if n.To != nil {
			list = append(list, &n.To)
		}
		return list
	case *ast.CallNode:
		return places(n.Arguments)
	case *ast.BuiltinNode:
		return places(n.Arguments)
	case *ast.PredicateNode:
		return []*ast.Node{&n.Node}
	case *ast.VariableDeclaratorNode:
		return []*ast.Node{&n.Value, &n.Expr}
	case *ast.SequenceNode:
		return places(n.Nodes)
	case *ast.ConditionalNode:
		return []*ast.Node{&n.Cond, &n.Exp1, &n.Exp2}
	case *ast.ArrayNode:
		return places(n.Nodes)
	case *ast.MapNode:
		return places(n.Pairs)
	case *ast.PairNode:
		return []*ast.Node{&n.Key, &n.Value}
	}
	return nil
}

func places(list []ast.Node) []*ast.Node {
	out := make([]*ast.Node, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// start returns the offset at which an expression begins: a node's own place is that of
// its operator.
func start(n ast.Node) int {
	for {
		var left ast.Node
		switch n := n.(type) {
		case *ast.BinaryNode:
			left = n.Left
		case *ast.ChainNode:
			left = n.Node
		case *ast.MemberNode:
			left = n.Node
		case *ast.SliceNode:
			left = n.Node
		case *ast.ConditionalNode:
			left = n.Cond
		case *ast.SequenceNode:
			left = n.Nodes[0]
		case *ast.CallNode: // in `a | f()` the argument stands before the name
			if len(n.Arguments) > 0 && start(n.Arguments[0]) < n.Location().From {
				left = n.Arguments[0]
			}
		case *ast.BuiltinNode:
			if len(n.Arguments) > 0 && start(n.Arguments[0]) < n.Location().From {
				left = n.Arguments[0]
			}
		}
		if left == nil {
			return n.Location().From
		}
		n = left
	}
}

// scalar says whether a node is a literal that is compared in one step.
func scalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
		return true
	}
	return false
}

// nullWord makes `null`, as the function table and other languages spell it, mean nil.
func nullWord(place *ast.Node) {
	if n, ok := (*place).(*ast.IdentifierNode); ok && n.Value == "null" {
		ast.Patch(place, &ast.NilNode{})
		return
	}
	for _, child := range children(*place) {
		nullWord(child)
	}
}
