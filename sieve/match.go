package sieve

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// MatchType declares how values are matched against keys.
type MatchType struct {
	Name string
	// Operator says that a relational operator follows: gt ge lt le eq ne.
	Operator bool
	// Counts says that the number of values is matched, not the values.
	Counts bool
	// Check returns an error if the match type does not go with a comparator; nil: all do.
	Check func(c *Comparator) error
	// Key prepares a key.
	Key func(m *Matcher, key string) (Key, error)

	tag Tag
}

// Key is a key ready to be matched. Many runs may use it at once.
type Key interface {
	// Match says whether the value matches. It may end the run with r.Fail.
	Match(r *Run, v *Value) bool
}

// Value is a text that tests match, with what is known of it. It belongs to one run.
type Value struct {
	Text   string
	folded string
	known  bool
}

// fold returns the text with ASCII in upper case.
func (v *Value) fold() string {
	if !v.known {
		v.folded, v.known = upperASCII(v.Text), true
	}
	return v.folded
}

// Matcher matches values against the keys of one test.
type Matcher struct {
	Comparator *Comparator
	kind       *MatchType
	keys       []Text     // those that are not constant, at their places; nil: all are
	ready      []Key      // for each key, nil if it is not constant
	memory     *keyMemory // while the script is bound
	operator   operator
	varies     bool // a key is not constant
	words      bool // the words of a key that is not constant are keys of their own
}

const groupMatchType = "match type"

var comparatorTag = Tag{Name: "comparator", Args: []Arg{{Name: "comparator-name", Kind: StringArgument}}}

// prepare makes the tag that asks for the match type.
func (t *MatchType) prepare() {
	t.tag = Tag{Name: t.Name, Group: groupMatchType, matchType: t}
	if t.Operator {
		t.tag.Args = []Arg{{Name: "relational-match", Kind: StringArgument}}
	}
}

func init() {
	substring := func(name string) func(c *Comparator) error {
		return func(c *Comparator) error {
			if !c.Substring {
				return matchError(":" + name + " is not defined for the comparator \"" + c.Name + "\"")
			}
			return nil
		}
	}
	register(Extension{MatchTypes: []MatchType{
		{Name: "is", Key: func(m *Matcher, key string) (Key, error) {
			switch {
			case m.Comparator.fold:
				k := m.memory.folded()
				*k = isFolded(key)
				return k, nil
			case m.Comparator.Form == nil:
				return isOctets(key), nil
			}
			return &isForm{m.form(key), m.Comparator}, nil
		}},
		{Name: "contains", Check: substring("contains"), Key: func(m *Matcher, key string) (Key, error) {
			k := m.memory.contains()
			*k = containsKey{m.form(key), m.Comparator}
			return k, nil
		}},
		{Name: "matches", Check: substring("matches"), Key: func(m *Matcher, key string) (Key, error) {
			k := m.memory.matches()
			k.c = m.Comparator
			if k.c.Form == nil || k.c.fold {
				k.pattern.read(m.form(key), nil) // folding moves no octet
			} else {
				k.pattern.read(key, k.c.Form)
			}
			return k, nil
		}},
	}})
}

type matchError string

func (e matchError) Error() string { return string(e) }

// keyMemory is what the keys of a script are made of. The memory of a matcher in a run is
// nil, which takes what it needs from the heap.
type keyMemory struct {
	isFolded  slab[isFolded]
	contained slab[containsKey]
	matched   slab[matchesKey]

	// The key that is being made, and where it stands in the script of a binder.
	literal string
	from    *String
	binder  *Binder
}

func (k *keyMemory) folded() *isFolded {
	if k == nil {
		return new(isFolded)
	}
	return k.isFolded.one()
}

func (k *keyMemory) contains() *containsKey {
	if k == nil {
		return new(containsKey)
	}
	return k.contained.one()
}

func (k *keyMemory) matches() *matchesKey {
	if k == nil {
		return new(matchesKey)
	}
	return k.matched.one()
}

// form returns a key in the form of the comparator.
func (m *Matcher) form(key string) string {
	if k := m.memory; k != nil && m.Comparator.fold && key == k.literal {
		return k.binder.uppercase(k.from, key)
	}
	return m.Comparator.form(key)
}

// uppercase returns the value of a string with a to z as A to Z. Scripts with many strings are
// folded as a whole, and values cut from that, if they stand in it as they are.
func (b *Binder) uppercase(s *String, value string) string {
	if b.script.nodes <= smallScript || s.Multiline || s.End-s.Start != len(value)+2 || b.script.Source[s.Start+1:s.End-1] != value {
		return upperASCII(value)
	}
	if b.upper == "" {
		b.upper = upperASCII(b.script.Source)
	}
	return b.upper[s.Start+1 : s.End-1]
}

// matching finds the comparator and the match type of a test.
func (b *Binder) matching(c *Call) {
	g := b.lang.registry
	c.comparator = g.casemap
	if c.fallback != "" {
		c.comparator = g.comparator[c.fallback].def
	}
	if u := c.Tag("comparator"); u != nil {
		name, constant := b.constantText(u.Text(), "the name of a comparator")
		if !constant {
			return
		}
		o, ok := g.comparator[lowerASCII(name)]
		switch {
		case !ok:
			b.Errorf(u.args[0].Span, "unknown comparator %q; known are %s", clip(name), strings.Join(sorted(names(g.comparator)), ", "))
			return
		case !b.usable(o.ext):
			b.needs(u.args[0].Span, "comparator", name, o.ext)
			return
		}
		c.comparator = o.def
	}
	c.matchType = g.is
	if u := c.group(groupMatchType); u != nil {
		c.matchType = u.Def.matchType
		if c.matchType.Operator {
			name, _ := b.constantText(u.Text(), "a relational operator")
			op, ok := operators[lowerASCII(name)]
			if !ok {
				b.Errorf(u.args[0].Span, "unknown relational operator %q; expected gt, ge, lt, le, eq or ne", clip(name))
			}
			c.operator = op
		}
		if c.matchType.Check != nil {
			if err := c.matchType.Check(c.comparator); err != nil {
				b.Errorf(u.Span, "%s", err)
			}
		}
	}
}

// Matcher returns the matcher of a test, whose keys are the string list argument of that
// name. The test must have been declared with Match.
func (c *Call) Matcher(keys string) *Matcher {
	b := c.binder
	m := b.matchers.one()
	m.Comparator, m.kind, m.operator, m.memory = c.comparator, c.matchType, c.operator, &b.keyMemory
	b.binder = b
	var list []String
	if a := c.argument(keys); a != nil {
		list = a.Strings
	}
	m.ready = b.keys.take(len(list))
	for i := range list {
		t := b.Text(&list[i])
		s, ok := t.Constant()
		if !ok {
			if !m.varies {
				m.varies, m.keys = true, b.strings.take(len(list))
			}
			m.keys[i] = t
			continue
		}
		m.memory.literal, m.memory.from = s, &list[i]
		k, err := m.kind.Key(m, s)
		if err != nil {
			at := list[i].Span
			if e, ok := errors.AsType[*patternError](err); ok {
				at = b.within(&list[i], s, e.offset)
			}
			b.Errorf(at, "%s", err)
		}
		m.ready[i] = k
	}
	m.memory = nil // runs share the matcher
	return m
}

// Counting says that the matcher wants Count, not Match.
func (m *Matcher) Counting() bool { return m.kind.Counts }

// Count matches a number of values.
func (m *Matcher) Count(r *Run, n int) bool {
	return m.MatchText(r, strconv.Itoa(n))
}

// Match says whether a value matches a key. Values are tried in order, and each against
// the keys in order; the first that matches sets the captures.
func (m *Matcher) Match(r *Run, values []Value) bool {
	keys := m.prepared(r, len(values) > 0)
	if m.kind.Name == "list" {
		return matchLists(r, keys, values)
	}
	for i := range values {
		if matchOne(r, keys, &values[i]) {
			return true
		}
		if r.err != nil {
			return false
		}
	}
	return false
}

// MatchText is Match for one text.
func (m *Matcher) MatchText(r *Run, text string) bool { return m.one(r, &Value{Text: text}) }

func (m *Matcher) one(r *Run, v *Value) bool { return matchOne(r, m.prepared(r, true), v) }

// NoteKey begins the notes about keys that cannot be matched.
const NoteKey = "key: "

// prepared returns the keys of this use of the test, if they are wanted. A key that cannot be
// one matches nothing.
func (m *Matcher) prepared(r *Run, wanted bool) []Key {
	if !m.varies || !wanted {
		return m.ready
	}
	keys := slices.Clone(m.ready)
	for i, k := range keys {
		if k != nil {
			continue
		}
		s := m.keys[i].Value(r)
		if !m.words {
			var over bool
			if keys[i], over = m.key(r, s); over {
				return nil
			}
			continue
		}
		keys[i] = noKey{}
		for word := range strings.FieldsSeq(s) {
			k, over := m.key(r, word)
			if over {
				return nil
			}
			keys = append(keys, k)
		}
	}
	return keys
}

// key returns the key of a text that is known in the run only. True means that the run is over.
func (m *Matcher) key(r *Run, s string) (k Key, over bool) {
	if r.work(64 + len(s)) {
		return nil, true
	}
	k, err := m.kind.Key(m, s)
	if err != nil {
		r.Note("%s%s", NoteKey, err)
		k = noKey{}
	}
	if e, ok := k.(*regexKey); ok && r.work(64*int(e.cost)) {
		return nil, true
	}
	return k, false
}

func matchOne(r *Run, keys []Key, v *Value) bool {
	for _, k := range keys {
		if r.work(64 + len(v.Text)) {
			return false
		}
		if k.Match(r, v) {
			return true
		}
	}
	return false
}

// noKey is a key of a run that cannot be one.
type noKey struct{}

func (noKey) Match(*Run, *Value) bool { return false }

// isOctets, isFolded and isForm are the keys of :is.
type isOctets string

func (k isOctets) Match(_ *Run, v *Value) bool { return v.Text == string(k) }

type isFolded string

func (k *isFolded) Match(_ *Run, v *Value) bool { return equalASCII(v.Text, string(*k)) }

type isForm struct {
	form string
	c    *Comparator
}

func (k *isForm) Match(_ *Run, v *Value) bool { return k.c.compare(k.c.Form(v.Text), k.form) == 0 }

// containsKey is a key of :contains.
type containsKey struct {
	form string
	c    *Comparator
}

func (k *containsKey) Match(_ *Run, v *Value) bool {
	if k.c.fold {
		return strings.Contains(v.fold(), k.form)
	}
	return strings.Contains(k.c.form(v.Text), k.form)
}

// matchesKey is a key of :matches.
type matchesKey struct {
	pattern pattern
	c       *Comparator
}

func (k *matchesKey) Match(r *Run, v *Value) bool {
	m := matching{value: v.Text, work: r.work, keep: r.prog.captures, most: r.options.Captures}
	switch {
	case k.c.fold:
		m.value = v.fold()
	case k.c.Places != nil:
		m.value, m.places = k.c.Places(v.Text)
	case k.c.Form != nil:
		m.value = k.c.Form(v.Text)
	}
	var few [16]Span
	m.spans = few[:0]
	if !m.match(&k.pattern) {
		return false
	}
	if m.keep {
		captured := make([]string, 1, 1+len(m.spans))
		captured[0] = v.Text
		for _, s := range m.spans {
			if m.places != nil {
				s = Span{m.places[s.Start], m.places[s.End]}
			}
			captured = append(captured, v.Text[s.Start:s.End])
		}
		r.captures = captured
	}
	return true
}
