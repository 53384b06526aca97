package sieve

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// Call is one use of a command or test, with its arguments bound. It lives while Bind is at
// it, and its Node while the script is bound: what a run needs is taken from them before.
type Call struct {
	Node *Node

	*usage

	binder *Binder
	site   int
	known  known       // of a test: its result, if that is known before the run
	given  []*Argument // for each of args, nil if it was left out
	uses   []*TagUse
	tests  []*Condition
	block  Block
	chain  *chain        // that an elsif or else belongs to
	begun  *chain        // by an if
	test   [1]*Condition // room for tests where it takes one

	pick       fieldPick
	comparator *Comparator
	matchType  *MatchType
	operator   operator
	edits      []func(*Run, *runtime.Action)
}

// begin makes a Call that may have been used before that of a node. It writes what is not as it
// should be: pointers are expensive to write while garbage is collected.
func (c *Call) begin(b *Binder, n *Node) {
	if c.binder != b {
		c.binder = b
	}
	c.Node, c.given, c.uses = n, c.given[:0], c.uses[:0]
	c.known, c.operator = 0, 0
	c.pick = fieldPick{}
	c.forget()
}

// forget drops what belongs to a program.
func (c *Call) forget() {
	if c.chain != nil || c.begun != nil {
		c.chain, c.begun = nil, nil
	}
	if c.comparator != nil || c.matchType != nil {
		c.comparator, c.matchType = nil, nil
	}
	if c.tests != nil {
		c.tests, c.test[0] = nil, nil
	}
	if c.block != nil {
		c.block = nil
	}
	if c.edits != nil {
		c.edits = nil
	}
}

// TagUse is a tag as it was used, with the arguments that follow it. It lives while its
// script is bound: what a run needs of it is taken from it before.
type TagUse struct {
	Span
	Def  *Tag
	call *Call
	args []*Argument

	first [1]*Argument // room for most
}

// arguments sorts the arguments of a node into tags and positional arguments and
// checks their kinds.
func (b *Binder) arguments(c *Call, own []Tag, match, part bool) {
	n := c.Node
	positional := b.tree.loose[:0]
	for i := 0; i < len(n.Args); i++ {
		a := &n.Args[i]
		if a.Kind != TagArgument {
			positional = append(positional, a)
			b.tree.loose = positional
			continue
		}
		def := b.tag(c, own, a, match, part)
		if def == nil {
			// Its arguments cannot be told from others: what follows would only confuse.
			c.nothingGiven()
			return
		}
		if len(positional) > 0 {
			b.Errorf(a.Span, "unexpected tagged argument ':%s' for the %s; tags stand before the other arguments", def.Name, c.title())
			c.nothingGiven()
			return
		}
		u := b.tree.uses.one()
		u.Span, u.Def, u.call, u.args = a.Span, def, c, u.first[:0]
		for _, want := range def.Args {
			if i+1 >= len(n.Args) || !fits(&n.Args[i+1], want.Kind) {
				b.Errorf(a.Span, "expected a %s (%s) after %q", want.Kind, want.Name, ":"+def.Name)
				c.nothingGiven()
				return
			}
			i++
			u.args = append(u.args, &n.Args[i])
		}
		for _, other := range c.uses {
			switch {
			case other.Def.Name == def.Name:
				b.Errorf(a.Span, "tag %q is used twice", ":"+def.Name)
			case def.Group != "" && other.Def.Group == def.Group:
				b.Errorf(a.Span, "%q and %q exclude each other", ":"+other.Def.Name, ":"+def.Name)
			}
		}
		c.uses = append(c.uses, u)
	}
	if match && !b.faulty {
		b.matching(c)
	}
	if b.faulty {
		c.nothingGiven()
		return
	}
	b.positional(c, positional)
	for _, u := range c.uses {
		if u.Def.Bind != nil && !b.faulty {
			u.Def.Bind(b, c, u)
		}
	}
}

// nothingGiven makes room for the arguments that are declared.
func (c *Call) nothingGiven() {
	c.given = slices.Grow(c.given[:0], len(c.args))[:len(c.args)]
	clear(c.given)
}

// title returns the name of a command or test as errors write it.
func (c *Call) title() string { return c.name + " " + c.kind }

// positional gives each declared argument its value.
func (b *Binder) positional(c *Call, have []*Argument) {
	if len(have) == len(c.args) && cap(c.given) >= len(have) {
		c.given = c.given[:len(have)] // all are written
	} else {
		c.nothingGiven()
	}
	skip := len(c.args) - len(have)
	k := 0
	for i := range c.args {
		want := &c.args[i]
		if want.Optional && skip > 0 {
			skip--
			continue
		}
		if k >= len(have) {
			at := c.Node.NameSpan
			if k > 0 {
				at = have[k-1].Span
			}
			b.tooFew(c, at, len(have))
			return
		}
		a := have[k]
		k++
		if !fits(a, want.Kind) {
			b.Errorf(a.Span, "the %s expects a %s as positional argument %d (%s), but a %s argument was found",
				c.title(), want.Kind, k, plainName(want.Name), a.Kind)
			return
		}
		c.given[i] = a
	}
	if k < len(have) {
		b.Errorf(have[k].Span, "%q: unexpected %s; no more arguments are expected", c.name, have[k].Kind)
	}
}

// tooFew reports missing positional arguments.
func (b *Binder) tooFew(c *Call, at Span, have int) {
	var list []string
	for _, want := range c.args {
		if !want.Optional {
			list = append(list, plainName(want.Name)+": "+want.Kind.String())
		}
	}
	many, verb := "arguments", "are"
	if len(list) == 1 {
		many = "argument"
	}
	if have == 1 {
		verb = "is"
	}
	b.Errorf(at, "the %s requires %d positional %s (%s), but %d %s specified", c.title(), len(list), many, strings.Join(list, ", "), have, verb)
}

func plainName(name string) string { return strings.ReplaceAll(name, "-", " ") }

func fits(a *Argument, want ArgumentKind) bool {
	return a.Kind == want || want == ListArgument && a.Kind == StringArgument
}

// tag finds the declaration of a tag for a command or test.
func (b *Binder) tag(c *Call, own []Tag, a *Argument, match, part bool) *Tag {
	name, list := c.tags.find(a.Tag)
	var lacks *Extension
	if list != nil {
		for i := range *list {
			o := &(*list)[i]
			if b.usable(o.ext) {
				return o.def
			}
			lacks = o.ext
		}
	}
	if !b.first(c.title() + " :" + name) {
		return nil
	}
	if lacks != nil {
		b.needs(a.Span, "tag", ":"+name, lacks)
		return nil
	}
	b.Errorf(a.Span, "unknown tagged argument ':%s' for the %s (%s)", clip(a.Tag), c.title(), b.meantTag(name, b.tagsOf(c, own, match, part)))
	return nil
}

// tagsOf returns the names of the tags that a command or test takes, those of extensions that
// were not required among them.
func (b *Binder) tagsOf(c *Call, own []Tag, match, part bool) map[string]bool {
	g := b.lang.registry
	known := map[string]bool{}
	for _, t := range own {
		known[t.Name] = true
	}
	for n, list := range g.tags {
		known[n] = known[n] || slices.ContainsFunc(list, func(o offered[Tag]) bool { return contains(o.def.On, c.name) })
	}
	for n := range g.matchTypes {
		known[n] = known[n] || match
	}
	for n := range g.parts {
		known[n] = known[n] || part
	}
	for n := range g.modifiers {
		known[n] = known[n] || c.modifiable
	}
	known["comparator"] = match
	maps.DeleteFunc(known, func(_ string, ok bool) bool { return !ok })
	return known
}

// isTag says whether a command or test takes a tag of that name.
func (b *Binder) isTag(c *Call, own []Tag, name string) bool {
	return b.tagsOf(c, own, c.match, c.addressPart)[name]
}

// meantTag returns a hint at the tag that is closest to a mistyped one.
func (b *Binder) meantTag(name string, known map[string]bool) string {
	if len(known) == 0 {
		return "it takes none"
	}
	if near := nearest(name, known); near != "" {
		return "is ':" + near + "' meant?"
	}
	list := sorted(names(known))
	return "it takes :" + strings.Join(list[:min(len(list), 12)], ", :")
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}

func (c *Call) argument(name string) *Argument {
	for i := range c.args {
		if c.args[i].Name == name {
			return c.given[i]
		}
	}
	panic("sieve: " + c.name + " declares no argument " + name)
}

// Given says whether an optional argument is there.
func (c *Call) Given(name string) bool { return c.argument(name) != nil }

// Span returns the place of an argument, that of the name if it was left out.
func (c *Call) Span(name string) Span {
	if a := c.argument(name); a != nil {
		return a.Span
	}
	return c.Node.NameSpan
}

// Text returns a string argument.
func (c *Call) Text(name string) Text {
	if a := c.argument(name); a != nil {
		return c.binder.Text(&a.Strings[0])
	}
	return Text{}
}

// Texts returns the elements of a string list.
func (c *Call) Texts(name string) []Text { return c.binder.texts(c.argument(name)) }

// Number returns a number argument.
func (c *Call) Number(name string) uint64 {
	if a := c.argument(name); a != nil {
		return a.Number
	}
	return 0
}

// Tag returns the use of a tag, nil if it was not used.
func (c *Call) Tag(name string) *TagUse {
	for _, u := range c.uses {
		if u.Def.Name == name {
			return u
		}
	}
	return nil
}

// group returns the tag of a group that was used, or nil.
func (c *Call) group(group string) *TagUse {
	for _, u := range c.uses {
		if u.Def.Group == group {
			return u
		}
	}
	return nil
}

// Text returns the first argument of a tag, a string.
func (u *TagUse) Text() Text { return u.call.binder.Text(&u.args[0].Strings[0]) }

// Texts returns the first argument of a tag, a string list.
func (u *TagUse) Texts() []Text { return u.call.binder.texts(u.args[0]) }

// Number returns the first argument of a tag, a number.
func (u *TagUse) Number() uint64 { return u.args[0].Number }

// Tests returns the bound tests.
func (c *Call) Tests() []*Condition { return slices.Clone(c.tests) }

// Block binds and returns the commands of the block.
func (c *Call) Block() Block { return c.binder.block(c.Node.Block) }

// Edit has an action of this command changed before it goes into the plan. It is for
// tags and hooks on action commands.
func (c *Call) Edit(f func(r *Run, a *runtime.Action)) {
	if c.edits == nil {
		c.edits = c.binder.edits.take(2)[:0]
	}
	c.edits = append(c.edits, f)
}

func (b *Binder) texts(a *Argument) []Text {
	if a == nil {
		return nil
	}
	out := b.strings.take(len(a.Strings))
	for i := range a.Strings {
		out[i] = b.Text(&a.Strings[i])
	}
	return out
}
