package js

import (
	"slices"
	"strconv"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// otherGuards bound JSON, calls with lists, and the natives that can come back to
// themselves.
func otherGuards() []*guard {
	return []*guard{
		{owner: "JSON", static: true, name: "stringify", make: guardStringify},
		{owner: "JSON", static: true, name: "parse", make: guardParse},
		{owner: "Function", name: "apply", make: func(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
			return func(c goja.FunctionCall) goja.Value {
				if o, ok := c.Argument(1).(*goja.Object); ok {
					if n := o.Get("length"); n != nil {
						r.arguments(n.ToInteger())
					}
				}
				return r.nested(func() goja.Value { return r.pass(original, c) })
			}
		}},
		{owner: "Function", name: "call", make: guardNested},
		{owner: "Function", name: "bind", make: guardBind},
		{owner: "Object", name: "toLocaleString", make: guardNested},
		{owner: "Object", static: true, name: "fromEntries", make: func(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
			return func(c goja.FunctionCall) goja.Value {
				if len(c.Arguments) > 0 {
					c.Arguments[0] = r.iterated(c.Arguments[0])
				}
				return r.pass(original, c)
			}
		}},
		{owner: "RegExp", name: "toString", also: []string{"source", "flags"}, with: []string{"RegExp", "constructor", literalPattern}, make: guardNested},
		{owner: "DataView", name: "setBigInt64", make: guardBigOctets},
		{owner: "DataView", name: "setBigUint64", make: guardBigOctets},
		{owner: "Error", name: "toString", also: []string{"message", "name"}, make: guardNested},
		{owner: "BigInt", static: true, name: "asIntN", make: guardBits},
		{owner: "BigInt", static: true, name: "asUintN", make: guardBits},
		{owner: "Date", name: "toJSON", also: []string{"toISOString"}, make: guardNested},
	}
}

// guardStringify goes over a value before the native does, which recurses into it and
// cannot be stopped.
func guardStringify(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		space := 0
		if s, ok := c.Argument(2).(goja.String); ok {
			space = min(s.Length(), 10)
		} else if !goja.IsUndefined(c.Argument(2)) {
			space = 10
		}
		r.written(c.Argument(0), nil, space)
		return r.nested(func() goja.Value { return r.pass(original, c) })
	}
}

// written counts what JSON.stringify will write of v. A value that holds itself is left
// to the native, which says so.
func (r *run) written(v goja.Value, path []*goja.Object, space int) {
	r.step(1)
	r.output(1 + space*len(path))
	switch x := v.(type) {
	case goja.String:
		r.output(x.Length())
	case *goja.Object:
		if slices.Contains(path, x) {
			return
		}
		if len(path) >= r.limits.Nesting {
			r.end(&runtime.LimitError{Limit: "nesting", Max: int64(r.limits.Nesting)})
		}
		path = append(path, x)
		if x.ClassName() == "Array" {
			n := x.Get("length").ToInteger()
			r.elements(n)
			for i := range n {
				r.written(x.Get(strconv.FormatInt(i, 10)), path, space)
			}
			return
		}
		if _, ok := goja.AssertFunction(x); ok {
			return
		}
		for _, k := range x.Keys() {
			r.output(len(k))
			r.written(x.Get(k), path, space)
		}
	}
}

// guardParse bounds how deep a text nests: the native recurses as deep.
func guardParse(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		text := c.Argument(0).ToString()
		depth, quoted := 0, false
		s := text.String()
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case quoted:
			case s[i] == '[' || s[i] == '{':
				if depth++; depth > r.limits.Nesting {
					r.end(&runtime.LimitError{Limit: "nesting", Max: int64(r.limits.Nesting)})
				}
			case s[i] == ']' || s[i] == '}':
				depth--
			}
		}
		r.step(int64(len(s) >> 6))
		r.hold(int64(len(s)) * 4)
		if len(c.Arguments) > 0 {
			c.Arguments[0] = text
		}
		return r.pass(original, c)
	}
}

// maxBinds bounds how many functions a run may bind: one that is bound to one that is
// bound calls as deep as there are.
const maxBinds = 1000

func guardBind(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if r.binds++; r.binds > maxBinds {
			r.end(&runtime.LimitError{Limit: "nesting", Max: maxBinds})
		}
		return r.pass(original, c)
	}
}

// guardBits bounds BigInt.asIntN and asUintN, which make a BigInt of as many bits as they are told.
func guardBits(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		n := c.Argument(0).ToInteger()
		r.bits(n)
		c.Arguments = []goja.Value{r.vm.ToValue(n), r.digits(c.Argument(1))}
		return r.pass(original, c)
	}
}

func guardBigOctets(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if len(c.Arguments) > 1 {
			c.Arguments[1] = r.digits(c.Arguments[1])
		}
		return r.pass(original, c)
	}
}

// constructorGuards bound what is made in one piece.
func constructorGuards() []*guard {
	list := []*guard{
		{owner: "Array", construct: func(r *run, args []goja.Value) {
			if len(args) == 1 {
				if t := args[0].ExportType(); t == intType || t == floatType {
					r.elements(args[0].ToInteger())
					r.hold(args[0].ToInteger() * runtime.ElementSize / 4)
				}
			}
		}},
		{owner: "ArrayBuffer", construct: octets(1)},
		{owner: "Set", construct: lists},
		{owner: "Map", construct: lists},
		{owner: "WeakSet", construct: lists},
		{owner: "WeakMap", construct: lists},
		{owner: "AggregateError", construct: lists},
	}
	for name, width := range typedArrays {
		list = append(list, &guard{owner: name, construct: octets(width)})
	}
	list = append(list, &guard{owner: "BigInt", plain: true, construct: func(r *run, args []goja.Value) {
		if len(args) > 0 {
			args[0] = r.digits(args[0])
		}
	}})
	for _, g := range list {
		g.name, g.also = g.owner, []string{"constructor"}
	}
	return list
}

// octets counts a buffer that is about to be made, of elements of a width.
func octets(width int64) func(r *run, args []goja.Value) {
	return func(r *run, args []goja.Value) {
		if len(args) == 0 {
			return
		}
		if o, ok := args[0].(*goja.Object); ok {
			if iterable(o) {
				args[0] = r.iterated(o)
				o = args[0].(*goja.Object)
			}
			if n := o.Get("length"); n != nil {
				r.elements(n.ToInteger())
				r.hold(n.ToInteger() * width)
			}
			return
		}
		n := min(args[0].ToInteger(), 1<<40)
		r.elements(n * width / 8) // natives walk them
		if n > 0 {
			r.hold(n * width)
		}
	}
}

func lists(r *run, args []goja.Value) {
	if len(args) > 0 {
		args[0] = r.iterated(args[0])
	}
}
