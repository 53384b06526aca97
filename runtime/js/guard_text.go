package js

import (
	"strings"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// textGuards bound what the methods of strings make.
func textGuards() []*guard {
	method := func(name string, make func(*run, goja.Callable) func(goja.FunctionCall) goja.Value) *guard {
		return &guard{owner: "String", name: name, make: make}
	}
	return []*guard{
		method("repeat", guardRepeat),
		method("padStart", guardPad),
		method("padEnd", guardPad),
		method("concat", guardConcat),
		method("split", guardSplit),
		method("replace", guardReplace),
		method("replaceAll", guardReplace),
		method("match", guardMatch),
		method("matchAll", guardMatch),
		method("search", guardMatch),
		method("normalize", guardNormalize),
		{owner: "String", static: true, name: "raw", make: func(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
			return func(c goja.FunctionCall) goja.Value {
				if o, ok := c.Argument(0).(*goja.Object); ok {
					r.listed(o.Get("raw"))
					if raw, ok := o.Get("raw").(*goja.Object); !ok || raw.ClassName() != "Array" {
						panic(r.vm.NewTypeError("String.raw is a template's tag"))
					}
				}
				return r.pass(original, c)
			}
		}},
	}
}

// self returns the text that a method is called on, and makes the call see it as it is
// now. null and undefined are left to the native.
func (r *run) self(c *goja.FunctionCall) (goja.String, bool) {
	if c.This == nil || goja.IsUndefined(c.This) || goja.IsNull(c.This) {
		return nil, false
	}
	s := r.str(c.This)
	c.This = s
	return s, true
}

func guardRepeat(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok && s.Length() > 0 {
			n := c.Argument(0).ToInteger()
			if n > r.limits.Output {
				n = r.limits.Output + 1
			}
			if n > 0 {
				size := n * int64(s.Length())
				r.text(int(min(size, 1<<40)))
				r.output(int(size))
			}
			c.Arguments = []goja.Value{r.vm.ToValue(c.Argument(0).ToFloat())}
		}
		return r.pass(original, c)
	}
}

func guardPad(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok {
			if n := c.Argument(0).ToInteger(); n > int64(s.Length()) {
				r.text(int(min(n, 1<<40)))
				r.output(int(n))
			}
		}
		return r.pass(original, c)
	}
}

func guardConcat(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok {
			total := s.Length()
			for i, a := range c.Arguments {
				t := r.str(a)
				c.Arguments[i] = t
				total += t.Length()
			}
			r.text(total)
			r.output(total)
		}
		return r.pass(original, c)
	}
}

func guardNormalize(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok {
			r.output(s.Length())
		}
		return r.pass(original, c)
	}
}

func guardSplit(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok {
			n := int64(s.Length())
			switch sep := c.Argument(0).(type) {
			case *goja.Object:
				r.matching(sep, s)
				r.step(int64(s.Length() >> 3))
			case goja.String:
				if sep.Length() > 0 {
					n = int64(strings.Count(s.String(), sep.String())) + 1
				}
			default:
				n = 1
			}
			if most := c.Argument(1); !goja.IsUndefined(most) {
				if m := most.ToInteger(); m >= 0 {
					n = min(n, m)
				}
			}
			r.elements(n)
			r.step(n >> 6)
			r.hold(n * runtime.ElementSize / 4)
		}
		return r.pass(original, c)
	}
}

func guardMatch(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s, ok := r.self(&c); ok {
			r.matching(c.Argument(0), s)
			r.step(int64(s.Length() >> 3))
			r.found(c.Argument(0), s)
		}
		return r.pass(original, c)
	}
}

// manyMatches is a length of text below which it does not matter if each character is a match.
const manyMatches = 256 << 10

// found counts what a native keeps of all matches in a text, if it looks for more than one.
func (r *run) found(pattern goja.Value, s goja.String) {
	n := s.Length() - manyMatches
	if n <= 0 {
		return
	}
	if o, ok := pattern.(*goja.Object); ok {
		if global := o.Get("global"); global == nil || !global.ToBoolean() {
			return
		}
	}
	r.hold(int64(n) * runtime.ElementSize)
}

// smallReplace is what a replacement may make at worst without being counted match by
// match.
const smallReplace = 64 << 10

func guardReplace(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		s, ok := r.self(&c)
		if !ok {
			return r.pass(original, c)
		}
		r.matching(c.Argument(0), s)
		r.step(int64(s.Length() >> 3)) // the native finds all matches before it asks for one
		r.found(c.Argument(0), s)
		with, isFunction := goja.AssertFunction(c.Argument(1))
		var text goja.String
		if !isFunction {
			text = r.str(c.Argument(1))
			worst := int64(s.Length()+1) * int64(text.Length()+1)
			if worst <= smallReplace && !strings.Contains(text.String(), "$") {
				r.output(int(worst))
				c.Arguments = []goja.Value{c.Argument(0), text}
				return r.pass(original, c)
			}
		}
		counted := func(m goja.FunctionCall) goja.Value {
			var part goja.String
			if isFunction {
				v, err := with(goja.Undefined(), m.Arguments...)
				if err != nil {
					r.again(err)
				}
				part = r.str(v)
			} else {
				part = r.substitute(text.String(), m.Arguments)
			}
			r.step(1)
			r.output(part.Length() + 1)
			return part
		}
		c.Arguments = []goja.Value{c.Argument(0), r.vm.ToValue(counted)}
		return r.pass(original, c)
	}
}

// substitute puts the parts of a match into a replacement text. args are those of a
// replacing function: match, captures, position, string, and the named captures if there
// are any.
//
// Spec: ECMA-262, GetSubstitution.
func (r *run) substitute(text string, args []goja.Value) goja.String {
	n := len(args)
	var named *goja.Object
	if o, ok := args[n-1].(*goja.Object); ok {
		named, n = o, n-1
	}
	whole, at := r.str(args[n-1]), int(args[n-2].ToInteger())
	match, captures := r.str(args[0]), args[1:n-2]
	var b goja.StringBuilder
	size := 0
	add := func(s goja.String) {
		size += s.Length()
		r.text(size)
		b.WriteString(s)
	}
	capture := func(v goja.Value) {
		if v != nil && !goja.IsUndefined(v) {
			add(r.str(v))
		}
	}
	literal := func(s string) { add(r.vm.ToValue(s).(goja.String)) }
	for text != "" {
		before, rest, ok := strings.Cut(text, "$")
		literal(before)
		if !ok {
			break
		}
		text = rest
		number, digits := digitsOf(rest, len(captures))
		end := strings.IndexByte(rest, '>')
		switch {
		case strings.HasPrefix(rest, "$"):
			literal("$")
			text = rest[1:]
		case strings.HasPrefix(rest, "&"):
			add(match)
			text = rest[1:]
		case strings.HasPrefix(rest, "`"):
			add(whole.Substring(0, at))
			text = rest[1:]
		case strings.HasPrefix(rest, "'"):
			add(whole.Substring(min(at+match.Length(), whole.Length()), whole.Length()))
			text = rest[1:]
		case digits > 0:
			capture(captures[number-1])
			text = rest[digits:]
		case named != nil && strings.HasPrefix(rest, "<") && end > 0:
			capture(named.Get(rest[1:end]))
			text = rest[end+1:]
		default:
			literal("$")
		}
	}
	return b.String()
}

// digitsOf reads the number of a capture, of two digits if there are so many captures.
func digitsOf(text string, captures int) (number, digits int) {
	for i := range min(2, len(text)) {
		if text[i] < '0' || text[i] > '9' {
			break
		}
		if n := number*10 + int(text[i]-'0'); n <= captures {
			number, digits = n, i+1
		} else {
			break
		}
	}
	if number == 0 {
		return 0, 0
	}
	return number, digits
}
