package sieve

import (
	"bytes"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// messageState is what a run knows of the message beside its header: what it has made of
// it, the part that a loop is at, and what tests have decoded.
type messageState struct {
	edit *editor // nil: the message is as it was received
	// part is the part that the innermost foreverypart is at, nil outside of one.
	part *mail.Part
	// loops is how many foreverypart loops are going on.
	loops int
	// generation changes with the message as a whole: loops over the one before end.
	generation int
	sources    map[*mail.Part]*source
	bodies     map[*mail.Part]*partText
	told       *version // what functions of the table know it as
	raw        *Value   // of body :raw
	hasRaw     bool     // there is a body
}

// editor is what a run has made of the message. The message as received is never changed.
//
// The tree of base is what loops walk, so parts that are replaced are noted beside it, and
// the message that results is made when somebody asks for it.
type editor struct {
	base   *mail.Message
	whole  bool               // base is not the message as received
	header *mail.HeaderEditor // nil: that of base
	parts  map[*mail.Part]*mail.Part
	// content says that a field was edited that says what the body is, so that the tree
	// of base is not that of the message.
	content bool

	now     *mail.Message // what all this makes; nil: not made yet
	version *version      // the same, as actions want it
	bare    *version      // what redirects send, once the message was enclosed
	held    int64         // octets that were made
}

// version is a message as actions want it; see runtime.Action.
type version struct{ header, raw []byte }

// Message returns the message as it is now, with all edits; nil before there is one.
func (r *Run) Message() *mail.Message {
	if e := r.msg.edit; e != nil {
		return e.message(r)
	}
	return r.view.Mail()
}

// structure returns a message with the body and the parts of Message. Its header may be
// that before the edits, so that nothing is copied for the edit of a header.
func (r *Run) structure() *mail.Message {
	e := r.msg.edit
	switch {
	case e == nil:
		return r.view.Mail()
	case len(e.parts) == 0 && !e.content:
		return e.base
	}
	return e.message(r)
}

// editedSize returns the size of the message as it is now.
func (r *Run) editedSize() uint64 {
	e := r.msg.edit
	switch {
	case e == nil:
		return uint64(r.view.Mail().Size())
	case e.header != nil && len(e.parts) == 0:
		return uint64(len(e.header.Bytes()) + len(e.base.Body()))
	}
	return uint64(e.message(r).Size())
}

// editing returns the editor of the run, nil before there is a message.
func (r *Run) editing() *editor {
	if m := r.view.Mail(); r.msg.edit == nil && m != nil {
		r.msg.edit = &editor{base: m}
	}
	return r.msg.edit
}

// resume begins with what earlier scripts have made of the message.
func (r *Run) resume() {
	v := r.view
	if v.EditedHeader == nil && v.EditedRaw == nil || v.Mail() == nil {
		return
	}
	e := r.editing()
	if v.EditedRaw != nil {
		e.base, e.whole = mail.New(v.EditedRaw), true
	} else {
		e.header = mail.EditHeader(mail.New(v.EditedHeader).Header())
		e.content = true
	}
	e.version = &version{v.EditedHeader, v.EditedRaw}
	r.msg.told = e.version
	if e.whole {
		e.version.header = nil
		r.changed(e.base.Header().Fields(), "")
		return
	}
	r.changed(e.header.Fields, "")
}

// edited says that the header or a part is another one now.
func (r *Run) edited() {
	e := r.msg.edit
	e.now, e.version = nil, nil
	r.msg.raw = nil
}

// headerOf returns the header that can be edited.
func (e *editor) headerOf() *mail.HeaderEditor {
	if e.header == nil {
		e.header = mail.EditHeader(e.base.Header())
	}
	return e.header
}

// editHeader has change edit the header. name, in lower case, is that of the only fields
// that it touches, "" if it may touch all.
func (r *Run) editHeader(name string, change func(h *mail.HeaderEditor)) {
	e := r.editing()
	if e == nil {
		return
	}
	h := e.headerOf()
	change(h)
	e.content = e.content || name == "" || mail.DescribesContent(name)
	r.edited()
	r.changed(h.Fields, name)
}

// message makes the message as it is now.
func (e *editor) message(r *Run) *mail.Message {
	if e.now != nil {
		return e.now
	}
	if e.header == nil && len(e.parts) == 0 {
		e.now = e.base
		return e.now
	}
	head := e.base.Header().Raw()
	if e.header != nil {
		head = e.header.Bytes()
	}
	body := e.base.Body()
	if len(e.parts) > 0 {
		if b, ok := e.body(e.base.Root()); ok {
			body = b
		}
	}
	e.now = mail.New(r.hold(e, head, body))
	return e.now
}

// hold joins octets that the run keeps, within its memory limit.
func (r *Run) hold(e *editor, pieces ...[]byte) []byte {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	if most := r.task.Limits().Memory; e.held+int64(n) > most {
		r.Fail(&runtime.LimitError{Limit: "memory", Max: most})
		return nil
	}
	e.held += int64(n)
	r.work(n)
	return bytes.Join(pieces, nil)
}

// stamp puts the message as it is now into an action that stores it or sends it on.
func (r *Run) stamp(a *runtime.Action) {
	e := r.msg.edit
	if e == nil || a.Header != nil || a.Raw != nil {
		return
	}
	switch a.Kind {
	case runtime.Keep, runtime.FileInto, runtime.Pipe:
		v := e.versionNow(r)
		a.Header, a.Raw = v.header, v.raw
	case runtime.Redirect:
		v := e.bare
		if v == nil {
			v = e.versionNow(r)
		}
		a.Header, a.Raw = v.header, v.raw
	}
}

// KeepEdited has an implicit keep store the message as it is now. It is called when the
// script has ended well.
func (r *Run) KeepEdited() error {
	e := r.msg.edit
	if e == nil {
		return nil
	}
	v := e.versionNow(r)
	if r.err != nil || v.header == nil && v.raw == nil {
		return r.err
	}
	return r.task.EditKeep(v.header, v.raw)
}

// versionNow returns the message as it is now for actions.
func (e *editor) versionNow(r *Run) *version {
	if e.version == nil {
		e.version = &version{}
		switch {
		case e.whole || len(e.parts) > 0:
			e.version.raw = e.message(r).Raw()
		case e.header != nil:
			e.version.header = r.hold(e, e.header.Bytes())
		}
	}
	return e.version
}

// replaceWhole makes raw the message. Loops over the parts of the one before end.
func (r *Run) replaceWhole(raw []byte) {
	e := r.editing()
	e.base, e.whole, e.header, e.parts, e.content = mail.New(raw), true, nil, nil, false
	r.msg.sources, r.msg.bodies = nil, nil
	r.msg.generation++
	r.edited()
	r.changed(e.base.Header().Fields(), "")
}

// replacePart puts an entity, its header included, in the place of a part other than the
// root.
func (r *Run) replacePart(p *mail.Part, entity []byte) {
	e := r.editing()
	if e.parts == nil {
		e.parts = map[*mail.Part]*mail.Part{}
	}
	e.parts[p] = mail.New(entity).Root()
	r.msg.sources, r.msg.bodies = nil, nil // the message will have another tree
	r.edited()
}

// current returns what stands in the place of a part of base now.
func (e *editor) current(p *mail.Part) *mail.Part {
	for e != nil && e.parts[p] != nil {
		p = e.parts[p]
	}
	return p
}

// render returns the octets of a part with what was replaced in it; false says that they
// are those of the part.
func (e *editor) render(p *mail.Part) ([]byte, bool) {
	if q := e.current(p); q != p {
		raw, _ := e.render(q)
		return raw, true
	}
	body, changed := e.body(p)
	if !changed {
		return p.Raw(), false
	}
	head := p.Header().Raw()
	if p.Message != nil && p.Message.Root().Offset() != p.BodyOffset() {
		head = decodedHeader(p.Header()) // it was encoded, and is not any more
	}
	return append(bytes.Clone(head), body...), true
}

// body is render for what stands behind the part's header.
func (e *editor) body(p *mail.Part) ([]byte, bool) {
	if p.Message != nil {
		return e.render(p.Message.Root())
	}
	old := p.Body()
	var out []byte
	done := 0
	changed := false
	for _, child := range p.Parts {
		raw, other := e.render(child)
		if !other {
			continue
		}
		changed = true
		start := child.Offset() - p.BodyOffset()
		out = append(out, old[done:start]...)
		out = append(out, raw...)
		done = start + len(child.Raw())
		if done < len(old) && old[done] != '\r' && old[done] != '\n' {
			out = append(out, "\r\n"...) // an empty part shares its line end with the boundary
		}
	}
	if !changed {
		return nil, false
	}
	return append(out, old[done:]...), true
}

// decodedHeader returns a header that says that the body is not encoded.
func decodedHeader(h *mail.Header) []byte {
	out := mail.EditHeader(h)
	out.Set("Content-Transfer-Encoding", "8bit")
	return out.Bytes()
}

// boundaryIn says whether a line of text begins with a boundary of a multipart that a part is in,
// so that the text could not stand there as it is.
func (r *Run) boundaryIn(p *mail.Part, text string) bool {
	if !strings.HasPrefix(text, "--") && !strings.Contains(text, "\n--") {
		return false
	}
	e := r.editing()
	r.work(len(text))
	found, _ := e.boundaryAbove(e.base.Root(), p, text)
	return found
}

// boundaryAbove is boundaryIn for the part in place of from and all in it; in says whether p is
// among them.
func (e *editor) boundaryAbove(from, p *mail.Part, text string) (found, in bool) {
	from = e.current(from)
	if from == p {
		return false, true
	}
	if from.Message != nil {
		return e.boundaryAbove(from.Message.Root(), p, text)
	}
	for _, child := range from.Parts {
		if found, in = e.boundaryAbove(child, p, text); in {
			b := "--" + strings.TrimRight(from.Params["boundary"], " \t\r\n")
			found = found || len(b) > 2 && (strings.HasPrefix(text, b) || strings.Contains(text, "\n"+b))
			return found, true
		}
	}
	return false, false
}
