package js

import (
	"regexp/syntax"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// Patterns with look-around or back references are matched by another engine, which gives
// up (no match) after matchTime.
const (
	matchTime = 200 * time.Millisecond
	otherCost = 1 << 8 // instructions that a pattern of the other engine counts as
)

func init() { regexp2.DefaultMatchTimeout = matchTime }

// patternGuards bound what regular expressions cost.
func patternGuards() []*guard {
	list := []*guard{
		{owner: "RegExp", name: "exec", also: []string{"RegExp"}, make: guardExec},
		{owner: "RegExp", name: "test", also: []string{"RegExp"}, make: guardExec},
		{owner: "RegExp", name: "RegExp", also: []string{"constructor"}, construct: func(r *run, args []goja.Value) {
			if len(args) > 0 {
				r.patternText(args[0])
			}
		}},
	}
	for name := range symbols {
		list = append(list, &guard{owner: "RegExp", name: name, also: []string{"Symbol"}, make: guardSymbol})
	}
	return list
}

func guardExec(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if o, ok := c.This.(*goja.Object); ok {
			s := r.str(c.Argument(0))
			if len(c.Arguments) > 0 {
				c.Arguments[0] = s
			}
			r.matching(o, s)
		}
		return r.nested(func() goja.Value { return r.pass(original, c) })
	}
}

// guardSymbol is guardExec for what may find all matches at once.
func guardSymbol(r *run, original goja.Callable) func(goja.FunctionCall) goja.Value {
	do := guardExec(r, original)
	return func(c goja.FunctionCall) goja.Value {
		if len(c.Arguments) > 0 {
			s := r.str(c.Arguments[0])
			c.Arguments[0] = s
			r.found(c.This, s)
		}
		return do(c)
	}
}

// matching counts a match of a pattern, given as an object or a text, with s.
func (r *run) matching(pattern goja.Value, s goja.String) {
	cost := int64(1)
	switch p := pattern.(type) {
	case *goja.Object:
		if p.ClassName() != "RegExp" {
			return
		}
		cost = r.cost(p.Get("source").String())
	case goja.String:
		r.patternText(p)
		cost = int64(p.Length())
	}
	cost *= int64(s.Length() + 1)
	if cost > runtime.MaxMatch {
		r.end(&runtime.LimitError{Limit: "steps", Max: r.limits.Steps})
	}
	r.step(cost / runtime.MatchStep)
}

// patternText bounds the text of a pattern.
func (r *run) patternText(v goja.Value) {
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "RegExp" {
		return
	}
	if s, ok := v.(goja.String); ok && s.Length() > runtime.MaxPattern {
		panic(r.rangeError("pattern is too long"))
	}
	if s, ok := v.(goja.String); ok {
		r.cost(s.String())
	}
}

// cost returns about how many instructions a pattern has, and refuses one that is too
// large once its repetitions are written out.
func (r *run) cost(source string) int64 {
	if n, ok := r.patterns[source]; ok {
		return n
	}
	n := int64(otherCost)
	if tree, err := syntax.Parse(source, syntax.Perl); err == nil {
		n = runtime.Instructions(tree)
	}
	if n > runtime.MaxInstructions {
		panic(r.rangeError("pattern is too large once its repetitions are written out"))
	}
	if r.patterns == nil {
		r.patterns = map[string]int64{}
	}
	r.patterns[source] = n
	return n
}
