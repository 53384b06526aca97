package sieve

// The tests of the message.
//
// Spec: RFC 5228, sections 5.1, 5.5, 5.7, 5.9
func init() {
	headerList := Arg{Name: "header-names", Kind: ListArgument}
	addressList := Arg{Name: "header-list", Kind: ListArgument}
	keyList := Arg{Name: "key-list", Kind: ListArgument}
	register(Extension{Tests: []Test{
		{Name: "header", Args: []Arg{headerList, keyList}, Match: true, Bind: bindHeader},
		{Name: "address", Args: []Arg{addressList, keyList}, Match: true, AddressPart: true, Bind: bindAddress},
		{Name: "exists", Args: []Arg{headerList}, Bind: bindExists},
		{
			Name: "size", Args: []Arg{{Name: "limit", Kind: NumberArgument}},
			Tags: []Tag{{Name: "over", Group: "size"}, {Name: "under", Group: "size"}}, Bind: bindSize,
		},
	}})
}

// bindHeader makes the header test. A name that can be no header name is no error: there
// is no such field.
func bindHeader(_ *Binder, c *Call) Check {
	headers, m := c.headers("header-names"), c.Matcher("key-list")
	if option := c.mimeOption(); option != nil || !c.pick.plain() {
		return headerOf(c.pick, headers, option, m)
	}
	if m.Counting() {
		return func(r *Run) (bool, error) {
			n := 0
			for i := range headers {
				n += len(r.field(&headers[i]).found)
			}
			return m.Count(r, n), nil
		}
	}
	return func(r *Run) (bool, error) {
		for i := range headers {
			if m.Match(r, r.field(&headers[i]).values(r)) {
				return true, nil
			}
		}
		return false, nil
	}
}

// headerOf is the header test for the fields that tags pick, and for what they take of them.
func headerOf(pick fieldPick, headers []headerName, option mimeOption, m *Matcher) Check {
	return func(r *Run) (bool, error) {
		n := 0
		for _, f := range pick.fields(r, headers) {
			values := f.values(r)
			if option != nil {
				values = option(r, values)
			}
			if m.Counting() {
				n += len(values)
			} else if m.Match(r, values) {
				return true, nil
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

func bindAddress(b *Binder, c *Call) Check {
	headers := c.headers("header-list")
	for i := range headers {
		if slot := headers[i].slot; slot >= 0 && !isAddressField(b.headers.names[slot]) {
			n := &c.argument("header-list").Strings[i]
			b.Errorf(n.Span, "header '%s' is not allowed for the address test: it holds no addresses; expected From, To, Cc, Sender, Reply-To or the like", clip(n.Value))
			break
		}
	}
	m, part := c.Matcher("key-list"), c.AddressPart()
	if !c.pick.plain() {
		return addressOf(c.pick, headers, part, m)
	}
	return func(r *Run) (bool, error) {
		n := 0
		for i := range headers {
			if headers[i].slot < 0 && !isAddressField(headers[i].text.Value(r)) {
				continue
			}
			v := r.field(&headers[i]).addresses(r).values(r, part)
			if m.Counting() {
				n += len(v)
			} else if m.Match(r, v) {
				return true, nil
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

// addressOf is the address test for the fields that tags pick.
func addressOf(pick fieldPick, headers []headerName, part *AddressPart, m *Matcher) Check {
	return func(r *Run) (bool, error) {
		names := headers[:0:0]
		for _, h := range headers {
			if h.slot >= 0 || isAddressField(h.text.Value(r)) {
				names = append(names, h)
			}
		}
		n := 0
		for _, f := range pick.fields(r, names) {
			v := f.addresses(r).values(r, part)
			if m.Counting() {
				n += len(v)
			} else if m.Match(r, v) {
				return true, nil
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

func bindExists(_ *Binder, c *Call) Check {
	headers := c.headers("header-names")
	if pick := c.pick; !pick.plain() {
		return func(r *Run) (bool, error) {
			for i := range headers {
				if !pick.exists(r, &headers[i]) {
					return false, nil
				}
			}
			return true, nil
		}
	}
	return func(r *Run) (bool, error) {
		for i := range headers {
			if len(r.field(&headers[i]).found) == 0 {
				return false, nil
			}
		}
		return true, nil
	}
}

// bindSize makes the size test, which is strict on both sides. The size is that of the
// message as it was received, unless the options say that edits count.
func bindSize(b *Binder, c *Call) Check {
	limit := c.Number("limit")
	over, under := c.Tag("over") != nil, c.Tag("under") != nil
	if !over && !under {
		b.Errorf(c.Node.NameSpan, "size: expected :over or :under")
	}
	return func(r *Run) (bool, error) {
		m := r.view.Mail()
		if m == nil {
			return false, nil
		}
		size := uint64(m.Size())
		if r.options.EditedSize {
			size = r.editedSize()
		}
		return over && size > limit || under && size < limit, nil
	}
}
