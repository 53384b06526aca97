package js

import (
	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// site tells the outcome of a condition: number, value.
func (r *run) site(a []goja.Value) goja.Value {
	o := runtime.False
	if a[1].ToBoolean() {
		o = runtime.True
	}
	r.hit(a[0], o)
	return a[1]
}

// siteCall calls a function of the table and tells its outcome: number, name, arguments.
func (r *run) siteCall(a []goja.Value) goja.Value {
	f := runtime.Lookup(a[1].String())
	if f == nil {
		return goja.Undefined()
	}
	o := runtime.Failed
	defer func() { r.hit(a[0], o) }()
	v := r.invoke(f, a[2:])
	switch {
	case v.ExportType() != boolType:
		o = runtime.Reached
	case v.ToBoolean():
		o = runtime.True
	default:
		o = runtime.False
	}
	return v
}

// hit tells an outcome, if there is such a site: a script could call the hidden
// functions by a computed name.
func (r *run) hit(number goja.Value, o runtime.Outcome) {
	if n := number.ToInteger(); n >= 0 && n < int64(len(r.prog.sites)) {
		r.task.Hit(int(n), o)
	}
}
