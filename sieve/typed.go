package sieve

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// Variables hold text. Those that let of vnd.stalwart.expressions has set keep their value
// beside it, where the text does not say what it was.

// typedValue returns the value of a variable: a number if its text is one as it is printed.
func (r *Run) typedValue(slot int) runtime.Value {
	if v, ok := r.typed[slot]; ok {
		return v
	}
	if n := printedNumber(r.vars[slot]); n != nil {
		return n
	}
	return r.vars[slot]
}

// printedNumber returns the number that a text is as it is printed, nil if it is none.
func printedNumber(s string) runtime.Value {
	if s == "" || len(s) > 40 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return nil
	}
	if !strings.Contains(s, ".") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
			return n
		}
		return nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == s {
		return f
	}
	return nil
}

// assignTyped gives a variable a value.
func (r *Run) assignTyped(slot int, v runtime.Value) error {
	s, err := r.stalwartText(v)
	if err != nil {
		return err
	}
	if err := r.task.Output(len(s)); err != nil {
		return err
	}
	r.assign(slot, s)
	switch v := v.(type) {
	case string:
		if s = r.vars[slot]; printedNumber(s) == nil {
			return nil
		}
		return r.keep(slot, s)
	case int64:
		return nil
	case float64:
		if f, ok := printedNumber(s).(float64); ok && f == v || math.IsNaN(v) {
			return nil
		}
	}
	return r.keep(slot, v)
}

// maxTypedDepth is how deep the lists of a variable may be nested.
const maxTypedDepth = 64

// keep notes the value of a variable beside its text.
func (r *Run) keep(slot int, v runtime.Value) error {
	left := r.task.Limits().Memory - r.held
	before := left
	if err := sizeWithin(v, &left, maxTypedDepth); err != nil {
		return err
	}
	if left < 0 {
		return &runtime.LimitError{Limit: "memory", Max: r.task.Limits().Memory}
	}
	if r.typed == nil {
		r.typed = map[int]runtime.Value{}
	}
	r.typed[slot] = v
	r.held += before - left
	return r.task.Step((before - left) / runtime.ElementSize)
}

// forget drops the value that is kept beside the text of a variable.
func (r *Run) forget(slot int) {
	v, ok := r.typed[slot]
	if !ok {
		return
	}
	left := int64(math.MaxInt64)
	if sizeWithin(v, &left, maxTypedDepth) == nil {
		r.held -= math.MaxInt64 - left
	}
	delete(r.typed, slot)
}

// sizeWithin takes what a value holds from left, and ends when nothing is left: lists may
// share parts, which count as often as they are met.
func sizeWithin(v runtime.Value, left *int64, depth int) error {
	if depth < 0 {
		return errors.New("value is nested too deeply")
	}
	switch v := v.(type) {
	case string:
		*left -= int64(len(v))
	case []runtime.Value:
		*left -= int64(len(v)) * runtime.ElementSize
		for _, e := range v {
			if *left < 0 {
				return nil
			}
			if err := sizeWithin(e, left, depth-1); err != nil {
				return err
			}
		}
	case map[string]runtime.Value:
		*left -= int64(len(v)) * runtime.ElementSize
		for k, e := range v {
			if *left -= int64(len(k)); *left < 0 {
				return nil
			}
			if err := sizeWithin(e, left, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// typedVariable is Variable for values that are no texts.
func (b *Binder) typedVariable(name Text) func(r *Run, v runtime.Value) error {
	s, ok := b.constantText(name, "the name of a variable")
	if !ok {
		return nil
	}
	slot := -1
	space, rest, dotted := strings.Cut(s, ".")
	switch space = lowerASCII(space); {
	case !dotted && isIdentifier(s):
		slot = b.slot(s, name.Span)
	case dotted && (space == "global" || space == "t"):
		if slot, ok = b.namespaceGlobal(rest, name.Span); !ok {
			return nil
		}
	default:
		b.Variable(name) // says what is wrong
		return nil
	}
	return func(r *Run, v runtime.Value) error { return r.assignTyped(slot, v) }
}

// firstMessage returns the text of an error of an expression without its place.
func firstMessage(err error) string {
	if e, ok := errors.AsType[*runtime.SourceError](err); ok {
		return e.Msg
	}
	return err.Error()
}

// pathEnd returns the end of a path such as header.to[*].addr that begins at i, whose plain
// part ends at end.
func pathEnd(s string, i, end int) int {
	const header = "header."
	if len(s)-i < len(header) || lowerASCII(s[i:i+len(header)]) != header {
		return end
	}
	for end = i; end < len(s) && (isLetter(s[end]) || '0' <= s[end] && s[end] <= '9' || strings.IndexByte(".-:*[]", s[end]) >= 0); {
		end++
	}
	return end
}

func isPath(name string) bool { return len(name) > 7 && lowerASCII(name[:7]) == "header." }
