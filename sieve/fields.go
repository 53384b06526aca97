package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// fields are the header fields of one name, with what tests have made of them. They are
// made when a test first asks, and once a run.
type fields struct {
	found []mail.Field
	texts []Value // decoded; made by values
	read  bool
	many  int // how many index found
	addrs *addresses
}

// addresses are the addresses of some fields, or of an envelope path, and their parts.
type addresses struct {
	list  []mail.Address
	whole []string        // fields that could not be read
	null  bool            // the null reverse-path
	one   [1]mail.Address // room for list
	parts [5][]Value      // by number of the address part
	more  [][]Value       // those for which there is no room
}

// headers prepares the header names that a string list argument gives.
func (c *Call) headers(name string) []headerName {
	a := c.argument(name)
	if a == nil {
		return nil
	}
	b := c.binder
	out := b.names.take(len(a.Strings))
	for i := range a.Strings {
		t := b.Text(&a.Strings[i])
		if s, ok := t.Constant(); ok {
			out[i].slot = b.headers.slot(s)
			continue
		}
		text := b.strings.one()
		*text = t
		out[i] = headerName{slot: -1, text: text}
	}
	return out
}

// headerNames prepares a list of header names.
func (b *Binder) headerNames(list []Text) []headerName {
	out := b.names.take(len(list))
	for i := range list {
		out[i] = headerName{slot: -1, text: &list[i]}
		if s, ok := list[i].Constant(); ok {
			out[i] = headerName{slot: b.headers.slot(s)}
		}
	}
	return out
}

// headerName is a header name of a script: a slot, or a text that is known in the run only.
type headerName struct {
	slot int
	text *Text // nil if there is a slot
}

// source is a header that tests read: that of the message as it is now, or of a part of
// it. What tests have made of its fields is kept as long as the fields are the same.
type source struct {
	// list are the fields in order once listed is set.
	list   []mail.Field
	listed bool
	// slots are the fields by the slots of their names, for the header of the message,
	// which most tests read. Nil: not sorted yet.
	slots []fields
	// few are the fields by slot where only those that are asked for are sorted.
	few map[int]*fields
}

// field returns the fields of a name in the header of the message as it is now.
func (r *Run) field(n *headerName) *fields {
	if n.slot < 0 {
		return r.named(&r.top, n.text.Value(r))
	}
	if r.top.slots == nil {
		r.index()
	}
	return &r.top.slots[n.slot]
}

// fieldOf returns the fields of a name in a header.
func (r *Run) fieldOf(s *source, n *headerName) *fields {
	switch {
	case s == &r.top:
		return r.field(n)
	case n.slot < 0:
		return r.named(s, n.text.Value(r))
	}
	f := s.few[n.slot]
	if f == nil {
		if s.few == nil {
			s.few = map[int]*fields{}
		}
		f = r.named(s, r.prog.headers.names[n.slot])
		s.few[n.slot] = f
	}
	return f
}

// named collects the fields of a name, without keeping them.
func (r *Run) named(s *source, name string) *fields {
	f := &fields{}
	list := r.listed(s)
	r.work(8 * len(list))
	for _, one := range list {
		if strings.EqualFold(one.Name, name) {
			f.found = append(f.found, one)
		}
	}
	return f
}

// listed returns the fields of a header in order.
func (r *Run) listed(s *source) []mail.Field {
	if !s.listed {
		if m := r.view.Mail(); m != nil {
			s.list = m.Header().Fields()
		}
		s.listed = true
	}
	return s.list
}

// changed forgets what is known of the fields of one name, in lower case, in the header of
// the message, which now has these fields; "" stands for all names.
func (r *Run) changed(list []mail.Field, name string) {
	r.top.list, r.top.listed = list, true
	if r.top.slots == nil {
		return
	}
	if name == "" {
		r.top.slots = nil
		return
	}
	if slot := r.prog.headers.find(name); slot >= 0 {
		r.top.slots[slot] = *r.named(&r.top, name)
	}
}

// index sorts the fields of the header into the slots of their names, in one go.
func (r *Run) index() {
	list := r.listed(&r.top)
	slots := make([]fields, len(r.prog.headers.names))
	r.top.slots = slots
	var few [128]uint32
	which := few[:0] // for each field its slot + 1
	total := 0
	for i := range list {
		slot := r.prog.headers.find(list[i].Name)
		which = append(which, uint32(slot+1))
		if slot >= 0 {
			slots[slot].many++
			total++
		}
	}
	all := make([]mail.Field, total)
	for i, n := range which {
		if n == 0 {
			continue
		}
		f := &slots[n-1]
		if f.found == nil {
			f.found, all = all[:0:f.many], all[f.many:]
		}
		f.found = append(f.found, list[i])
	}
}

// values returns the texts of the fields, decoded.
func (f *fields) values(r *Run) []Value {
	if !f.read && len(f.found) > 0 {
		f.texts = r.values.take(len(f.found))
		for i := range f.found {
			r.work(len(f.found[i].Raw))
			f.texts[i].Text = f.found[i].Text()
		}
	}
	f.read = true
	return f.texts
}

// addresses returns the addresses of the fields. What a field holds behind its first good
// address and cannot be read is left out; a field that begins with it is kept whole.
func (f *fields) addresses(r *Run) *addresses {
	if f.addrs != nil {
		return f.addrs
	}
	a := &addresses{}
	f.addrs = a
	for i := range f.found {
		r.work(len(f.found[i].Raw))
		list := mail.ParseAddresses(f.found[i].Value())
		if r.options.ASCIIAddresses {
			list = withoutUTF8(list)
		}
		if list.Broken || nobody(list) {
			a.whole = append(a.whole, f.found[i].Text())
			continue
		}
		if a.list == nil {
			a.list = list.Addresses
		} else {
			a.list = append(a.list, list.Addresses...)
		}
	}
	return a
}

// values returns one part of each address that has it.
func (a *addresses) values(r *Run, p *AddressPart) []Value {
	kept := a.kept(r, p.number)
	if *kept != nil {
		return *kept
	}
	out := r.values.take(len(a.list) + len(a.whole) + 1)[:0]
	if a.null {
		out = append(out, Value{})
	}
	for i := range a.list {
		if s, ok := p.Of(r, a.list[i]); ok {
			out = append(out, Value{Text: s})
		}
	}
	if p.Whole {
		for _, s := range a.whole {
			out = append(out, Value{Text: s})
		}
	}
	*kept = out
	return out
}

// kept returns where the values of a part are kept.
func (a *addresses) kept(r *Run, part int) *[]Value {
	if part < len(a.parts) {
		return &a.parts[part]
	}
	if a.more == nil {
		a.more = make([][]Value, r.prog.registry.partCount)
	}
	return &a.more[part]
}
