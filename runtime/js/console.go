package js

import (
	"strings"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// consoleMethods are the methods of console, and the kinds of the notes that they leave.
var consoleMethods = map[string]string{
	"log": "debug", "info": "debug", "debug": "debug", "warn": "problem", "error": "problem",
}

// maxShown bounds the octets of one note; the record keeps less.
const maxShown = 4 << 10

// console returns the object that scripts know as console. What it is given goes to the
// record of the run, as debug_log does it, and counts as output.
func (r *run) console() *goja.Object {
	o := r.vm.NewObject()
	for name, kind := range consoleMethods {
		_ = o.Set(name, func(c goja.FunctionCall) goja.Value {
			var b strings.Builder
			for i, a := range c.Arguments {
				if i > 0 {
					b.WriteByte(' ')
				}
				if b.WriteString(r.shown(a)); b.Len() > maxShown {
					break
				}
			}
			text := b.String()
			r.output(len(text))
			if _, err := r.task.Invoke("debug_log", strings.ToValidUTF8(text[:min(len(text), maxShown)], ""), kind); err != nil {
				r.raise(err)
			}
			return goja.Undefined()
		})
	}
	return o
}

// shown returns a value as a note shows it: a text as it is, lists and maps as the table's
// literals, anything else as JavaScript makes text of it.
func (r *run) shown(v goja.Value) string {
	if o, ok := v.(*goja.Object); ok {
		switch o.ClassName() {
		case "Array", "Object":
			if x, err := r.export(v); err == nil {
				return runtime.ValueText(x)
			}
		case "Function":
			return "[function]"
		}
	}
	if s, ok := v.(*goja.Symbol); ok {
		return s.String()
	}
	if v.ExportType() == bigType {
		return v.String() + "n"
	}
	return r.str(v).String()
}
