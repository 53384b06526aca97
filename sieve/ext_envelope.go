package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// envelope tests the addresses of the transaction. "from" of the null reverse-path is the
// empty string whatever part is asked for; "to" is the final recipient. Beside these there
// are "orig_to", the recipient as the sender gave it, and "auth", the name that the sender
// logged in with, which is no address and has no parts.
//
// Spec:   RFC 5228, section 5.4
// Status: complete
func init() {
	register(Extension{
		Name: "envelope", Spec: "RFC 5228, section 5.4", Status: "complete",

		// envelope [COMPARATOR] [ADDRESS-PART] [MATCH-TYPE] <envelope-part: string-list> <key-list: string-list>
		Tests: []Test{{
			Name: "envelope", Args: []Arg{{Name: "envelope-part", Kind: ListArgument}, {Name: "key-list", Kind: ListArgument}},
			Match: true, AddressPart: true, Bind: bindEnvelope,
		}},
	})
}

func bindEnvelope(b *Binder, c *Call) Check {
	names := c.Texts("envelope-part")
	for _, n := range names {
		s, ok := n.Constant()
		if !ok || envelopeIndex(s) >= 0 {
			continue
		}
		other, ok := envelopeParts[lowerASCII(s)]
		switch e := b.lang.registry.extensions[other.capability]; {
		case !ok || e == nil:
			b.Errorf(n.Span, "envelope: unknown part %q; expected from or to", clip(s))
		case !b.Required(other.capability):
			b.needs(n.Span, "part", s, e)
		case c.group(groupAddressPart) != nil:
			b.Errorf(n.Span, "envelope: %q is no address, and has no parts such as %q", clip(s), ":"+c.group(groupAddressPart).Def.Name)
		}
	}
	// active are the parts of extensions, if one may be asked for.
	var active map[string]bool
	for _, n := range names {
		if s, ok := n.Constant(); active == nil && (!ok || envelopeIndex(s) < 0) {
			active = map[string]bool{}
			for name, p := range envelopeParts {
				active[name] = b.Required(p.capability)
			}
		}
	}
	m, part := c.Matcher("key-list"), c.AddressPart()
	return func(r *Run) (bool, error) {
		n := 0
		for i := range names {
			name := names[i].Value(r)
			var v []Value
			if k := envelopeIndex(name); k >= 0 {
				v = r.path(k).values(r, part)
			} else if name = lowerASCII(name); active[name] {
				for _, s := range envelopeParts[name].values(r) {
					v = append(v, Value{Text: s})
				}
			}
			if m.Counting() {
				n += len(v)
			} else if m.Match(r, v) {
				return true, nil
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

func envelopeIndex(name string) int {
	switch lowerASCII(name) {
	case "from":
		return 0
	case "to":
		return 1
	case "orig_to":
		return 2
	case "auth":
		return 3
	}
	return -1
}

// path returns the reverse-path or the recipient. Before the stage that brings one there
// is none, which matches nothing.
func (r *Run) path(k int) *addresses {
	if a := r.envelope[k]; a != nil {
		return a
	}
	a := &addresses{}
	r.envelope[k] = a
	v := r.view
	switch {
	case k == 1 && v.Rcpt.Address != "":
		a.setPath(v.Rcpt.Address)
	case k == 0 && (v.From.Address != "" || hasSender(v.Stage)):
		a.setPath(v.From.Address)
	case k == 2 && v.Rcpt.Original != "":
		a.setPath(v.Rcpt.Original)
	case k == 3 && v.Client.Authenticated != "":
		a.whole = []string{v.Client.Authenticated}
	}
	return a
}

func hasSender(s runtime.Stage) bool {
	switch s {
	case runtime.StageConnect, runtime.StageEhlo, runtime.StageIMAP, runtime.StageCron:
		return false
	}
	return true
}
