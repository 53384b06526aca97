package imapbridge

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// Param is a parameter or modifier that an extension adds to a command: SELECT's
// parameters, the modifiers of FETCH and STORE. R is the command's request, which Apply
// changes before the command runs.
//
// Spec: RFC 4466, section 2.
type Param[R any] struct {
	Name string // upper case
	Spec string
	Caps []imap.Cap
	// Parse reads the value, the space before it included; nil: there is none.
	Parse func(p *wire.Parser) any
	Apply func(ctx context.Context, s *Session, request R, value any) error
}

// params is a registry of parameters.
type params[R any] map[string]*Param[R]

// add registers a parameter.
func (ps params[R]) add(p Param[R]) {
	if ps[p.Name] != nil || p.Apply == nil {
		panic(fmt.Sprintf("imapbridge: parameter %s is registered twice or not complete", p.Name))
	}
	ps[p.Name] = &p
}

// given is a parameter with the value that the client gave it.
type given[R any] struct {
	param *Param[R]
	value any
}

// parse reads a list of parameters in parentheses, each at most once.
func (ps params[R]) parse(p *wire.Parser) []given[R] {
	var out []given[R]
	p.List(func() {
		name := p.Word()
		param := ps[name]
		if param == nil {
			p.Failf("unknown parameter %s", name)
			return
		}
		for _, g := range out {
			if g.param == param {
				p.Failf("parameter %s is given twice", name)
			}
		}
		g := given[R]{param: param}
		if param.Parse != nil {
			g.value = param.Parse(p)
		}
		out = append(out, g)
	})
	return out
}

// apply runs the parameters that were given.
func apply[R any](ctx context.Context, s *Session, list []given[R], request R) error {
	for _, g := range list {
		if err := g.param.Apply(ctx, s, request, g.value); err != nil {
			return err
		}
	}
	return nil
}
