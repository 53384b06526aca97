package sieve

import (
	"strconv"
	"strings"
)

// Namespace declares variables with a dotted name, such as env.host.
//
// Spec: RFC 5229, section 3 (namespace)
type Namespace struct {
	Name string
	// Read returns what reads a variable, whose name is without the namespace. It may
	// report an error and return nil.
	Read func(b *Binder, name string, at Span) func(r *Run) string
	// Write returns what sets one; nil: the namespace is read-only.
	Write func(b *Binder, name string, at Span) func(r *Run, value string) error
}

// Variable returns what sets the variable that a text names, which must be constant. It
// reports what is wrong with the name and then returns nil. Values are cut at the limit of
// variables.
func (b *Binder) Variable(name Text) func(r *Run, value string) error {
	s, ok := b.constantText(name, "the name of a variable")
	if !ok {
		return nil
	}
	if space, rest, dotted := strings.Cut(s, "."); dotted && isIdentifier(space) {
		o, ok := b.lang.registry.namespaces[lowerASCII(space)]
		if ok {
			o = *meantBy(b, &o)
		}
		switch {
		case !ok:
			b.Errorf(name.Span, "unknown namespace %q", clip(space))
		case !b.usable(o.ext):
			b.needs(name.Span, "namespace", space, o.ext)
		case o.def.Write == nil:
			b.Errorf(name.Span, "variables of the namespace %q cannot be set", space)
		default:
			return o.def.Write(b, rest, name.Span)
		}
		return nil
	}
	if !isIdentifier(s) {
		b.Errorf(name.Span, "%q is no name of a variable; expected letters, digits and _, not a digit first", clip(s))
		return nil
	}
	slot := b.slot(s, name.Span)
	return func(r *Run, value string) error {
		r.assign(slot, value)
		return nil
	}
}

// assign gives a variable a text, which is cut at the limit of variables.
func (r *Run) assign(slot int, value string) {
	r.vars[slot] = cutText(value, r.options.VariableSize)
	if r.typed != nil {
		r.forget(slot)
	}
}

// maxVariableName is the longest name of a variable, in characters.
const maxVariableName = 64

// slot returns the number of a variable, whose name has no case.
func (b *Binder) slot(name string, at Span) int {
	key := lowerASCII(name)
	slot, ok := b.slots[key]
	if ok {
		return slot
	}
	if len(name) > maxVariableName {
		b.Errorf(at, "the name of a variable may have at most %d characters", maxVariableName)
	}
	if len(b.slots) == b.lang.options.Variables {
		if b.first("too many variables") {
			b.Errorf(at, "too many variables, at most %d are allowed", b.lang.options.Variables)
		}
		return 0
	}
	slot = b.newSlot(key)
	b.variableSlots()[key] = slot
	return slot
}

// references takes a text apart at its variable references; nil means that it has none.
// What looks like a reference but is none stays as it is.
//
// Spec: RFC 5229, section 3 (variable-ref)
func (b *Binder) references(s string, at Span) []piece {
	var out []piece
	literal := 0 // begin of the text not yet in out
	for i := 0; ; {
		n := strings.Index(s[i:], "${")
		if n < 0 {
			break
		}
		start := i + n
		i = start + 2
		end := i
		for end < len(s) && (isLetter(s[end]) || '0' <= s[end] && s[end] <= '9' || s[end] == '.') {
			end++
		}
		paths := b.on(b.lang.registry.known.stalwartExpressions)
		if paths {
			end = pathEnd(s, i, end)
		}
		name := s[i:end]
		if end == len(s) || s[end] != '}' || !isReference(name) && !(paths && isPath(name)) {
			continue
		}
		i = end + 1
		read := b.reference(name, at)
		if read == nil {
			read = func(*Run) string { return "" }
		}
		if start > literal {
			out = append(out, piece{text: s[literal:start]})
		}
		out = append(out, piece{read: read})
		literal = i
	}
	if out != nil && literal < len(s) {
		out = append(out, piece{text: s[literal:]})
	}
	return out
}

// reference returns what reads a variable; its name is as the grammar wants it.
func (b *Binder) reference(name string, at Span) func(r *Run) string {
	if '0' <= name[0] && name[0] <= '9' {
		n, err := strconv.Atoi(name)
		if err != nil || n > b.lang.options.Captures {
			b.Errorf(at, "\"${%s}\": only ${0} to ${%d} are kept", clip(name), b.lang.options.Captures)
			return nil
		}
		return func(r *Run) string {
			if n < len(r.captures) {
				return r.captures[n]
			}
			return ""
		}
	}
	if space, rest, dotted := strings.Cut(name, "."); dotted {
		o, ok := b.lang.registry.namespaces[lowerASCII(space)]
		if ok {
			o = *meantBy(b, &o)
		}
		switch {
		case !ok:
			b.Errorf(at, "unknown namespace %q in \"${%s}\"", clip(space), clip(name))
		case !b.usable(o.ext):
			b.needs(at, "namespace", space, o.ext)
		default:
			return o.def.Read(b, rest, at)
		}
		return nil
	}
	slot := b.slot(name, at)
	return func(r *Run) string { return r.vars[slot] }
}

// isReference says whether s may stand between ${ and }: a number, or identifiers with
// dots between them, the last of which may be a number.
func isReference(s string) bool {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		if !isIdentifier(p) && !(i == len(parts)-1 && isNumber(p)) {
			return false
		}
	}
	return true
}

func isIdentifier(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLetter(s[i]) && (i == 0 || s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
