package sieve

// include does another script as if it stood there, with variables of its own. Included scripts
// are compiled together with the script that includes them; what is wrong with them is found then.
//
// Spec:   RFC 6609
// Status: complete
func init() {
	names := []Arg{{Name: "names", Kind: ListArgument}}
	register(Extension{
		Name: "include", Spec: "RFC 6609", Status: "complete; `import` and `export` of its drafts are there too",
		Limits: "255 scripts, 10 deep (both can be set), together four times the size of one; 128 global variables",

		Commands: []Command{
			// include [LOCATION] [":once"] [":optional"] <value: string>
			{
				Name: "include", Args: []Arg{{Name: "value", Kind: StringArgument}},
				Tags: []Tag{
					{Name: "personal", Group: "location"}, {Name: "global", Group: "location"},
					{Name: "once"}, {Name: "optional"},
				},
				Bind: bindInclude,
			},
			// return
			{Name: "return", Bind: func(b *Binder, _ *Call) Do {
				b.ended = true
				return func(*Run) error { return errReturn }
			}},
			// global <value: string-list>
			{Name: "global", Args: names, Bind: bindGlobal},
			{Name: "import", Args: names, Bind: bindOldGlobal},
			{Name: "export", Args: names, Bind: bindOldGlobal},
		},
		Namespaces: []Namespace{{
			Name: "global",
			Read: func(b *Binder, name string, at Span) func(r *Run) string {
				slot, ok := b.namespaceGlobal(name, at)
				if !ok {
					return nil
				}
				return func(r *Run) string { return r.vars[slot] }
			},
			Write: func(b *Binder, name string, at Span) func(r *Run, value string) error {
				slot, ok := b.namespaceGlobal(name, at)
				if !ok {
					return nil
				}
				return func(r *Run, value string) error {
					r.assign(slot, value)
					return nil
				}
			},
		}},
	})
}

func bindInclude(b *Binder, c *Call) Do {
	name := c.Text("value")
	s, ok := b.constantText(name, "the name of a script")
	if !ok {
		return nil
	}
	if err := checkScriptName(s); err != nil {
		b.Errorf(name.Span, "%s", err)
		return nil
	}
	location := IncludePersonal
	if c.Tag("global") != nil {
		location = IncludeGlobal
	}
	once := c.Tag("once") != nil
	inc := b.include(name.Span, location, s, c.Tag("optional") != nil, once)
	if inc == nil {
		return nil
	}
	return func(r *Run) error { return inc.run(r, once) }
}

// bindGlobal shares variables with the other scripts of the program that declare them.
//
// Spec: RFC 6609, section 3.4.1
func bindGlobal(b *Binder, c *Call) Do {
	if !b.Required("variables") {
		b.needs(c.Node.NameSpan, "command", c.name, &Extension{Name: "variables"})
		return nil
	}
	for _, t := range c.Texts("names") {
		s, ok := b.constantText(t, "the name of a variable")
		switch {
		case !ok:
		case !isIdentifier(s):
			b.Errorf(t.Span, "%q is no name of a variable; expected letters, digits and _, not a digit first", clip(s))
		default:
			b.global(s, t.Span)
		}
	}
	return nil
}

// bindOldGlobal makes import and export, which stand at the begin of a script.
//
// Spec: draft-ietf-sieve-include-01
func bindOldGlobal(b *Binder, c *Call) Do {
	switch {
	case b.depth > 1 || b.previous != "" && b.previous != "require" && b.previous != "import" && b.previous != "export":
		b.Errorf(c.Node.NameSpan, "%s must stand at the begin of the script, behind require; global may stand here", c.name)
		return nil
	}
	return bindGlobal(b, c)
}

// namespaceGlobal returns the slot of a variable of the namespace global.
//
// Spec: RFC 6609, section 3.4.2
func (b *Binder) namespaceGlobal(name string, at Span) (int, bool) {
	if !isIdentifier(name) {
		b.Errorf(at, "\"global.%s\" is no variable; expected letters, digits and _ behind \"global.\", not a digit first", clip(name))
		return 0, false
	}
	return b.globalSlot(name, at), true
}
