package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// The control commands.
//
// Spec: RFC 5228, section 3
func init() {
	register(Extension{Commands: []Command{
		{Name: "require", Args: []Arg{{Name: "capabilities", Kind: ListArgument}}, Bind: bindRequire},
		{Name: "if", Tests: OneTest, Block: true, Bind: bindIf},
		{Name: "elsif", Tests: OneTest, Block: true, Bind: bindElsif},
		{Name: "else", Block: true, Bind: bindElse},
		{Name: "stop", Bind: func(b *Binder, _ *Call) Do {
			b.ended = true
			return func(*Run) error { return errStop }
		}},
	}})
}

// bindRequire turns extensions on for the rest of the script.
//
// Spec: RFC 5228, section 3.2
func bindRequire(b *Binder, c *Call) Do {
	if !b.requires || b.depth > 1 {
		b.Errorf(c.Node.NameSpan, "require must stand before all other commands, at the top of the script")
		if b.depth > 1 {
			return nil
		}
	}
	g := b.lang.registry
	arg := c.argument("capabilities")
	for _, s := range arg.Strings {
		e, ok := g.extensions[s.Value]
		if !ok {
			b.Errorf(s.Span, "unknown extension %q%s", clip(s.Value), b.meantExtension(s.Value))
			b.missing(s.Value)
			continue
		}
		b.activate(e, s.Span)
	}
	return nil
}

// activate turns an extension on, and what it implies.
func (b *Binder) activate(e *Extension, at Span) {
	numbers := b.lang.registry.numbers
	b.active.add(e.number)
	b.required.add(e.number)
	if len(b.requiredAt) < len(numbers) {
		b.requiredAt = make([]Span, len(numbers))
	}
	b.requiredAt[e.number] = at
	for _, other := range e.Excludes {
		if _, both := b.asked(other); both {
			b.Errorf(at, "%q and %q exclude each other", e.Name, other)
			b.required.remove(e.number)
			if o := b.lang.registry.extensions[other]; o == nil || !contains(o.Implies, e.Name) {
				b.active.remove(e.number)
			}
			return
		}
	}
	for _, name := range e.Implies {
		b.active.add(numbers[name])
	}
	if e.Required != nil {
		e.Required(b, at)
	}
}

// meantExtension returns a hint at what a name that is no extension may mean.
func (b *Binder) meantExtension(name string) string {
	g := b.lang.registry
	base := false
	if c, ok := g.commands[name]; ok {
		base = c.ext.Name == ""
	}
	if t, ok := g.tests[name]; ok {
		base = base || t.ext.Name == ""
	}
	if base {
		return ": it is part of the base language, and needs no require"
	}
	return meant(b, name, g.extensions)
}

// missing turns on an extension whose name is mistyped, so that its use is not one more
// error.
func (b *Binder) missing(name string) {
	if b.full() {
		return
	}
	if near := nearest(name, b.lang.registry.extensions); near != "" {
		b.active.add(b.lang.registry.numbers[near])
	}
}

// chain is an if with what belongs to it.
//
// Spec: RFC 5228, section 3.1
type chain struct {
	branches []branch
	done     bool // an else has ended it
	decided  bool // a branch is always taken: what follows never is
	missed   bool // a branch may be taken: an else may not be reached
}

// branch is an if, elsif or else; an else has no condition.
type branch struct {
	site      int
	condition *Condition
	block     Block
}

func bindIf(b *Binder, c *Call) Do {
	ch := b.chains.one()
	ch.branches = b.branches.take(1 + b.others())[:0]
	c.begun = ch
	ch.add(c)
	b.chain = ch
	return nil
}

// others returns how many elsif and else follow the if that is being bound.
func (b *Binder) others() int {
	for i, n := range b.after {
		if !strings.EqualFold(n.Name, "elsif") {
			if strings.EqualFold(n.Name, "else") {
				i++
			}
			return i
		}
	}
	return len(b.after)
}

// never says whether a branch is known not to be taken.
func (ch *chain) never(b *Binder, condition *Condition) bool {
	return ch.decided || b.known(condition) == knownFalse
}

func (ch *chain) add(c *Call) {
	br := branch{site: c.site}
	if len(c.tests) > 0 {
		br.condition = c.tests[0]
	}
	b := c.binder
	k := b.known(br.condition)
	always := !ch.decided && (k == knownTrue || br.condition == nil && !ch.missed && b.on(b.lang.registry.known.ihave))
	ch.missed = ch.missed || k == unknown
	ended := false
	if !ch.never(b, br.condition) {
		br.block = c.Block()
		ended = always && b.ended
	}
	ch.decided = ch.decided || always
	b.ended = ended
	ch.branches = append(ch.branches, br)
}

func bindElsif(b *Binder, c *Call) Do {
	if c.chain == nil || c.chain.done {
		b.Errorf(c.Node.NameSpan, "elsif without an if or elsif before it")
		c.Block()
		b.chain = &chain{} // what follows belongs to it: one error is enough
		return nil
	}
	c.chain.add(c)
	b.chain = c.chain
	return nil
}

func bindElse(b *Binder, c *Call) Do {
	if c.chain == nil || c.chain.done {
		b.Errorf(c.Node.NameSpan, "else without an if or elsif before it")
		c.Block()
		return nil
	}
	c.chain.add(c)
	c.chain.done = true
	return nil
}

// run does the first branch whose condition holds.
func (ch *chain) run(r *Run) error {
	for i := range ch.branches {
		br := &ch.branches[i]
		if br.condition != nil {
			if i > 0 {
				r.task.Hit(br.site, runtime.Reached)
			}
			ok, err := r.Test(br.condition)
			if err != nil {
				return err
			}
			if !ok {
				r.task.Hit(br.site, runtime.False)
				continue
			}
			r.task.Hit(br.site, runtime.True)
		} else {
			r.task.Hit(br.site, runtime.Reached)
		}
		return r.Block(br.block)
	}
	return nil
}
