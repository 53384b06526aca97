package expr

import "github.com/sluice-mail/sluice/runtime"

// Expression is a compiled expression that another language evaluates, such as Sieve's
// `eval` and `let`. It is immutable and may be used by many goroutines.
type Expression struct{ p *Program }

// CompileExpression compiles an expression. name stands in front of its errors, whose
// lines and columns count within source. vars are the names that the expression may use
// as variables; nil allows every name.
func CompileExpression(name, source string, vars []string, o runtime.CompileOptions) (*Expression, error) {
	o.Instrument = false // the sites are those of the script around it
	c := &compilation{name: name, options: Options{}.withDefaults(), compile: o, vars: vars, anyVar: vars == nil}
	p, err := c.run(source)
	if err != nil {
		return nil, err
	}
	return &Expression{p}, nil
}

// Eval evaluates the expression for t. vars returns the value of a variable; it is asked
// each time that the expression uses one, with a name of CompileExpression's vars.
func (e *Expression) Eval(t *runtime.Task, vars func(name string) runtime.Value) (runtime.Value, error) {
	return e.p.eval(t, vars)
}
