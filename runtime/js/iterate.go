package js

import (
	"strconv"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// Natives that walk an iterator cannot be stopped, and an iterator may be without end: its next may
// be a native itself, which counts no steps. So what they are given is walked here, and they get
// a plain array. How arrays are walked cannot be changed by a script that has any.

// lockArrays fixes how arrays are walked, before the script can change it.
func (r *run) lockArrays() {
	list := r.vm.NewArray()
	values := list.GetSymbol(goja.SymIterator)
	do, ok := goja.AssertFunction(values)
	if !ok {
		return
	}
	r.values = values
	_ = list.Prototype().DefineDataPropertySymbol(goja.SymIterator, values, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	v, err := do(list)
	if err != nil {
		return
	}
	if iterators := v.(*goja.Object).Prototype(); iterators != nil {
		_ = iterators.DefineDataProperty("next", iterators.Get("next"), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	}
}

// iterated returns an array of what v iterates over; an array that is walked as arrays are is
// itself. null and undefined, which many natives take, are left alone.
func (r *run) iterated(v goja.Value) goja.Value {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return v
	}
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Array" {
		if walk := o.GetSymbol(goja.SymIterator); r.values != nil && walk != nil && walk.SameAs(r.values) {
			r.listed(v)
			return v
		}
	}
	if s, ok := v.(goja.String); ok {
		r.listed(s)
	}
	var items []any
	r.vm.ForOf(v, func(x goja.Value) bool {
		r.step(1)
		r.hold(runtime.ElementSize / 4)
		r.elements(int64(len(items)) + 1)
		items = append(items, x)
		return true
	})
	return r.vm.NewArray(items...)
}

// iterable says whether a native would walk v as an iterator.
func iterable(v goja.Value) bool {
	o, ok := v.(*goja.Object)
	if !ok {
		return false
	}
	_, ok = goja.AssertFunction(o.GetSymbol(goja.SymIterator))
	return ok
}

// spread takes a list apart for an array.
func (r *run) spread(a []goja.Value) goja.Value { return r.iterated(a[0]) }

// maxArguments is how many arguments a call may have: they go onto a stack, which has no limit of
// its own.
const maxArguments = 1 << 14

// args takes a list apart for the arguments of a call.
func (r *run) args(a []goja.Value) goja.Value {
	list := r.iterated(a[0])
	if o, ok := list.(*goja.Object); ok {
		r.arguments(o.Get("length").ToInteger())
	}
	return list
}

func (r *run) arguments(n int64) {
	if n > maxArguments {
		panic(r.rangeError("a call has at most " + strconv.Itoa(maxArguments) + " arguments"))
	}
}

// keys bounds a thing whose properties are about to become those of another.
func (r *run) keys(a []goja.Value) goja.Value {
	r.properties(a[0])
	return a[0]
}

// properties bounds the work of natives that go over the properties of a text, an array or octets.
func (r *run) properties(v goja.Value) {
	n := int64(0)
	switch x := v.(type) {
	case goja.String:
		n = int64(x.Length())
	case *goja.Object:
		if len := x.Get("length"); len != nil && x.ClassName() != "Function" {
			if t := len.ExportType(); t == intType {
				n = len.ToInteger()
			}
		}
	}
	r.elements(n)
	r.step(n >> 4)
	r.hold(n * runtime.ElementSize * 2)
}

func guardProperties(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		for _, a := range c.Arguments {
			r.properties(a)
		}
		return r.pass(original, c)
	}
}

// propertyGuards bound the natives that make lists of properties.
func propertyGuards() []*guard {
	var list []*guard
	for _, name := range []string{"keys", "values", "entries", "assign", "getOwnPropertyNames", "getOwnPropertyDescriptors", "freeze", "seal", "isFrozen", "isSealed", "defineProperties"} {
		list = append(list, &guard{owner: "Object", static: true, name: name, make: guardProperties})
	}
	return list
}

// octetGuards bound the methods of typed arrays that make text, or take more time than a walk.
func octetGuards() []*guard {
	var also []string
	for name := range typedArrays {
		also = append(also, name)
	}
	return []*guard{
		{owner: typed, name: "join", also: also, make: guardJoin},
		{owner: typed, name: "toLocaleString", also: also, make: guardJoin},
		{owner: typed, name: "toString", also: also, make: guardJoin},
		{owner: typed, name: "sort", make: guardOctetSort},
		{owner: typed, name: "toSorted", make: guardOctetSort},
		{owner: typed, static: true, name: "from", make: guardFrom},
	}
}

// typed stands for the constructor that all typed arrays have theirs from, and which no global
// names.
const typed = "%TypedArray%"

// typedArrays are the octets of an element, by constructor.
var typedArrays = map[string]int64{
	"Int8Array": 1, "Uint8Array": 1, "Uint8ClampedArray": 1, "Int16Array": 2, "Uint16Array": 2, "Int32Array": 4,
	"Uint32Array": 4, "Float32Array": 4, "Float64Array": 8,
}

func guardOctetSort(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if o, ok := c.This.(*goja.Object); ok {
			if n := o.Get("length"); n != nil {
				r.elements(n.ToInteger())
				r.step(n.ToInteger() >> 2)
			}
		}
		return r.nested(func() goja.Value { return r.pass(original, c) })
	}
}

// guardFrom is from, of arrays and of typed ones.
func guardFrom(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if len(c.Arguments) > 0 && (iterable(c.Arguments[0]) || c.Arguments[0].ExportType() == stringType) {
			c.Arguments[0] = r.iterated(c.Arguments[0])
		}
		r.arrayLike(c.Argument(0))
		return r.pass(original, c)
	}
}
