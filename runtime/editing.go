package runtime

import (
	"github.com/sluice-mail/sluice/mail"
)

// editing is what a run has made of the message: a version of it, and an editor of its header
// whose octets are made when somebody wants them.
type editing struct {
	set         bool   // header and raw say what the message is; else the view does
	header, raw []byte // as Action.Header and Raw
	editor      *mail.HeaderEditor
	dirty       bool // the editor has what header and raw lack
	added       int  // fields
	generation  int  // of what languages with an editor of their own have to look at
}

// maxAddedFields bounds the header fields that a run adds.
const maxAddedFields = 1000

// version returns the message as it is now, as actions want it: nil for what is as it was
// received.
func (r *run) version() (header, raw []byte, err error) {
	d := &r.edit
	switch {
	case d.dirty:
		header = d.editor.Bytes()
		if d.raw != nil {
			raw = append(append(make([]byte, 0, len(header)+len(d.raw)), header...), mail.New(d.raw).Body()...)
			header = nil
		}
		if err := r.hold(len(header) + len(raw) - len(d.header) - len(d.raw)); err != nil {
			return nil, nil, err
		}
		d.header, d.raw, d.dirty = header, raw, false
		return header, raw, nil
	case d.set:
		return d.header, d.raw, nil
	}
	return r.view.EditedHeader, r.view.EditedRaw, nil
}

// setVersion makes another message of it.
func (r *run) setVersion(header, raw []byte) {
	r.edit = editing{set: true, header: header, raw: raw, added: r.edit.added, generation: r.edit.generation}
	r.content.edited("")
}

// editHeader has change edit the header of the message, and forgets what was read of it. name is
// that of the only fields that it touches. False says that there is no message.
func (r *run) editHeader(name string, change func(h *mail.HeaderEditor)) (bool, error) {
	m, err := r.message()
	if err != nil || m == nil {
		return false, err
	}
	d := &r.edit
	if !d.set {
		d.set, d.header, d.raw = true, r.view.EditedHeader, r.view.EditedRaw
	}
	if d.editor == nil {
		d.editor = mail.EditHeader(m.Header())
	}
	change(d.editor)
	d.dirty = true
	d.generation++
	r.content.edited(name)
	return true, nil
}

// finish puts into the plan what an implicit keep stores. It is called when the program has ended
// well.
func (r *run) finish() error {
	if !r.edit.set {
		return nil
	}
	header, raw, err := r.version()
	if err != nil {
		return err
	}
	r.plan.KeepHeader, r.plan.KeepRaw = header, raw
	return nil
}

// stamp puts the message as it is now, and the flags that were set, into an action that a script
// asks for by its function. flags says that the script named flags of its own.
func (e *Env) stamp(a *Action, flags bool) (err error) {
	if a.Header == nil && a.Raw == nil {
		a.Header, a.Raw, err = e.run.version()
	}
	if !flags && (a.Kind == Keep || a.Kind == FileInto) {
		a.Flags = e.run.flags()
	}
	return err
}

// flags returns the flags that stores get which name none.
//
// Spec: RFC 5232, section 5
func (r *run) flags() []string {
	if r.plan.FlagsSet {
		return r.plan.KeepFlags
	}
	return r.view.Flags
}
