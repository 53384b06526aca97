package sieve

import (
	"slices"

	"github.com/sluice-mail/sluice/mail"
)

// fieldPick says which fields of a name a test looks at. The zero value is all those of the
// message's header; tags of the extensions index and mime narrow or widen it.
type fieldPick struct {
	index int  // counted from 1; 0: all
	last  bool // counted from the last
	mime  bool // those of the part that a loop is at
	below bool // and of all parts in it
}

// plain says that the test looks at all fields of the message's header.
func (p *fieldPick) plain() bool { return *p == fieldPick{} }

// fields returns the fields that a test looks at, one after the other. With an index they
// are those of the first name that the header has.
//
// Spec: RFC 5260, section 6; RFC 5703, section 4
func (p *fieldPick) fields(r *Run, names []headerName) []*fields {
	var out []*fields
	for i := range names {
		found := p.named(r, &names[i])
		if p.index == 0 {
			out = append(out, found...)
			continue
		}
		var all []mail.Field
		for _, f := range found {
			all = append(all, f.found...)
		}
		if len(all) == 0 {
			continue
		}
		n := p.index - 1
		if p.last {
			n = len(all) - p.index
		}
		if n < 0 || n >= len(all) {
			return nil
		}
		return []*fields{{found: all[n : n+1]}}
	}
	return out
}

// named returns the fields of one name, those of each header that is looked at.
func (p *fieldPick) named(r *Run, n *headerName) []*fields {
	switch {
	case !p.mime:
		return []*fields{r.field(n)}
	case !p.below:
		return []*fields{r.fieldOf(r.sourceOf(r.msg.part), n)}
	}
	var out []*fields
	root := r.msg.part
	if root == nil {
		m := r.structure()
		if m == nil {
			return nil
		}
		root = m.Root()
	}
	for part := range root.All() {
		if r.work(256) {
			return nil
		}
		if f := r.fieldOf(r.sourceOf(part), n); len(f.found) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// exists says whether there is a field of a name among those that a test looks at.
func (p *fieldPick) exists(r *Run, n *headerName) bool {
	return slices.ContainsFunc(p.named(r, n), func(f *fields) bool { return len(f.found) > 0 })
}

// sourceOf returns the header of a part. That of the root, or of nil, is the one of the
// message as it is now.
func (r *Run) sourceOf(p *mail.Part) *source {
	if p == nil || r.isRoot(p) {
		return &r.top
	}
	s := r.msg.sources[p]
	if s == nil {
		s = &source{list: p.Header().Fields(), listed: true}
		if r.msg.sources == nil {
			r.msg.sources = map[*mail.Part]*source{}
		}
		r.msg.sources[p] = s
	}
	return s
}

// isRoot says whether a part is the message as a whole.
func (r *Run) isRoot(p *mail.Part) bool {
	if e := r.msg.edit; e != nil {
		return p == e.base.Root() || e.now != nil && p == e.now.Root()
	}
	m := r.view.Mail()
	return m != nil && p == m.Root()
}
