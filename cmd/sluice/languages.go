package main

import (
	"github.com/sluice-mail/sluice/expr"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/sieve"
	"github.com/sluice-mail/sluice/stalwart"
)

// newEngine returns an engine with all languages. Sieve's let and eval are handed expr's
// evaluator here, and Stalwart's, since no language knows another.
func newEngine(c *Config) *runtime.Engine {
	expressions := expr.New(expr.Options{})
	if c.Compat.Stalwart {
		expressions = stalwart.New(stalwart.Options{})
	}
	return runtime.NewEngine(
		sieve.ByTrust(c.sieveOptions(runtime.User), c.sieveOptions(runtime.Admin)),
		expressions,
		js.New(js.Options{}),
	)
}

// expressions lends expr's evaluator to Sieve.
type expressions struct{}

func (expressions) Compile(name, source string, variables []string, o runtime.CompileOptions) (sieve.Expression, error) {
	e, err := expr.CompileExpression(name, source, variables, o)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// stalwartExpressions lends Stalwart's evaluator to Sieve.
type stalwartExpressions struct{}

func (stalwartExpressions) Compile(name, source string, known func(string) bool, o runtime.CompileOptions) (sieve.StalwartExpression, error) {
	e, err := stalwart.CompileExpression(name, source, known, o)
	if err != nil {
		return nil, err
	}
	return stalwartExpression{e}, nil
}

func (stalwartExpressions) Text(v runtime.Value, limit int) (string, bool) {
	return stalwart.Text(v, limit)
}

// stalwartExpression gives an expression what it reads: the two rooms name it each for itself.
type stalwartExpression struct{ e *stalwart.Expression }

func (e stalwartExpression) Eval(t *runtime.Task, from sieve.StalwartSource) (runtime.Value, error) {
	return e.e.Eval(t, from)
}
