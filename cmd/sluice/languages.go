package main

import (
	"errors"

	"github.com/sluice-mail/sluice/expr"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/sieve"
)

// newEngine returns an engine with all languages. Sieve's let and eval are handed expr's
// evaluator here, since no language knows another.
func newEngine() *runtime.Engine {
	return runtime.NewEngine(
		sieve.New(sieve.Options{Expressions: expressions{}}),
		expr.New(expr.Options{}),
		js.New(js.Options{}),
	)
}

// expressions lends expr's evaluator to Sieve, which places its errors in the script.
type expressions struct{}

func (expressions) Compile(name, source string, variables []string, o runtime.CompileOptions) (sieve.Expression, error) {
	e, err := expr.CompileExpression(name, source, variables, o)
	if err != nil {
		return nil, placed(err)
	}
	return expression{e}, nil
}

type expression struct{ compiled *expr.Expression }

func (e expression) Eval(t *runtime.Task, variable func(name string) runtime.Value) (runtime.Value, error) {
	v, err := e.compiled.Eval(t, variable)
	if err != nil {
		return nil, placed(err)
	}
	return v, nil
}

// placed returns an error of expr in Sieve's terms.
func placed(err error) error {
	var list expr.Errors
	if one, ok := errors.AsType[*expr.Error](err); ok {
		list = expr.Errors{one}
	} else if !errors.As(err, &list) {
		return err
	}
	out := make(sieve.ExpressionErrors, len(list))
	for i, e := range list {
		out[i] = &sieve.ExpressionError{Line: e.Line, Col: e.Col, Msg: e.Msg, Err: e.Err}
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}
