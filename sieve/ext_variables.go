package sieve

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// variables lets a script keep text, and use it and what :matches captured in its strings.
//
// Spec:   RFC 5229
// Status: complete
func init() {
	register(Extension{
		Name: "variables", Spec: "RFC 5229", Status: "complete",
		Limits: "128 variables, 65,536 octets each (both can be set); names up to 64 characters; captures ${0} to ${32}",

		// set [MODIFIER] <name: string> <value: string>
		Commands: []Command{{
			Name: "set", Args: []Arg{{Name: "name", Kind: StringArgument}, {Name: "value", Kind: StringArgument}}, Modifiers: true, Bind: bindSet,
		}},
		// string [MATCH-TYPE] [COMPARATOR] <source: string-list> <key-list: string-list>
		Tests: []Test{{
			Name: "string", Args: []Arg{{Name: "source", Kind: ListArgument}, {Name: "key-list", Kind: ListArgument}},
			Match: true, Comparator: "i;octet", Bind: bindString,
		}},
		Modifiers: []Modifier{
			{Name: "lower", Precedence: 40, Apply: func(s string, _ int) string { return lowerASCII(s) }},
			{Name: "upper", Precedence: 40, Apply: func(s string, _ int) string { return upperASCII(s) }},
			{Name: "lowerfirst", Precedence: 30, Apply: func(s string, _ int) string { return first(s, lowerASCII) }},
			{Name: "upperfirst", Precedence: 30, Apply: func(s string, _ int) string { return first(s, upperASCII) }},
			{Name: "quotewildcard", Precedence: 20, Apply: quoteWildcard},
			{Name: "length", Precedence: 10, Apply: func(s string, _ int) string { return strconv.Itoa(utf8.RuneCountInString(s)) }},
		},
	})
}

// Modifier declares a modifier of set. Those of higher Precedence are applied first,
// wherever they stand; of one precedence only one may be used.
type Modifier struct {
	Name       string
	Precedence int
	// Apply returns the modified value, at most limit octets of it.
	Apply func(value string, limit int) string
}

func first(s string, change func(string) string) string {
	if s == "" {
		return s
	}
	return change(s[:1]) + s[1:]
}

// quoteWildcard puts a backslash before what has a meaning in :matches. It does not cut
// between a backslash and what it quotes.
func quoteWildcard(s string, limit int) string {
	if !strings.ContainsAny(s, `*?\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		quoted := s[i] == '*' || s[i] == '?' || s[i] == '\\'
		if b.Len()+1 > limit || quoted && b.Len()+2 > limit {
			break
		}
		if quoted {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func bindSet(b *Binder, c *Call) Do {
	store := b.Variable(c.Text("name"))
	value := c.Text("value")
	modify := c.Modifiers()
	if store == nil {
		return nil
	}
	return func(r *Run) error {
		s, err := modify(r, value.Value(r))
		if err != nil {
			return err
		}
		return store(r, s)
	}
}

// Modifiers returns what does the modifiers that a command was used with, in their order.
// The command must have been declared with Modifiers.
func (c *Call) Modifiers() func(r *Run, s string) (string, error) {
	var modifiers []*Modifier
	for _, u := range c.uses {
		if m, ok := c.binder.lang.registry.modifiers[u.Def.Name]; ok {
			modifiers = append(modifiers, m.def)
		}
	}
	slices.SortStableFunc(modifiers, func(x, y *Modifier) int { return y.Precedence - x.Precedence })
	return func(r *Run, s string) (string, error) {
		for _, m := range modifiers {
			s = m.Apply(s, r.options.VariableSize)
			if err := r.task.Output(len(s)); err != nil {
				return "", err
			}
		}
		return s, nil
	}
}

// bindString makes the string test. With :count an empty string counts as none.
//
// Spec: RFC 5229, section 5
func bindString(b *Binder, c *Call) Check {
	source, m := c.Texts("source"), c.Matcher("key-list")
	return func(r *Run) (bool, error) {
		n := 0
		for i := range source {
			s := source[i].Value(r)
			switch {
			case m.Counting():
				if s != "" {
					n++
				}
			case m.MatchText(r, s):
				return true, nil
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

// cutText returns at most limit octets of s, cut between characters.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
