package js

import (
	"slices"
	"strconv"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// readers and writers are the methods of arrays that need no more than a bound on the
// length of the list.
var (
	readers = []string{"indexOf", "lastIndexOf", "includes", "slice", "map", "filter", "forEach", "reduce", "reduceRight",
		"some", "every", "find", "findIndex", "findLast", "findLastIndex", "at", "keys", "values", "entries",
		"toReversed", "toSpliced", "with", "toLocaleString"}
	writers = []string{"splice", "reverse", "copyWithin", "push", "pop", "shift", "unshift", "fill"}
)

// listGuards bound the work of the methods of arrays by the length of the array.
func listGuards() []*guard {
	var list []*guard
	for _, name := range readers {
		list = append(list, &guard{owner: "Array", name: name, make: guardList(false)})
	}
	for _, name := range writers {
		list = append(list, &guard{owner: "Array", name: name, make: guardList(true)})
	}
	return append(list,
		&guard{owner: "Array", name: "join", lists: true, make: guardJoin},
		&guard{owner: "Array", name: "toString", also: []string{"join"}, make: guardNested},
		&guard{owner: "Array", name: "concat", make: guardConcatLists},
		&guard{owner: "Array", name: "flat", make: guardFlat},
		&guard{owner: "Array", name: "flatMap", make: guardFlatMap},
		&guard{owner: "Array", name: "sort", make: guardSort},
		&guard{owner: "Array", name: "toSorted", make: guardSort},
		&guard{owner: "Array", static: true, name: "from", make: guardFrom},
	)
}

// list returns the array that a method works on. Of a thing that only looks like an array it
// is a copy, as its length might be another each time it is asked for.
func (r *run) list(this goja.Value, writes bool) (*goja.Object, int64) {
	if this == nil || goja.IsUndefined(this) || goja.IsNull(this) {
		panic(r.vm.NewTypeError("Cannot convert undefined or null to object"))
	}
	o := this.ToObject(r.vm)
	n := o.Get("length")
	if n == nil {
		n = r.vm.ToValue(0)
	}
	length := n.ToInteger()
	r.elements(length)
	r.step(1 + length>>6)
	if o.ClassName() == "Array" {
		return o, length
	}
	if writes {
		panic(r.vm.NewTypeError("this method changes arrays only"))
	}
	items := make([]any, max(length, 0))
	for i := range items {
		if v := o.Get(strconv.Itoa(i)); v != nil {
			items[i] = v
		} else {
			items[i] = goja.Undefined()
		}
	}
	return r.vm.NewArray(items...), length
}

// arrayLike bounds the length of an argument that a native walks.
func (r *run) arrayLike(v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		if s, ok := v.(goja.String); ok {
			r.elements(int64(s.Length()))
		}
		return
	}
	if n := o.Get("length"); n != nil {
		r.elements(n.ToInteger())
		r.step(n.ToInteger() >> 6)
	}
}

func guardList(writes bool) func(*run, goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
		return func(c goja.FunctionCall) goja.Value {
			c.This, _ = r.list(c.This, writes)
			return r.nested(func() goja.Value { return r.pass(original, c) })
		}
	}
}

// guardNested bounds how often a native calls itself by way of a method that the script
// has put in place of another.
func guardNested(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		return r.nested(func() goja.Value { return r.pass(original, c) })
	}
}

// guardJoin is join, done here: it is what turns an array into text wherever one is
// needed. A list that holds itself is empty inside itself.
func guardJoin(r *run, _ goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		o, n := r.list(c.This, false)
		if slices.Contains(r.joining, o) {
			return r.vm.ToValue("")
		}
		r.joining = append(r.joining, o)
		defer func() { r.joining = r.joining[:len(r.joining)-1] }()
		sep := r.vm.ToValue(",").(goja.String)
		if a := c.Argument(0); !goja.IsUndefined(a) {
			sep = r.str(a)
		}
		return r.nested(func() goja.Value {
			var b goja.StringBuilder
			size := 0
			add := func(s goja.String) {
				size += s.Length()
				r.output(s.Length())
				r.text(size)
				b.WriteString(s)
			}
			for i := range n {
				r.step(1)
				if i > 0 {
					add(sep)
				}
				v := o.Get(strconv.FormatInt(i, 10))
				if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
					continue
				}
				add(r.str(v))
			}
			return b.String()
		})
	}
}

func guardConcatLists(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		_, total := r.list(c.This, false)
		for _, a := range c.Arguments {
			if o, ok := a.(*goja.Object); ok && (o.ClassName() == "Array" || o.GetSymbol(goja.SymIsConcatSpreadable) != nil) {
				r.arrayLike(a)
				total += o.Get("length").ToInteger()
			}
		}
		r.elements(total)
		r.hold(total * runtime.ElementSize / 4)
		c.This, _ = r.list(c.This, false)
		return r.pass(original, c)
	}
}

func guardFlat(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		o, _ := r.list(c.This, false)
		depth := int64(1)
		if a := c.Argument(0); !goja.IsUndefined(a) {
			depth = a.ToInteger()
		}
		total := int64(0)
		r.flattened(o, depth, &total)
		r.hold(total * runtime.ElementSize / 4)
		c.This = o
		return r.pass(original, c)
	}
}

// flattened counts the elements that flat will make.
func (r *run) flattened(o *goja.Object, depth int64, total *int64) {
	r.nested(func() goja.Value {
		n := o.Get("length").ToInteger()
		r.elements(n)
		for i := range n {
			r.step(1)
			if inner, ok := o.Get(strconv.FormatInt(i, 10)).(*goja.Object); ok && depth > 0 && inner.ClassName() == "Array" {
				r.flattened(inner, depth-1, total)
				continue
			}
			*total++
			r.elements(*total)
		}
		return nil
	})
}

func guardFlatMap(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		c.This, _ = r.list(c.This, false)
		do, ok := goja.AssertFunction(c.Argument(0))
		if !ok {
			return r.pass(original, c)
		}
		total := int64(0)
		counted := r.vm.ToValue(func(m goja.FunctionCall) goja.Value {
			v, err := do(m.This, m.Arguments...)
			if err != nil {
				r.again(err)
			}
			total++
			if o, ok := v.(*goja.Object); ok && o.ClassName() == "Array" {
				total += o.Get("length").ToInteger()
			}
			r.elements(total)
			r.step(1)
			return v
		})
		c.Arguments = append([]goja.Value{counted}, c.Arguments[1:]...)
		return r.pass(original, c)
	}
}

// guardSort gives a sort without a comparison one that counts, since the native's
// cannot be stopped.
func guardSort(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		c.This, _ = r.list(c.This, true)
		if goja.IsUndefined(c.Argument(0)) {
			c.Arguments = []goja.Value{r.vm.ToValue(func(p goja.FunctionCall) goja.Value {
				x, y := r.str(p.Argument(0)), r.str(p.Argument(1))
				r.step(1 + int64(min(x.Length(), y.Length()))>>8)
				return r.vm.ToValue(x.CompareTo(y))
			})}
		}
		return r.nested(func() goja.Value { return r.pass(original, c) })
	}
}
