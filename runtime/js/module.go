package js

import (
	"fmt"

	"github.com/dop251/goja"
)

// requirer returns the require of a unit.
func (r *run) requirer(i int) goja.Value {
	u := r.prog.units[i]
	return r.vm.ToValue(func(c goja.FunctionCall) goja.Value {
		name := r.str(c.Argument(0)).String()
		to, ok := u.requires[name]
		if !ok {
			r.raise(fmt.Errorf("require: %s does not name %q as it stands in its source", u.name, short(name)))
		}
		return r.require(to)
	})
}

// require returns what a module exports. It is evaluated when it is first asked for; one that is
// asked for meanwhile gives what it has exported so far.
func (r *run) require(i int) goja.Value {
	r.step(1)
	if r.modules == nil {
		r.modules = make([]*goja.Object, len(r.prog.units))
	}
	if m := r.modules[i]; m != nil {
		return m.Get("exports")
	}
	u := r.prog.units[i]
	exports := r.vm.NewObject()
	m := r.moduleOf(i, exports)
	r.modules[i] = m
	return r.nested(func() goja.Value {
		r.hold(int64(len(u.places.Source())))
		v, err := r.vm.RunProgram(u.code)
		if err != nil {
			r.again(err)
		}
		do, ok := goja.AssertFunction(v)
		if !ok {
			r.raise(fmt.Errorf("require: %s is no module", u.name))
		}
		if v, err = do(exports, exports, r.requirer(i), m); err != nil {
			r.modules[i] = nil // the next one who asks gets the same error
			r.again(err)
		}
		if u.json {
			_ = m.Set("exports", v)
		}
		_ = m.Set("loaded", true)
		return m.Get("exports")
	})
}

// moduleOf returns the object module of a unit.
func (r *run) moduleOf(i int, exports *goja.Object) *goja.Object {
	m := r.vm.NewObject()
	_ = m.Set("exports", exports)
	_ = m.Set("id", r.prog.units[i].path)
	_ = m.Set("loaded", false)
	return m
}
