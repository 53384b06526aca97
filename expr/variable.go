package expr

import (
	"maps"
	"reflect"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"

	"github.com/sluice-mail/sluice/runtime"
)

// The variables of a script are what the table tells of the transaction without arguments:
// `sender` is what `sender()` returns. A variable is only there at the stages that know it, so
// that a rule which could never hold is found before any mail comes.

// variable returns the function that a name stands for as a variable of the transaction, or nil.
// Expressions of other languages have the variables of those instead.
func (c *compilation) variable(name string) *runtime.Function {
	if f := runtime.Lookup(name); f != nil && c.transaction && f.IsVariable() {
		return f
	}
	return nil
}

// name checks a name that stands for itself and is not that of a `let`.
func (k *callChecker) name(n *ast.IdentifierNode) {
	at := n.Location().From
	f := runtime.Lookup(n.Value)
	switch {
	case n.Value == "$env":
		k.c.fail(at, "unknown name $env")
	case k.c.isVar(n.Value):
	case f == nil:
		k.c.fail(at, "unknown name %s%s", n.Value, k.near(n.Value))
	case k.c.variable(n.Value) == nil:
		k.c.fail(at, "%s is a function; call it: %s", n.Value, f.Signature())
	case k.c.compile.Stage != "" && !lawful(f.KnownAt(), k.c.compile.Stage):
		k.c.fail(at, "%s is not known at stage %s; it is at %s", n.Value, k.c.compile.Stage, runtime.StageNames(f.KnownAt()))
	default:
		if why, ok := k.c.compile.Refused[n.Value]; ok {
			k.c.fail(at, "%s: %s", n.Value, why)
		}
	}
}

// near returns the hint at the variable, the `let` or the function that is closest to a name.
func (k *callChecker) near(name string) string {
	names := map[string]bool{}
	for _, f := range runtime.Functions() {
		names[f.Name] = true
	}
	for n, in := range k.declared {
		names[n] = in > 0
	}
	for _, v := range k.c.vars {
		names[v] = true
	}
	maps.DeleteFunc(names, func(_ string, in bool) bool { return !in })
	return runtime.Meant(name, maps.Keys(names), min(2, len(name)/2))
}

// lawful says whether a stage is among those; nil: all.
func lawful(list []runtime.Stage, s runtime.Stage) bool {
	if list == nil {
		return true
	}
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// readVariables makes the variables calls, before the types are checked.
func (c *compilation) readVariables(place *ast.Node, declared map[string]bool) {
	switch n := (*place).(type) {
	case *ast.IdentifierNode:
		if !declared[n.Value] && !c.isVar(n.Value) && c.variable(n.Value) != nil {
			callee := &ast.IdentifierNode{Value: readName + n.Value}
			callee.SetLocation(n.Location())
			read := &ast.CallNode{Callee: callee}
			read.SetLocation(n.Location())
			*place = read
		}
		return
	case *ast.VariableDeclaratorNode:
		c.readVariables(&n.Value, declared)
		shadowed := declared[n.Name]
		declared[n.Name] = true
		c.readVariables(&n.Expr, declared)
		declared[n.Name] = shadowed
		return
	}
	for _, child := range children(*place) {
		c.readVariables(child, declared)
	}
}

// readName stands in front of the name of a function that reads a variable.
const readName = " read "

// read returns what reads a variable in a run.
func read(f *runtime.Function) func(*state, []any) (any, error) {
	if f.Result == runtime.List || f.Result == runtime.Any {
		return func(s *state, _ []any) (any, error) { return s.invoke(f, nil) }
	}
	return func(s *state, _ []any) (any, error) {
		if v, ok := f.Read(s.task.View()); ok {
			return v, nil
		}
		return s.invoke(f, nil)
	}
}

// typed returns the table as the checker of types is to know it: with the kinds of results that
// are never null. The code is made from functions, which claim no kinds.
var typed = sync.OnceValue(func() conf.FunctionsTable {
	table := maps.Clone(functions())
	for _, f := range runtime.Functions() {
		t, ok := results[f.Result]
		if !ok || f.Nullable() {
			continue
		}
		for _, name := range []string{f.Name, readName + f.Name} {
			if old := table[name]; old != nil {
				table[name] = &builtin.Function{Name: name, Func: old.Func, Types: []reflect.Type{t}}
			}
		}
	}
	return table
})

// results are the types of functions by the kinds of what they return.
var results = map[runtime.Kind]reflect.Type{
	runtime.Bool:   reflect.TypeFor[func(...any) bool](),
	runtime.Int:    reflect.TypeFor[func(...any) int64](),
	runtime.Float:  reflect.TypeFor[func(...any) float64](),
	runtime.String: reflect.TypeFor[func(...any) string](),
	runtime.List:   reflect.TypeFor[func(...any) []any](),
	runtime.Map:    reflect.TypeFor[func(...any) map[string]any](),
}
