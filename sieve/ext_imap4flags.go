package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// imap4flags sets the IMAP flags of what is stored. Flags are collected in an internal
// variable, or in variables of the script; what keep and fileinto store has those of the
// internal one at that moment, or those of :flags.
//
// Spec:   RFC 5232
// Status: complete
func init() {
	list := Arg{Name: "list-of-flags", Kind: ListArgument}
	change := func(f func(have, given []string) []string) func(b *Binder, c *Call) Do {
		return func(b *Binder, c *Call) Do { return bindFlags(b, c, f) }
	}
	args := []Arg{{Name: "variablename", Kind: StringArgument, Optional: true}, list}
	register(Extension{
		Name: "imap4flags", Spec: "RFC 5232", Status: "complete",
		Limits: "64 flags; what is no keyword and no system flag that a client may set is left out",

		// setflag, addflag, removeflag [<variablename: string>] <list-of-flags: string-list>
		Commands: []Command{
			{Name: "setflag", Args: args, Bind: change(func(_, given []string) []string { return given })},
			{Name: "addflag", Args: args, Bind: change(func(have, given []string) []string { return append(have[:len(have):len(have)], given...) })},
			{Name: "removeflag", Args: args, Bind: change(without)},
		},
		// hasflag [MATCH-TYPE] [COMPARATOR] [<variable-list: string-list>] <list-of-flags: string-list>
		Tests: []Test{{
			Name: "hasflag", Args: []Arg{{Name: "variable-list", Kind: ListArgument, Optional: true}, list}, Match: true, Bind: bindHasFlag,
		}},
		// keep, fileinto [:flags <list-of-flags: string-list>]
		Tags: []Tag{{
			Name: "flags", On: []string{"keep", "fileinto"}, Args: []Arg{list},
			Bind: func(_ *Binder, c *Call, u *TagUse) {
				flags := u.Texts()
				c.Edit(func(r *Run, a *runtime.Action) { a.Flags = normalFlags(r.flagList(flags)) })
			},
		}},
		Hooks: []Hook{{On: []string{"keep", "fileinto"}, Bind: func(_ *Binder, c *Call) {
			if c.Tag("flags") == nil {
				c.Edit(func(r *Run, a *runtime.Action) { a.Flags = r.Flags() })
			}
		}}},
		Excludes: []string{"imapflags"},
		AtEnd: func(r *Run) {
			if flags := r.Flags(); len(flags) > 0 || r.flagsSet {
				r.task.SetKeepFlags(flags)
			}
		},
	})
}

// Flags returns the internal variable of imap4flags.
func (r *Run) Flags() []string {
	if read := r.readFlags; read != nil {
		r.readFlags, r.flags = nil, normalFlags(read())
	}
	return r.flags
}

// FlagsFrom has the internal variable of imap4flags begin with what read returns. It is asked
// when the variable is first needed.
func (r *Run) FlagsFrom(read func() []string) { r.readFlags = read }

// flagList returns the flags of some strings, each of which may hold several.
func (r *Run) flagList(texts []Text) []string {
	list := make([]string, len(texts))
	for i := range texts {
		list[i] = texts[i].Value(r)
	}
	return runtime.NormalFlags(list)
}

// normalFlags divides at blanks, drops repeats and what is no flag, and writes system
// flags as IMAP does.
func normalFlags(list []string) []string {
	flags := runtime.NormalFlags(list)
	for i, f := range flags {
		if f[0] == '\\' {
			flags[i] = `\` + first(lowerASCII(f[1:]), upperASCII)
		}
	}
	return flags
}

func without(have, given []string) []string {
	var out []string
next:
	for _, f := range have {
		for _, g := range given {
			if strings.EqualFold(f, g) {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}

func bindFlags(b *Binder, c *Call, change func(have, given []string) []string) Do {
	flags := c.Texts("list-of-flags")
	if !c.Given("variablename") {
		return func(r *Run) error {
			r.flags, r.flagsSet = normalFlags(change(r.Flags(), r.flagList(flags))), true
			return nil
		}
	}
	read, write := b.flagVariable(c.Text("variablename"))
	if read == nil || write == nil {
		return nil
	}
	return func(r *Run) error {
		now := runtime.NormalFlags(change(runtime.NormalFlags([]string{read(r)}), r.flagList(flags)))
		s := strings.Join(now, " ")
		if err := r.task.Output(len(s)); err != nil {
			return err
		}
		return write(r, s)
	}
}

// flagVariable returns what reads and sets the variable of that name.
func (b *Binder) flagVariable(name Text) (read func(*Run) string, write func(*Run, string) error) {
	if !b.Required("variables") {
		b.needs(name.Span, "variable", clip(name.constant), b.lang.registry.extensions["variables"])
		return nil, nil
	}
	if write = b.Variable(name); write == nil {
		return nil, nil
	}
	return b.reference(name.constant, name.Span), write
}

func bindHasFlag(b *Binder, c *Call) Check {
	m := c.Matcher("list-of-flags")
	if !b.faulty {
		m.keys = c.Texts("list-of-flags")
		m.splitKeys()
	}
	m.words = !m.Counting()
	var variables []func(*Run) string
	if c.Given("variable-list") {
		for _, t := range c.Texts("variable-list") {
			if read, _ := b.flagVariable(t); read != nil {
				variables = append(variables, read)
			}
		}
	} else {
		variables = []func(*Run) string{nil} // the internal one
	}
	return func(r *Run) (bool, error) {
		n := 0
		for _, read := range variables {
			flags := r.Flags()
			if read != nil {
				flags = normalFlags([]string{read(r)})
			}
			n += len(flags)
			for _, f := range flags {
				if !m.Counting() && m.MatchText(r, f) {
					return true, nil
				}
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

// splitKeys makes a key of each word of the constant keys, as flag lists are written.
func (m *Matcher) splitKeys() {
	if m.Counting() {
		return
	}
	var keys []Text
	var ready []Key
	for i, k := range m.keys {
		words := strings.Fields(k.constant)
		if m.ready[i] == nil || len(words) < 2 {
			keys, ready = append(keys, k), append(ready, m.ready[i])
			continue
		}
		for _, w := range words {
			one, err := m.kind.Key(m, w)
			if err != nil {
				continue
			}
			keys, ready = append(keys, Text{Span: k.Span, constant: w}), append(ready, one)
		}
	}
	m.keys, m.ready = keys, ready
}
