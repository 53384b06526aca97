package js

import (
	"sync"

	"github.com/dop251/goja"
)

// guard replaces one native of goja, in the runs of scripts that could reach it: to
// replace them all would cost a run many times what a small filter does. A script reaches a
// native by a name in its source, or by a computed key, which the rewriter has looked at:
// the first key that names a native which has to be replaced has all of them replaced.
//
// The natives that are replaced are those whose work or result is not bounded by the size
// of what they are given, and those that can call themselves without a call of a
// function of the script between, which nothing would count.
type guard struct {
	owner  string   // a global
	static bool     // a property of the global itself, not of its prototype
	name   string   // the property; that of a constructor is the owner's
	also   []string // other names in a source by which it is reached
	with   []string // of these one has to be there too, where it is not nil
	lists  bool     // it is reached wherever there is an array
	// make returns the replacement. original is nil where goja has no such native.
	make func(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value
	// construct checks the arguments of a constructor.
	construct func(r *run, args []goja.Value)
	plain     bool // it is called, and cannot be constructed
}

// guards returns the whole table, made once.
var guards = sync.OnceValue(func() []*guard {
	var all []*guard
	for _, list := range [][]*guard{textGuards(), listGuards(), octetGuards(), propertyGuards(), patternGuards(), otherGuards(), constructorGuards()} {
		all = append(all, list...)
	}
	return all
})

// install replaces the natives that the program may reach.
func (r *run) install() {
	r.put(r.prog.guards)
	if r.prog.sealed {
		r.seal()
	}
}

// put replaces natives.
func (r *run) put(list []*guard) {
	for _, g := range list {
		if g.lists {
			r.lockArrays()
		}
		constructor, ok := r.vm.Get(g.owner).(*goja.Object)
		if g.owner == typed {
			if constructor, ok = r.vm.Get("Uint8Array").(*goja.Object); ok {
				constructor = constructor.Prototype()
			}
		}
		if !ok || constructor == nil {
			continue
		}
		if g.construct != nil {
			r.installConstructor(g, constructor)
			continue
		}
		o := constructor
		if !g.static {
			if o, ok = constructor.Get("prototype").(*goja.Object); !ok {
				continue
			}
		}
		r.replace(o, g)
	}
}

// withLists replaces what is reached wherever there is an array, once there is one.
func (r *run) withLists() {
	if !r.lists {
		r.lists = true
		r.put(r.prog.lists)
	}
}

// guarded are the names that a computed key is compared with.
var guarded = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{"constructor": true}
	for _, g := range guards() {
		m[g.name], m[g.owner] = true, true
		for _, name := range g.also {
			m[name] = true
		}
	}
	for _, names := range []map[string]bool{absent, revealing, producers} {
		for name := range names {
			m[name] = true
		}
	}
	return m
})

// at looks at a computed key.
func (r *run) at(a []goja.Value) goja.Value {
	k := a[0]
	switch k.(type) {
	case goja.String:
	case *goja.Symbol:
		return k
	default:
		if t := k.ExportType(); t == intType || t == floatType {
			return k
		}
		k = r.str(k)
	}
	if !r.full && guarded()[k.String()] {
		r.full = true
		r.withLists()
		r.put(r.prog.later)
		r.seal()
	}
	return k
}

func (r *run) replace(o *goja.Object, g *guard) {
	var original goja.Callable
	if g.name[0] == '@' {
		symbol := symbols[g.name]
		if original, _ = goja.AssertFunction(o.GetSymbol(symbol)); original != nil {
			_ = o.DefineDataPropertySymbol(symbol, r.vm.ToValue(g.make(r, original)), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
		}
		return
	}
	if original, _ = goja.AssertFunction(o.Get(g.name)); original != nil {
		_ = o.DefineDataProperty(g.name, r.vm.ToValue(g.make(r, original)), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
}

var symbols = map[string]*goja.Symbol{
	"@@match": goja.SymMatch, "@@matchAll": goja.SymMatchAll, "@@replace": goja.SymReplace,
	"@@search": goja.SymSearch, "@@split": goja.SymSplit,
}

// installConstructor puts a constructor that checks its arguments in the place of one.
func (r *run) installConstructor(g *guard, original *goja.Object) {
	build, ok := goja.AssertConstructor(original)
	if !ok {
		return
	}
	with := r.vm.ToValue(func(c goja.ConstructorCall) *goja.Object {
		g.construct(r, c.Arguments)
		target := c.NewTarget
		if target == nil {
			target = original
		}
		o, err := build(target, c.Arguments...)
		if err != nil {
			r.again(err)
		}
		return o
	}).(*goja.Object)
	if call, ok := goja.AssertFunction(original); ok && g.plain {
		with = r.vm.ToValue(func(c goja.FunctionCall) goja.Value {
			g.construct(r, c.Arguments)
			return r.pass(call, c)
		}).(*goja.Object)
	}
	prototype, ok := original.Get("prototype").(*goja.Object)
	if !ok {
		return
	}
	for _, name := range original.GetOwnPropertyNames() {
		switch name {
		case "prototype", "length", "name":
		default:
			_ = with.DefineDataProperty(name, original.Get(name), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
		}
	}
	_ = with.SetPrototype(original.Prototype())
	_ = with.DefineDataProperty("name", r.vm.ToValue(g.owner), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = with.DefineDataProperty("prototype", prototype, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	_ = prototype.DefineDataProperty("constructor", with, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = r.vm.Set(g.owner, with)
}

// again passes on what a native threw, or the limit that ended it.
func (r *run) again(err error) {
	if ex, ok := err.(*goja.Exception); ok {
		panic(ex.Value())
	}
	if r.stop != nil {
		panic(new(goja.InterruptedError))
	}
	panic(err)
}

// pass calls a native.
func (r *run) pass(original goja.Callable, c goja.FunctionCall) goja.Value {
	v, err := original(c.This, c.Arguments...)
	if err != nil {
		r.again(err)
	}
	return v
}

// seal takes away what scripts do not have, also where it is reached without its name.
func (r *run) seal() {
	g := r.vm.GlobalObject()
	if f, ok := r.vm.Get("Function").(*goja.Object); ok {
		if p, ok := f.Get("prototype").(*goja.Object); ok {
			_ = p.Delete("constructor")
		}
	}
	for name := range absent {
		_ = g.Delete(name)
	}
}
