package sieve

import (
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// shared evaluates an expression such that its functions see the message and the flags as commands
// have changed them, and that commands see what functions change.
func (r *Run) shared(eval func() (runtime.Value, error)) (runtime.Value, error) {
	if err := r.tell(); err != nil {
		return nil, err
	}
	v, err := eval()
	if err == nil {
		err = r.hear()
	}
	return v, err
}

// tell hands on what commands have changed. It costs nothing where they have not.
func (r *Run) tell() error {
	if r.flagsSet {
		r.task.SetKeepFlags(r.flags)
	}
	e := r.msg.edit
	if e == nil {
		return nil
	}
	v := e.versionNow(r)
	if r.err != nil || v == r.msg.told {
		return r.err
	}
	r.msg.told = v
	return r.task.EditKeep(v.header, v.raw)
}

// hear takes over what functions have changed: the header, never the body, and flags.
func (r *Run) hear() error {
	n := r.task.Changes()
	if n == r.heard {
		return nil
	}
	r.heard = n
	header, raw, flags, err := r.task.Edited()
	if err != nil {
		return err
	}
	if flags != nil {
		r.readFlags, r.flags, r.flagsSet = nil, flags, true
	}
	e := r.editing()
	if e == nil || header == nil && raw == nil {
		return nil
	}
	h := header
	if h == nil {
		h = raw
	}
	e.header, e.content = mail.EditHeader(mail.New(h).Header()), true
	r.edited()
	e.version = &version{header, raw}
	r.msg.told = e.version
	r.changed(e.header.Fields, "")
	return nil
}
