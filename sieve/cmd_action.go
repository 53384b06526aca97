package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// The actions of the base language.
//
// Spec: RFC 5228, section 4
func init() {
	register(Extension{Commands: []Command{
		{Name: "keep", Bind: func(b *Binder, c *Call) Do {
			c.lawful()
			return c.action(func(*Run) (runtime.Action, error) { return runtime.Action{Kind: runtime.Keep}, nil })
		}},
		{Name: "discard", Bind: func(b *Binder, c *Call) Do {
			c.lawful()
			return c.action(func(*Run) (runtime.Action, error) { return runtime.Action{Kind: runtime.Discard}, nil })
		}},
		{Name: "redirect", Args: []Arg{{Name: "address", Kind: StringArgument}}, Bind: bindRedirect},
	}})
}

func bindRedirect(b *Binder, c *Call) Do {
	address := c.Text("address")
	c.lawful()
	if c.Tag("list") != nil {
		return bindRedirectList(c)
	}
	if s, ok := address.Constant(); ok {
		to, err := b.lang.options.outgoing(s)
		if err != nil {
			b.Errorf(address.Span, "redirect: %s", err)
		}
		return c.action(func(*Run) (runtime.Action, error) {
			return runtime.Action{Kind: runtime.Redirect, Address: to}, nil
		})
	}
	return c.action(func(r *Run) (runtime.Action, error) {
		to, err := r.options.outgoing(address.Value(r))
		return runtime.Action{Kind: runtime.Redirect, Address: to}, err
	})
}

// action returns what does an action, with the edits of tags and hooks.
func (c *Call) action(make func(r *Run) (runtime.Action, error)) Do {
	edits := c.edits
	return func(r *Run) error {
		a, err := make(r)
		if err != nil {
			return err
		}
		return r.actEdited(a, edits)
	}
}

// actEdited appends an action to the plan, with the edits of tags and hooks.
func (r *Run) actEdited(a runtime.Action, edits []func(*Run, *runtime.Action)) error {
	r.action = a
	for _, edit := range edits {
		edit(r, &r.action)
	}
	if r.err != nil {
		return r.err
	}
	return r.act(&r.action)
}

// lawful checks that the action of the command's name may be used at the stage and for
// the trust that the script is compiled for.
func (c *Call) lawful() {
	b := c.binder
	for i := range b.actions {
		if a := &b.actions[i]; a.name == c.name {
			if a.err != nil {
				b.Errorf(c.Node.NameSpan, "%s", a.err)
			}
			return
		}
	}
	f := runtime.Lookup(c.name)
	if f == nil {
		return
	}
	args := make([]runtime.Value, 0, len(f.Params))
	for _, p := range f.Params {
		if !p.Optional && !p.Rest {
			args = append(args, runtime.Unknown)
		}
	}
	err := runtime.CheckCall(c.name, args, b.options)
	if err != nil {
		b.Errorf(c.Node.NameSpan, "%s", err)
	}
	b.actions = append(b.actions, checkedAction{c.name, err})
}

// checkedAction is what is known of an action of a script: an error, or that it is lawful.
type checkedAction struct {
	name string
	err  error
}
