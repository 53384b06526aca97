package sieve

import (
	"fmt"

	"github.com/sluice-mail/sluice/runtime"
)

// Binder turns a tree into a program: it looks every name up, checks the arguments, and
// keeps what the commands and tests return as what is to be done. It finds all errors of
// a script. An extension meets it in its Bind functions only, and keeps it no longer: it is taken
// back for the next script.
type Binder struct {
	lang     *Language
	options  runtime.CompileOptions
	script   *Script
	prog     *program
	errors   []*Error
	faulty   bool            // there is an error in the command or test that is being bound
	active   capabilitySet   // capabilities that are on
	required capabilitySet   // those that a require command names
	loops    []*loop         // around the command that is being bound
	reported map[string]bool // unknown names: each is an error once
	// requires says that a require command may still come.
	requires bool
	slots    map[string]int // variables by name in lower case; see variableSlots
	headers  *headerIndex
	chain    *chain   // the if that an elsif or else would belong to
	lenient  bool     // what is required is not known: nothing lacks a require
	ended    bool     // what follows in the block cannot be reached
	later    []func() // done when all commands are bound
	depth    int
	after    []*Node // the commands behind the one that is being bound, in its block
	previous string  // the command before
	// library is what it shares with the binders of included scripts; nested and source say
	// which of them it is of.
	library *library
	nested  int
	source  int // in the program's sources

	requiredAt []Span // by number: where a capability is required

	tree *treeMemory
	programMemory
}

// programMemory is what a program is made of, and what is looked up once for a script.
type programMemory struct {
	conditions slab[Condition]
	lists      slab[*Condition]
	steps      slab[step]
	strings    slab[Text]
	names      slab[headerName]
	matchers   slab[Matcher]
	keys       slab[Key]
	upper      string // the source with a to z as A to Z
	chains     slab[chain]
	branches   slab[branch]
	edits      slab[func(*Run, *runtime.Action)]
	keyMemory
}

// begin makes b the binder of one script.
func (b *Binder) begin(l *Language, s *Script, o *runtime.CompileOptions) {
	b.lang, b.options, b.script, b.active, b.requires = l, *o, s, l.registry.always, true
}

// bind returns the program of a tree without syntax errors, or all errors: those of the script
// itself first.
func bind(l *Language, s *Script, o runtime.CompileOptions, memory *treeMemory) (*program, []*Error) {
	b := &memory.binder
	b.begin(l, s, &o)
	b.prog = b.newProgram(s.nodes)
	b.prog.name, b.prog.registry, b.prog.limits = s.Name, l.registry, &l.options
	b.headers = &b.prog.headers
	b.prog.source[0].text = s.Source
	b.prog.sources = b.prog.source[:]
	b.tree, b.library = memory, &memory.library
	b.prog.block = b.all()
	if len(b.errors) > 0 {
		return nil, append(b.errors, b.library.errors...)
	}
	for i, e := range l.registry.atEnd {
		if b.library.atEnd&(1<<i) != 0 {
			b.prog.atEnd = append(b.prog.atEnd, e.AtEnd)
		}
	}
	return b.prog, nil
}

// Errorf reports a fault of the script.
func (b *Binder) Errorf(at Span, format string, args ...any) {
	if !b.full() {
		b.errors = append(b.errors, b.script.errorAt(at, format, args...))
	}
	b.faulty = true
}

// full says that no more errors are wanted.
func (b *Binder) full() bool { return len(b.errors) >= b.lang.options.Source.Errors }

// TopLevel says whether the command that is being bound stands in no block.
func (b *Binder) TopLevel() bool { return b.depth == 1 }

// Required says whether the script has required a capability so far.
func (b *Binder) Required(capability string) bool {
	n, ok := b.lang.registry.numbers[capability]
	return ok && b.on(n)
}

// variableSlots returns the numbers of the variables by their names in lower case.
func (b *Binder) variableSlots() map[string]int {
	if b.slots == nil {
		b.slots = map[string]int{}
	}
	return b.slots
}

// Later has f called when the whole script is bound.
func (b *Binder) Later(f func()) { b.later = append(b.later, f) }

// needs reports that something is used without its require.
func (b *Binder) needs(at Span, what, name string, e *Extension) {
	if b.lenient {
		b.faulty = true
		return
	}
	wanted := !b.full()
	b.Errorf(at, "%s %q needs require %q; add it at the top of the script", what, clip(name), e.Name)
	if wanted {
		b.errors[len(b.errors)-1].Require = e.Name
	}
}

// checkNeeds reports extensions without those that they need.
func (b *Binder) checkNeeds() {
	for _, e := range b.lang.registry.needy {
		if !b.required.has(e.number) {
			continue
		}
		for _, name := range e.Needs {
			if !b.Required(name) {
				b.needs(b.requiredAt[e.number], "extension", e.Name, &Extension{Name: name})
			}
		}
	}
}

// site makes a site of a place in the source.
func (b *Binder) site(at Span, what *usage) int {
	b.prog.marks = append(b.prog.marks, mark{uint32(at.Start), uint16(b.source), what.number})
	return len(b.prog.marks) - 1
}

// call returns a Call for a node, to be given back with done.
func (b *Binder) call(n *Node) *Call {
	var c *Call
	if last := len(b.tree.calls) - 1; last >= 0 {
		c = b.tree.calls[last]
		b.tree.calls = b.tree.calls[:last]
	} else {
		c = new(Call)
	}
	c.begin(b, n)
	return c
}

// done takes a Call back, which nobody may use from now on.
func (b *Binder) done(c *Call) {
	b.tree.calls = append(b.tree.calls, c)
}

// block binds the commands of a block.
func (b *Binder) block(nodes []*Node) Block {
	outer := b.chain
	b.chain, b.ended = nil, false
	b.depth++
	out := b.commands(nodes)
	b.chain = outer
	b.depth--
	return out
}

// commands is block within the block.
func (b *Binder) commands(nodes []*Node) Block {
	out := Block(b.steps.take(len(nodes))[:0])
	for i, n := range nodes {
		if b.ended && b.on(b.lang.registry.known.ihave) {
			break
		}
		b.ended = false
		name, def := b.lang.registry.byCommand.find(n.Name)
		if b.script.broken != nil && b.script.broken[n] {
			b.broken(n, name)
			continue
		}
		if def == nil {
			b.unknownCommand(n)
			b.strange(n)
			b.chain = nil
			continue
		}
		def = meantBy(b, def)
		if name != "require" {
			b.requires = false
		}
		if !b.usable(def.ext) {
			if b.first("command " + name) {
				b.needs(n.NameSpan, "command", name, def.ext)
			}
			b.strange(n)
			b.chain = nil
			b.faulty = true
			b.previous = name
			continue
		}
		if def.def.Block {
			b.after = nodes[i+1:]
		}
		s, ok := b.command(n, def.def)
		if ok {
			out = append(out, s)
		}
		if def.def.Block && name != "if" && name != "elsif" && name != "else" {
			b.ended = false // the block of a loop may never be done
		}
		b.previous = name
	}
	return out
}

// usable says whether a script may use what an extension declares. Where it needs no require, use
// turns it on.
func (b *Binder) usable(e *Extension) bool {
	if !b.isOn(e) && b.lang.options.NoRequire {
		b.active.add(e.number)
	}
	return b.isOn(e)
}

func (b *Binder) isOn(e *Extension) bool { return b.on(e.number) }

// first says whether something unknown was not met before: each name is an error where it
// is first used.
func (b *Binder) first(what string) bool {
	if b.reported[what] {
		b.faulty = true
		return false
	}
	if b.reported == nil {
		b.reported = map[string]bool{}
	}
	b.reported[what] = true
	return true
}

func (b *Binder) unknownCommand(n *Node) {
	name := lowerASCII(n.Name)
	if d, ok := b.lang.registry.tests[name]; ok {
		b.Errorf(n.NameSpan, "attempted to use test '%s' as command; expected if %s ...", clip(n.Name), d.def.Name)
		return
	}
	if b.first("command " + name) {
		b.Errorf(n.NameSpan, "unknown command %q%s", clip(n.Name), meant(b, n.Name, b.lang.registry.commands))
	}
}

// meant returns a hint at the name that is closest to a mistyped one.
func meant[V any](b *Binder, name string, candidates map[string]V) string {
	if b.full() {
		return ""
	}
	if near := nearest(name, candidates); near != "" {
		return fmt.Sprintf("; is %q meant?", near)
	}
	return ""
}

// command binds one command; false means that it leaves nothing to do.
func (b *Binder) command(n *Node, d *Command) (step, bool) {
	c := b.call(n)
	c.usage = d.usage
	outer := b.faulty
	b.faulty = false
	s, ok := b.commandOf(c, n, d)
	b.faulty = b.faulty || outer
	b.done(c)
	return s, ok
}

// commandOf is command with a Call for it.
func (b *Binder) commandOf(c *Call, n *Node, d *Command) (step, bool) {
	current := b.chain
	b.chain = nil
	if current != nil && current.decided && !current.done && (d.Name == "elsif" || d.Name == "else") {
		current.done = d.Name == "else"
		b.chain = current
		return step{}, false // never reached; see ihave
	}
	site := b.site(n.NameSpan, d.usage)
	c.site = site
	b.arguments(c, d.Tags, d.Match, false)
	b.countTests(c, d.Tests, d.Tags)
	switch {
	case b.faulty:
	case d.Block && !n.HasBlock:
		b.Errorf(Span{n.End - 1, n.End}, "expected a block after %q", d.Name)
	case !d.Block && n.HasBlock:
		b.Errorf(Span{n.BlockSpan.Start, n.BlockSpan.Start + 1}, "%q takes no block; expected \";\"", d.Name)
	}
	b.tests(c, d.Tests)
	if !b.faulty {
		b.hooks(c)
	}
	if b.faulty {
		if d.Block && n.HasBlock {
			c.block = b.block(n.Block)
		}
		// What follows a broken if may still be its elsif.
		if d.Name == "if" || d.Name == "elsif" {
			b.chain = &chain{}
		}
		return step{}, false
	}
	c.chain = current
	do := d.Bind(b, c)
	if do == nil && c.begun == nil {
		return step{}, false
	}
	return step{site: site, do: do, chain: c.begun}, true
}

// test binds one test; it returns nil after an error.
func (b *Binder) test(n *Node) *Condition {
	name, o := b.lang.registry.byTest.find(n.Name)
	if o == nil {
		if _, command := b.lang.registry.commands[name]; command {
			b.Errorf(n.NameSpan, "attempted to use command '%s' as test", clip(n.Name))
		} else if b.first("test " + name) {
			b.Errorf(n.NameSpan, "unknown test %q%s", clip(n.Name), meant(b, n.Name, b.lang.registry.tests))
		}
		return nil
	}
	o = meantBy(b, o)
	if !b.usable(o.ext) {
		if b.first("test " + name) {
			b.needs(n.NameSpan, "test", name, o.ext)
		}
		return nil
	}
	d := o.def
	c := b.call(n)
	c.usage = d.usage
	outer := b.faulty
	b.faulty = false
	t := b.testOf(c, n, d)
	b.faulty = b.faulty || outer
	b.done(c)
	return t
}

// testOf is test with a Call for it.
func (b *Binder) testOf(c *Call, n *Node, d *Test) *Condition {
	site := b.site(n.NameSpan, d.usage)
	c.site = site
	b.arguments(c, d.Tags, d.Match, d.AddressPart)
	b.countTests(c, d.Tests, d.Tags)
	b.tests(c, d.Tests)
	if b.faulty {
		return nil
	}
	b.hooks(c)
	if b.faulty {
		return nil
	}
	check := d.Bind(b, c)
	if check == nil {
		return nil
	}
	t := b.conditions.one()
	t.site, t.check, t.known = int32(site), check, c.known
	return t
}

// countTests checks how many tests a command or test has.
func (b *Binder) countTests(c *Call, want TestCount, own []Tag) {
	n := c.Node
	switch {
	case want == NoTest && len(n.Tests) > 0:
		b.strayTest(c, own)
	case want == OneTest && len(n.Tests) == 0:
		b.Errorf(n.NameSpan, "expected a test after %q", c.name)
	case want == OneTest && n.Parens:
		b.Errorf(n.NameSpan, "%q takes one test without parentheses; expected anyof or allof before the list", c.name)
	case want == TestList && !n.Parens:
		b.Errorf(n.NameSpan, "expected a list of tests in parentheses after %q", c.name)
	}
}

// tests binds the tests of a command or test that takes some.
func (b *Binder) tests(c *Call, want TestCount) {
	if want == NoTest {
		return
	}
	c.tests = c.test[:0]
	if want == TestList {
		c.tests = b.lists.take(len(c.Node.Tests))[:0] // which a run asks for
	}
	for _, t := range c.Node.Tests {
		one := b.test(t)
		c.tests = append(c.tests, one)
		if k := b.known(one); k == knownTrue && c.name == "anyof" || k == knownFalse && c.name == "allof" {
			break // what follows is never asked
		}
	}
}

// strayTest reports what stands where no test may stand. Mostly a semicolon or a colon was
// forgotten before it.
func (b *Binder) strayTest(c *Call, own []Tag) {
	n, stray := c.Node, c.Node.Tests[0]
	name := lowerASCII(stray.Name)
	_, test := b.lang.registry.tests[name]
	switch {
	case test || n.Parens:
	case c.name == "else" && name == "if":
		b.Errorf(Span{n.NameSpan.Start, stray.NameSpan.End}, "expected a block after \"else\", found \"if\"; a further condition is written elsif")
		return
	case b.isTag(c, own, name):
		b.Errorf(stray.NameSpan, "missing colon before the ':%s' tag of the %s", name, c.title())
		return
	case c.kind == "command":
		end := n.NameSpan.End
		if len(n.Args) > 0 {
			end = n.Args[len(n.Args)-1].End
		}
		b.Errorf(Span{end, end}, "missing semicolon after the %s; found '%s'", c.title(), clip(stray.Name))
		return
	}
	b.Errorf(stray.NameSpan, "the %s accepts no sub-tests, but tests are specified", c.title())
}

func (b *Binder) hooks(c *Call) {
	for _, h := range c.hooks {
		if b.isOn(h.ext) {
			h.def.Bind(b, c)
		}
	}
}
