package sieve

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"
)

// Where an included script comes from.
//
// Spec: RFC 6609, section 3.2
const (
	IncludePersonal = "personal"
	IncludeGlobal   = "global"
)

// IncludeFunc returns the source of a script that another includes, and the name that errors
// show for it. location is IncludePersonal or IncludeGlobal; name is never a path. An error that
// is fs.ErrNotExist says that there is no such script.
type IncludeFunc = func(location, name string) (file string, source []byte, err error)

// errReturn ends an included script, or the main one as stop does.
var errReturn = errors.New("return")

// included is a script that another includes. It is bound once, however often it is included.
type included struct {
	file   string
	number int
	block  Block
	slots  []int // of its variables
	active bool  // it is being bound
	broken bool
}

// library is what the scripts of a program share while they are bound.
type library struct {
	scripts map[string]*included // by location and name
	errors  []*Error             // of included scripts
	octets  int                  // of their sources
	globals map[string]int       // slots of global variables by name in lower case
	atEnd   uint64               // which of the registry's atEnd have something to do there
}

// maxIncludedSize says how many times the limit of one script all of them may have together.
const maxIncludedSize = 4

// include binds the script that a command includes, nil if there is none or an error was reported.
// active says that it is the one that is being bound, or one that includes it.
func (b *Binder) include(at Span, location, name string, optional, once bool) (inc *included) {
	key := location + "/" + name
	lib := b.library
	if inc = lib.scripts[key]; inc != nil {
		switch {
		case inc.active && once:
			return nil // by then it is always included already
		case inc.active:
			b.Errorf(at, "script %q includes itself, through others perhaps", clip(name))
			return nil
		case inc.broken:
			b.Errorf(at, "script %q has errors", clip(name))
			return nil
		}
		return inc
	}
	o := &b.lang.options
	if b.nested >= o.IncludeDepth {
		b.Errorf(at, "scripts may include each other %d deep at most", o.IncludeDepth)
		return nil
	}
	if len(lib.scripts) >= o.Includes {
		b.Errorf(at, "at most %d scripts may be included", o.Includes)
		return nil
	}
	load := b.options.Include
	if load == nil {
		load = o.Include
	}
	err := fs.ErrNotExist
	var file string
	var source []byte
	if load != nil {
		file, source, err = load(location, name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && optional:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		b.Errorf(at, "there is no %s script %q", location, clip(name))
		return nil
	case err != nil:
		b.Errorf(at, "script %q cannot be read: %s", clip(name), err)
		return nil
	}
	if lib.octets += len(source); lib.octets > maxIncludedSize*o.Source.Size {
		b.Errorf(at, "the included scripts have over %d octets together", maxIncludedSize*o.Source.Size)
		return nil
	}
	if file == "" {
		file = name
	}
	inc = &included{file: file, number: len(lib.scripts), active: true}
	if lib.scripts == nil {
		lib.scripts = map[string]*included{}
	}
	lib.scripts[key] = inc
	errs := b.bindIncluded(inc, source)
	inc.active = false
	if len(errs) > 0 {
		inc.broken = true
		if room := o.Source.Errors - len(lib.errors); len(errs) > room {
			errs = errs[:max(room, 0)]
		}
		lib.errors = append(lib.errors, errs...)
		b.Errorf(at, "script %q has errors", clip(name))
		return nil
	}
	return inc
}

// bindIncluded parses and binds a script that b includes, and returns its errors.
func (b *Binder) bindIncluded(inc *included, source []byte) []*Error {
	tree, errs := ParseWithin(inc.file, source, b.lang.options.Source)
	if len(errs) > 0 {
		return errs
	}
	sub := &Binder{}
	sub.begin(b.lang, tree, &b.options)
	sub.prog, sub.headers, sub.library = b.prog, b.headers, b.library
	sub.nested, sub.source, sub.tree = b.nested+1, len(b.prog.sources), b.tree
	b.prog.sources = append(b.prog.sources, programSource{inc.file, tree.Source})
	inc.block = sub.all()
	for key, slot := range sub.slots {
		if global, ok := b.library.globals[key]; !ok || global != slot {
			inc.slots = append(inc.slots, slot)
		}
	}
	return sub.errors
}

// all binds all commands of the script.
func (b *Binder) all() Block {
	known := b.lang.registry.known
	if b.lang.options.NoRequire {
		b.active.add(known.variables)
		if b.lang.options.Stalwart != nil {
			b.active.add(known.stalwartExpressions)
		}
	}
	b.conditions.expect(b.script.tests)
	b.steps.expect(b.script.nodes - b.script.tests)
	block := b.block(b.script.Commands)
	b.checkNeeds()
	for _, f := range b.later {
		f()
	}
	slices.SortStableFunc(b.errors, byPlace)
	b.prog.captures = b.prog.captures || b.on(known.variables)
	b.prog.flags = b.prog.flags || b.on(known.imap4flags)
	for i, e := range b.lang.registry.atEnd {
		if b.on(e.number) {
			b.library.atEnd |= 1 << i
		}
	}
	return block
}

// run does an included script, unless it was included already and once says that this will do.
func (inc *included) run(r *Run, once bool) error {
	if r.included == nil {
		r.included = map[int]bool{}
	}
	if r.included[inc.number] && once {
		return nil
	}
	r.included[inc.number] = true
	for _, slot := range inc.slots {
		r.assign(slot, "")
	}
	err := r.Block(inc.block)
	if err == errReturn { //nolint:errorlint // never wrapped
		return nil
	}
	return err
}

// global makes a name of the script one of a variable that all scripts of the program share.
func (b *Binder) global(name string, at Span) {
	key := lowerASCII(name)
	slot, ok := b.slots[key]
	if shared, declared := b.library.globals[key]; ok && (!declared || slot != shared) {
		b.Errorf(at, "variable %q was used before it was declared global", clip(name))
		return
	}
	b.variableSlots()[key] = b.globalSlot(name, at)
}

// globalSlot returns the slot of a global variable.
func (b *Binder) globalSlot(name string, at Span) int {
	key := lowerASCII(name)
	if slot, ok := b.library.globals[key]; ok {
		return slot
	}
	if len(name) > b.lang.options.Source.Identifier {
		b.Errorf(at, "the name of a variable may have at most %d characters", b.lang.options.Source.Identifier)
	}
	if len(b.library.globals) >= b.lang.options.Variables {
		b.Errorf(at, "too many global variables, at most %d are allowed", b.lang.options.Variables)
		return 0
	}
	slot := b.newSlot(key)
	if b.library.globals == nil {
		b.library.globals = map[string]int{}
	}
	b.library.globals[key] = slot
	return slot
}

// newSlot makes a place for the value of a variable.
func (b *Binder) newSlot(name string) int {
	b.prog.variables = append(b.prog.variables, name)
	return len(b.prog.variables) - 1
}

// checkScriptName says what is wrong with the name of a script.
//
// Spec: RFC 6609, section 3.2; RFC 5804, section 1.6
func checkScriptName(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a script is empty")
	case !utf8.ValidString(name):
		return errors.New("the name of a script is no UTF-8")
	case utf8.RuneCountInString(name) > 128:
		return errors.New("the name of a script may have at most 128 characters")
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return r < ' ' || r == '/' || 0x7f <= r && r <= 0x9f || r == 0x2028 || r == 0x2029
	}); i >= 0 {
		return fmt.Errorf("%q is no name of a script: it holds a slash or a control character", clip(name))
	}
	return nil
}
