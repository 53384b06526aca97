package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// The actions of the base language.
//
// Spec: RFC 5228, section 4
func init() {
	register(Extension{Commands: []Command{
		{Name: "keep", Bind: bindPlain(runtime.Keep)},
		{Name: "discard", Bind: bindPlain(runtime.Discard)},
		{Name: "redirect", Args: []Arg{{Name: "address", Kind: StringArgument}}, Bind: bindRedirect},
	}})
}

// bindPlain makes an action that has nothing but its kind.
func bindPlain(kind runtime.ActionKind) func(*Binder, *Call) Do {
	plain := func(r *Run) error { return r.actEdited(runtime.Action{Kind: kind}, nil) }
	return func(_ *Binder, c *Call) Do {
		c.lawful()
		edits := c.edits
		if edits == nil {
			return plain
		}
		return func(r *Run) error { return r.actEdited(runtime.Action{Kind: kind}, edits) }
	}
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
		edits := c.edits
		return func(r *Run) error {
			return r.actEdited(runtime.Action{Kind: runtime.Redirect, Address: to}, edits)
		}
	}
	return redirectTo(address, c.edits)
}

// redirectTo is redirect to an address that is known in the run only.
func redirectTo(address Text, edits []func(*Run, *runtime.Action)) Do {
	return func(r *Run) error {
		to, err := r.options.outgoing(address.Value(r))
		if err != nil {
			return r.keepInstead("redirect", err)
		}
		return r.actEdited(runtime.Action{Kind: runtime.Redirect, Address: to}, edits)
	}
}

// unusable notes that a command failed for a text that is not in the script: a message of any
// shape may bring one, and that is no error of the script. What else it asked for stands.
func (r *Run) unusable(command string, err error) error {
	if runtime.EndsRun(err) {
		return err
	}
	r.Note("%s: %s", command, err)
	return r.err
}

// keepInstead is unusable for an action that would have delivered the message: it is kept then,
// even where the script goes on to discard it.
func (r *Run) keepInstead(command string, err error) error {
	if err := r.unusable(command, err); err != nil {
		return err
	}
	return r.actEdited(runtime.Action{Kind: runtime.Keep}, nil)
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
	f := c.function
	if f == nil {
		return
	}
	if err := f.CheckUse(&c.binder.options); err != nil {
		c.binder.Errorf(c.Node.NameSpan, "%s", err)
	}
}
