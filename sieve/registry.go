package sieve

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// Extension is a piece of the language that a script asks for with require. It adds
// commands and tests, and hangs tags and hooks on those of other files.
//
// An Extension without a Name is part of the base language, which is written in the same
// terms.
type Extension struct {
	Name   string // the capability
	Spec   string // RFC and section
	Status string // "complete", or what is missing
	Limits string // the limits that concern it, "" if none
	// Always says that it may be used without require.
	Always bool
	// Off says that it is offered only where Options.Enabled names it.
	Off bool
	// Implies are capabilities that come with it.
	Implies []string
	// Excludes are capabilities that no script may require with it.
	Excludes []string
	// Needs are capabilities that a script has to require with it.
	Needs []string
	// Shares are extensions that declare some of the same commands, tests or namespaces. The
	// one that a script requires is meant; if it requires both, the first by name.
	Shares []string

	Commands     []Command
	Tests        []Test
	Tags         []Tag
	Hooks        []Hook
	MatchTypes   []MatchType
	Comparators  []Comparator
	AddressParts []AddressPart
	Modifiers    []Modifier
	Namespaces   []Namespace
	// Required, if not nil, is called when a script requires the extension.
	Required func(b *Binder, at Span)
	// AtEnd, if not nil, is called when a script that requires the extension has ended well.
	AtEnd func(r *Run)
	// Rewrite changes the text of every string of a script that requires the
	// extension, when it is compiled and before variables are looked for.
	Rewrite func(b *Binder, s string, at Span) string

	number int // in its registry
}

// Command declares a command.
type Command struct {
	Name string
	Args []Arg // positional arguments in order
	Tags []Tag
	// Tests says how many tests it takes.
	Tests TestCount
	// Block says that it takes a block.
	Block bool
	// Match says that it takes a match type and a comparator; see Call.Matcher.
	Match bool
	// Modifiers says that it takes the modifiers of set; see Call.Modifiers.
	Modifiers bool
	// Bind checks a use of the command and returns what it does. It is called when all
	// arguments are as declared, once for each use; nil means nothing to do at run time.
	Bind func(b *Binder, c *Call) Do

	usage *usage // in its registry
}

// Test declares a test.
type Test struct {
	Name  string
	Args  []Arg
	Tags  []Tag
	Tests TestCount
	// Match says that it takes a match type and a comparator; see Call.Matcher.
	Match bool
	// Comparator is the one where a use names none, DefaultComparator if "".
	Comparator string
	// AddressPart says that it takes an address part; see Call.AddressPart.
	AddressPart bool
	// Bind is as a Command's.
	Bind func(b *Binder, c *Call) Check

	usage *usage // in its registry
}

// Do is what a command does in a run.
type Do func(r *Run) error

// Check is what a test says in a run.
type Check func(r *Run) (bool, error)

// TestCount says how many tests a command or test takes.
type TestCount uint8

// The counts of tests.
const (
	NoTest TestCount = iota
	OneTest
	TestList // one or more, in parentheses
)

// Arg declares a positional argument. Where a use has fewer than are declared, the
// Optional ones are left out from the front.
type Arg struct {
	Name     string
	Kind     ArgumentKind // ListArgument takes a single string too
	Optional bool
}

// Tag declares a tagged argument.
type Tag struct {
	Name string
	// On names the commands and tests that take the tag; it is not used where the tag
	// is declared in a Command or Test.
	On []string
	// Args are the arguments that follow the tag.
	Args []Arg
	// Group is what at most one tag may be used of; "" is the tag itself.
	Group string
	// Bind, if not nil, is called before the Bind of the command or test.
	Bind func(b *Binder, c *Call, u *TagUse)

	matchType *MatchType // that it asks for
	part      *AddressPart
}

// Hook is called for each use of some commands and tests in scripts that require the
// extension, before their own Bind.
type Hook struct {
	On   []string
	Bind func(b *Binder, c *Call)
}

// AddressPart declares what address tests compare of an address.
type AddressPart struct {
	Name string
	// Of returns the part; false means that the address has no such part.
	Of func(r *Run, a mail.Address) (string, bool)
	// Whole says that it also takes a field that could not be read, as its text.
	Whole bool

	number int // in its registry
	tag    Tag
}

// builtin are the extensions of this package and the pieces of the base language.
var builtin []Extension

// register adds an extension of this package. It is called from init functions.
func register(e Extension) { builtin = append(builtin, e) }

// registry is what a Language can do, by name. Names are in lower case.
type registry struct {
	extensions map[string]*Extension
	commands   map[string]offered[Command]
	tests      map[string]offered[Test]
	// byCommand and byTest are commands and tests again, for the binder.
	byCommand  nameTable[offered[Command]]
	byTest     nameTable[offered[Test]]
	tags       map[string][]offered[Tag]
	hooks      map[string][]offered[Hook] // by command or test
	matchTypes map[string]offered[MatchType]
	comparator map[string]offered[Comparator]
	parts      map[string]offered[AddressPart]
	modifiers  map[string]offered[Modifier]
	namespaces map[string]offered[Namespace]
	partCount  int
	is         *MatchType // the one where a test names none
	casemap    *Comparator
	all        *AddressPart
	usages     []*usage       // of all commands and tests
	numbers    map[string]int // of capabilities
	known      wellKnown
	always     capabilitySet // capabilities that need no require
	atEnd      []*Extension  // those with AtEnd, and with Needs
	needy      []*Extension
}

// offered is a declaration and the extension that it belongs to.
type offered[T any] struct {
	def *T
	ext *Extension
	// other is a declaration of the same name, of an extension that shares it.
	other *offered[T]
}

// newRegistry makes a registry of extensions. It panics on a name that is declared
// twice: that is a fault of the program, not of a script.
func newRegistry(list []Extension) *registry {
	g := &registry{
		extensions: map[string]*Extension{}, commands: map[string]offered[Command]{}, tests: map[string]offered[Test]{},
		tags: map[string][]offered[Tag]{}, hooks: map[string][]offered[Hook]{}, matchTypes: map[string]offered[MatchType]{},
		comparator: map[string]offered[Comparator]{}, parts: map[string]offered[AddressPart]{},
		modifiers: map[string]offered[Modifier]{}, namespaces: map[string]offered[Namespace]{},
	}
	g.number(list)
	for i := range list {
		e := &list[i]
		if e.Name != "" {
			add(g.extensions, e.Name, e)
		}
		if e.AtEnd != nil {
			if len(g.atEnd) == 64 {
				panic("sieve: too many extensions have something to do at the end")
			}
			g.atEnd = append(g.atEnd, e)
		}
		if e.Needs != nil {
			g.needy = append(g.needy, e)
		}
		offer(g.commands, e, e.Commands, func(c *Command) string { return c.Name })
		offer(g.tests, e, e.Tests, func(t *Test) string { return t.Name })
		offer(g.matchTypes, e, e.MatchTypes, func(m *MatchType) string { return m.Name })
		offer(g.comparator, e, e.Comparators, func(c *Comparator) string { return c.Name })
		offer(g.parts, e, e.AddressParts, func(p *AddressPart) string { return p.Name })
		offer(g.modifiers, e, e.Modifiers, func(m *Modifier) string { return m.Name })
		offer(g.namespaces, e, e.Namespaces, func(n *Namespace) string { return n.Name })
		for j := range e.Tags {
			name := strings.ToLower(e.Tags[j].Name)
			g.tags[name] = append(g.tags[name], offered[Tag]{def: &e.Tags[j], ext: e})
		}
		for j := range e.Hooks {
			for _, on := range e.Hooks[j].On {
				g.hooks[on] = append(g.hooks[on], offered[Hook]{def: &e.Hooks[j], ext: e})
			}
		}
		for j := range e.AddressParts {
			p := &e.AddressParts[j]
			p.number, p.tag = g.partCount, Tag{Name: p.Name, Group: groupAddressPart, part: p}
			g.partCount++
		}
		for j := range e.MatchTypes {
			e.MatchTypes[j].prepare()
		}
	}
	for name, o := range g.commands {
		for p := &o; p != nil; p = p.other {
			p.def.usage = g.ofCommand(name, p.def)
		}
	}
	for name, o := range g.tests {
		for p := &o; p != nil; p = p.other {
			p.def.usage = g.ofTest(name, p.def)
		}
	}
	g.byCommand, g.byTest = newNameTable(g.commands), newNameTable(g.tests)
	g.is, g.casemap, g.all = g.matchTypes["is"].def, g.comparator[DefaultComparator].def, g.parts["all"].def
	return g
}

func offer[T any](m map[string]offered[T], e *Extension, defs []T, name func(*T) string) {
	for i := range defs {
		key, one := strings.ToLower(name(&defs[i])), offered[T]{def: &defs[i], ext: e}
		if first, twice := m[key]; twice && slices.Contains(e.Shares, first.ext.Name) {
			one.other = first.other
			first.other = &one
			m[key] = first
			continue
		}
		add(m, key, one)
	}
}

// meantBy returns the declaration that a script means by a name: that of an extension that it
// requires, else the first; where it needs no require that of Stalwart.
func meantBy[T any](b *Binder, o *offered[T]) *offered[T] {
	last := o
	for p := o; p != nil; p = p.other {
		if b.isOn(p.ext) {
			return p
		}
		last = p
	}
	if b.lang.options.NoRequire {
		return last
	}
	return o
}

func add[T any](m map[string]T, name string, v T) {
	if _, twice := m[name]; twice {
		panic("sieve: " + name + " is declared twice")
	}
	m[name] = v
}

// nearest returns the name in m that is closest to a mistyped one, or "". One that shares
// nothing with it is not close.
func nearest[V any](name string, m map[string]V) string {
	return runtime.Nearest(strings.ToLower(name), maps.Keys(m), min(2, len(name)-1))
}

func names[V any](m map[string]V) []string { return slices.Collect(maps.Keys(m)) }
