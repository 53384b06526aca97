package sieve

import (
	"strconv"

	"github.com/sluice-mail/sluice/runtime"
)

// usage is what a registry knows of a command or test beside its declaration: what other
// declarations hang on it.
type usage struct {
	hooks []offered[Hook]
	tags  map[string][]offered[Tag] // by name in lower case, those that go first first
	// function is the one of the table that does the same, nil if there is none.
	function *runtime.Function
}

// use finds out what goes with a command or test.
func (g *registry) use(name string, own []Tag, match, part, modifiers bool) *usage {
	u := &usage{hooks: g.hooks[name], tags: map[string][]offered[Tag]{}, function: runtime.Lookup(name)}
	add := func(tag string, def *Tag, e *Extension) {
		u.tags[tag] = append(u.tags[tag], offered[Tag]{def: def, ext: e})
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
	if match {
		add("comparator", &comparatorTag, &Extension{})
		for tag, o := range g.matchTypes {
			add(tag, &o.def.tag, o.ext)
		}
	}
	if part {
		for tag, o := range g.parts {
			add(tag, &o.def.tag, o.ext)
		}
	}
	if modifiers {
		for tag, o := range g.modifiers {
			add(tag, &Tag{Name: o.def.Name, Group: "modifier " + strconv.Itoa(o.def.Precedence)}, o.ext)
		}
	}
	return u
}
