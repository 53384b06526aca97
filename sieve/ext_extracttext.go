package sieve

// extracttext puts the text of the part that foreverypart is at into a variable: in UTF-8,
// and of HTML without markup. Of a part that has no text it is empty.
//
// Spec:   RFC 5703, section 7
// Status: complete
func init() {
	register(Extension{
		Name: "extracttext", Spec: "RFC 5703, section 7", Status: "complete", Limits: "as much as a variable holds",
		Needs: []string{"foreverypart", "variables"},

		// extracttext [MODIFIER] [:first <number>] <varname: string>
		Commands: []Command{{
			Name: "extracttext", Args: []Arg{{Name: "varname", Kind: StringArgument}}, Modifiers: true,
			Tags: []Tag{{Name: "first", Args: []Arg{{Name: "number", Kind: NumberArgument}}}},
			Bind: bindExtractText,
		}},
	})
}

func bindExtractText(b *Binder, c *Call) Do {
	if !b.inPartLoop() {
		b.Errorf(c.Node.NameSpan, "extracttext stands in no loop; expected it in the block of foreverypart")
		return nil
	}
	store, modify := b.Variable(c.Text("varname")), c.Modifiers()
	most := uint64(1) << 62
	if u := c.Tag("first"); u != nil {
		most = u.Number()
	}
	if store == nil {
		return nil
	}
	return func(r *Run) error {
		s := ""
		if p := r.msg.part; p != nil {
			if t := r.textOf(p); t.isText() && t.readable && !p.Multipart() && p.Message == nil {
				s = t.plain(r, p).Text
			}
		}
		s = cutText(firstCharacters(s, most), r.options.VariableSize)
		if err := r.task.Output(len(s)); err != nil {
			return err
		}
		s, err := modify(r, s)
		if err != nil {
			return err
		}
		return store(r, s)
	}
}

// firstCharacters returns the first n characters of s.
func firstCharacters(s string, n uint64) string {
	if n >= uint64(len(s)) {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
