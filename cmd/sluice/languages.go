package main

import (
	"github.com/sluice-mail/sluice/expr"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/sieve"
)

// newEngine returns an engine with all languages. Sieve's let and eval are handed expr's
// evaluator here, since no language knows another.
func newEngine(c *Config) *runtime.Engine {
	return runtime.NewEngine(
		sieve.ByTrust(c.sieveOptions(runtime.User), c.sieveOptions(runtime.Admin)),
		expr.New(expr.Options{}),
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
