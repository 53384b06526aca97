package runtime

// After sets what the next script of a chain begins with where earlier ones have settled on
// these actions: the message as an implicit keep would store it, and the flags that it would
// get. False says that no keep is left, so that the chain ends.
//
// Spec: RFC 5232, section 5 (implicit keep); RFC 5293, section 6
func (o *RunOptions) After(settled []Action) (kept bool) {
	for i := range settled {
		a := &settled[i]
		if a.Kind != Keep {
			continue
		}
		kept = true
		if a.Implicit {
			o.EditedHeader, o.EditedRaw, o.Flags = a.Header, a.Raw, a.Flags
		}
	}
	return kept
}
