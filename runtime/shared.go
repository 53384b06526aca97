package runtime

// Changes says how often functions of the table have edited the message or set flags in this run.
// It is for the code of a Composer, which keeps both itself.
func (t *Task) Changes() int {
	if r, ok := t.link.(*run); ok {
		return r.edit.generation
	}
	return 0
}

// Edited returns the message as functions of the table have edited it, as Action.Header and Raw,
// and the flags that stores get, nil if nothing in this run has set them. It is for the code of a
// Composer.
func (t *Task) Edited() (header, raw []byte, flags []string, err error) {
	r, ok := t.link.(*run)
	if !ok {
		return t.view.EditedHeader, t.view.EditedRaw, nil, nil
	}
	header, raw, err = r.version()
	if r.plan.FlagsSet {
		flags = append([]string{}, r.plan.KeepFlags...)
	}
	return header, raw, flags, err
}
