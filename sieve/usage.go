package sieve

import (
	"math"
	"strconv"

	"github.com/sluice-mail/sluice/runtime"
)

// usage is what a registry knows of a command or test: what is declared of both, and what other
// declarations hang on it.
type usage struct {
	name        string
	kind        string // command or test
	args        []Arg
	own         []Tag
	match       bool
	modifiable  bool // takes the modifiers of set
	addressPart bool
	fallback    string // the comparator where none is named
	number      uint16 // in its registry

	hooks []offered[Hook]
	tags  nameTable[[]offered[Tag]] // those that go first first
	// function is the one of the table that does the same, nil if there is none.
	function *runtime.Function
}

// ofCommand and ofTest find out what goes with a command or test, whose name is given in lower case.
func (g *registry) ofCommand(name string, d *Command) *usage {
	return g.use(name, &usage{name: d.Name, kind: "command", args: d.Args, own: d.Tags, match: d.Match, modifiable: d.Modifiers})
}

func (g *registry) ofTest(name string, d *Test) *usage {
	return g.use(name, &usage{
		name: d.Name, kind: "test", args: d.Args, own: d.Tags, match: d.Match, addressPart: d.AddressPart, fallback: d.Comparator,
	})
}

func (g *registry) use(name string, u *usage) *usage {
	u.hooks, u.function = g.hooks[name], runtime.Lookup(name)
	tags := map[string][]offered[Tag]{}
	own := u.own
	add := func(tag string, def *Tag, e *Extension) {
		tags[tag] = append(tags[tag], offered[Tag]{def: def, ext: e})
	}
	for i := range own {
		add(lowerASCII(own[i].Name), &own[i], &Extension{}) // what it declares itself needs no require
	}
	for tag, list := range g.tags {
		for _, o := range list {
			if contains(o.def.On, name) {
				add(tag, o.def, o.ext)
			}
		}
	}
	if u.match {
		add("comparator", &comparatorTag, &Extension{})
		for tag, o := range g.matchTypes {
			add(tag, &o.def.tag, o.ext)
		}
	}
	if u.addressPart {
		for tag, o := range g.parts {
			add(tag, &o.def.tag, o.ext)
		}
	}
	if u.modifiable {
		for tag, o := range g.modifiers {
			add(tag, &Tag{Name: o.def.Name, Group: "modifier " + strconv.Itoa(o.def.Precedence)}, o.ext)
		}
	}
	u.tags = newNameTable(tags)
	if u.number = uint16(len(g.usages)); len(g.usages) > math.MaxUint16 {
		panic("sieve: too many commands and tests")
	}
	g.usages = append(g.usages, u)
	return u
}
