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
	addrs addresses
}

// addresses are the addresses of some fields, or of an envelope path, and their parts.
type addresses struct {
	known bool
	list  []mail.Address
	whole []string  // fields that could not be read
	null  bool      // the null reverse-path
	parts [][]Value // by number of the address part
}

// HeaderNames prepares a list of header names.
func (b *Binder) headerNames(list []Text) []headerName {
	out := make([]headerName, len(list))
	for i := range list {
		out[i] = headerName{slot: -1, text: list[i]}
		if s, ok := list[i].Constant(); ok {
			out[i].slot = b.headerSlot(lowerASCII(s))
		}
	}
	return out
}

// headerName is a header name of a script: a slot, or a text that is known in the run only.
type headerName struct {
	slot int
	text Text
}

func (b *Binder) headerSlot(name string) int {
	slot, ok := b.headers[name]
	if !ok {
		slot = len(b.headers)
		b.headers[name] = slot
	}
	return slot
}

// field returns the fields of a name.
func (r *Run) field(n *headerName) *fields {
	if n.slot >= 0 {
		if r.fields == nil {
			r.index()
		}
		return &r.fields[n.slot]
	}
	f := &fields{}
	name := n.text.Value(r)
	if m := r.view.Mail(); m != nil {
		for _, one := range m.Header().Fields() {
			if strings.EqualFold(one.Name, name) {
				f.found = append(f.found, one)
			}
		}
	}
	return f
}

// maxHeaderLength is what names of fields do not exceed in practice; longer ones are found too.
const maxHeaderLength = 80

// index sorts the fields of the header into the slots of their names, in one go.
func (r *Run) index() {
	r.fields = make([]fields, len(r.prog.headerSlots))
	m := r.view.Mail()
	if m == nil {
		return
	}
	var lower [maxHeaderLength]byte
	for _, f := range m.Header().Fields() {
		if !r.prog.headerLengths[min(len(f.Name), maxHeaderLength)] {
			continue // most fields are nothing to the script: no need to look them up
		}
		if len(f.Name) > len(lower) {
			if slot, ok := r.prog.headerSlots[lowerASCII(f.Name)]; ok {
				r.fields[slot].found = append(r.fields[slot].found, f)
			}
			continue
		}
		for i := 0; i < len(f.Name); i++ {
			c := f.Name[i]
			if 'A' <= c && c <= 'Z' {
				c += 0x20
			}
			lower[i] = c
		}
		if slot, ok := r.prog.headerSlots[string(lower[:len(f.Name)])]; ok {
			r.fields[slot].found = append(r.fields[slot].found, f)
		}
	}
}

// values returns the texts of the fields, decoded.
func (f *fields) values(r *Run) []Value {
	if !f.read && len(f.found) > 0 {
		f.texts = make([]Value, len(f.found))
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
	a := &f.addrs
	if a.known {
		return a
	}
	a.known = true
	for i := range f.found {
		r.work(len(f.found[i].Raw))
		list := mail.ParseAddresses(f.found[i].Value())
		if list.Broken {
			a.whole = append(a.whole, f.found[i].Text())
			continue
		}
		a.list = append(a.list, list.Addresses...)
	}
	return a
}

// values returns one part of each address that has it.
func (a *addresses) values(r *Run, p *AddressPart) []Value {
	if a.parts == nil {
		a.parts = make([][]Value, r.prog.registry.partCount)
	}
	if v := a.parts[p.number]; v != nil {
		return v
	}
	out := make([]Value, 0, len(a.list)+1)
	if a.null {
		out = append(out, Value{})
	}
	for _, one := range a.list {
		if s, ok := p.Of(r, one); ok {
			out = append(out, Value{Text: s})
		}
	}
	if p.Whole {
		for _, s := range a.whole {
			out = append(out, Value{Text: s})
		}
	}
	a.parts[p.number] = out
	return out
}
