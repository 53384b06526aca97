package runtime

import (
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/mail"
)

// Ask asks for an action that scripts of every language may ask for: keep, fileinto, redirect,
// discard and the refusals, with the fields that their functions set. It checks and does what a
// call of the function does, and is noted as such a call; it only spares the run the making of
// arguments that nobody reads.
func (t *Task) Ask(a *Action) error {
	if err := t.Step(1); err != nil {
		return err
	}
	if r, ok := t.link.(*run); ok && r.level < RecordCalls {
		return r.ask(a)
	}
	args, err := askedBy(a, t.inherits())
	if err == nil {
		_, err = t.link.Invoke(string(a.Kind), args)
	}
	return err
}

// inherits says whether there are flags that a store gets which names none.
func (t *Task) inherits() bool {
	r, ok := t.link.(*run)
	return len(t.view.Flags) > 0 || ok && r.plan.FlagsSet
}

// askedBy returns the arguments of the call that asks for an action.
// With inherits a store that names no flags would get those that were set before.
func askedBy(a *Action, inherits bool) ([]Value, error) {
	options := func(what Value, o map[string]Value) []Value {
		if len(o) == 0 {
			return []Value{what}
		}
		return []Value{what, o}
	}
	var o map[string]Value
	option := func(name string, v Value, set bool) {
		if set {
			if o == nil {
				o = map[string]Value{}
			}
			o[name] = v
		}
	}
	switch a.Kind {
	case Keep:
		return []Value{valueList(a.Flags)}, nil
	case FileInto:
		if len(a.Flags) > 0 || inherits {
			option("flags", valueList(a.Flags), true)
		}
		option("create", true, a.Create)
		option("copy", true, a.Copy)
		return options(a.Mailbox, o), nil
	case Redirect:
		option("copy", true, a.Copy)
		return options(a.Address, o), nil
	case Discard:
		return nil, nil
	case Reject, EReject, TempFail:
		return []Value{a.Reason}, nil
	}
	return nil, fmt.Errorf("no function asks for the action %s", cut(string(a.Kind), 20))
}

func valueList(list []string) []Value {
	out := make([]Value, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// ask does what Invoke does for a call that asks for an action.
func (r *run) ask(a *Action) error {
	if r.broken == nil && r.ctx.Err() != nil {
		r.broken = endError(r.ctx, r.limits)
	}
	if r.broken != nil {
		return r.broken
	}
	f := Lookup(string(a.Kind))
	if f == nil {
		return fmt.Errorf("no function asks for the action %s", cut(string(a.Kind), 20))
	}
	err := r.lawful(f)
	if err == nil {
		if err = r.plainAction(a); err != nil && !errors.Is(err, ErrBudget) {
			err = fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if errors.Is(err, ErrBudget) {
		r.broken = err
	}
	return err
}

// plainAction checks an action as its function does, and appends it to the plan without what
// that cannot set.
func (r *run) plainAction(a *Action) (err error) {
	e := Env{run: r}
	switch a.Kind {
	case Keep:
		flags, err := checkFlags(a.Flags)
		if err != nil {
			return err
		}
		return e.Act(Action{Kind: Keep, Flags: flags})
	case FileInto:
		if err := CheckMailbox(a.Mailbox); err != nil {
			return err
		}
		flags, err := checkFlags(a.Flags)
		if err != nil {
			return fmt.Errorf("option flags: %w", err)
		}
		return e.Act(Action{Kind: FileInto, Mailbox: a.Mailbox, Flags: flags, Create: a.Create, Copy: a.Copy})
	case Redirect:
		to, err := mail.ParseAddress(a.Address)
		if err != nil {
			return err
		}
		return e.Act(Action{Kind: Redirect, Address: to.String(), Copy: a.Copy})
	case Discard:
		return e.Act(Action{Kind: Discard})
	case Reject, EReject, TempFail:
		return e.Act(Action{Kind: a.Kind, Reason: cut(a.Reason, maxReason)})
	}
	return errors.New("not an action of a function")
}
