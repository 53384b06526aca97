package sieve

import "errors"

const ihaveName = "ihave"

// ihave asks whether extensions are there, and turns them on if they are. What cannot be reached
// because of the answer may use anything: it is not looked at. error ends the script.
//
// Spec:   RFC 5463
// Status: complete
func init() {
	register(Extension{
		Name: ihaveName, Spec: "RFC 5463", Status: "complete",
		Limits: "1 KiB of the text of an error",

		// ihave <capabilities: string-list>
		Tests: []Test{{Name: ihaveName, Args: []Arg{{Name: "capabilities", Kind: ListArgument}}, Bind: bindIHave}},
		// error <message: string>
		Commands: []Command{{
			Name: "error", Args: []Arg{{Name: "message", Kind: StringArgument}},
			Bind: func(b *Binder, c *Call) Do {
				message := c.Text("message")
				b.ended = true
				return func(r *Run) error { return errors.New(cutText(message.Value(r), 1<<10)) }
			},
		}},
	})
}

// stringSyntax are extensions that change what strings mean. ihave cannot turn them on, since
// the strings before it were read already.
//
// Spec: RFC 5463, section 4
var stringSyntax = map[string]bool{"variables": true, "encoded-character": true}

func bindIHave(b *Binder, c *Call) Check {
	have := true
	list := c.argument("capabilities").Strings
	for i := range list {
		t := b.Text(&list[i])
		s, ok := b.constantText(t, "the name of an extension")
		if !ok {
			return nil
		}
		have = have && b.offers(s, t.Span)
	}
	if have {
		for _, s := range list {
			b.activate(b.lang.registry.extensions[s.Value], s.Span)
		}
	}
	c.known = knownAs(have)
	return func(*Run) (bool, error) { return have, nil }
}

// offers says whether a script that asks at this place can have an extension.
func (b *Binder) offers(capability string, at Span) bool {
	e, ok := b.lang.registry.extensions[capability]
	switch {
	case !ok:
		return false
	case b.on(e.number):
		return true
	case stringSyntax[capability]:
		return false
	case e.Required != nil:
		n, faulty := len(b.errors), b.faulty
		e.Required(b, at)
		ok = len(b.errors) == n
		b.errors, b.faulty = b.errors[:n], faulty
	}
	return ok
}

// known says what is known of a test before the run.
type known int8

const (
	unknown known = iota
	knownTrue
	knownFalse
)

func knownAs(v bool) known {
	if v {
		return knownTrue
	}
	return knownFalse
}

// known returns what is known of a condition in a script that uses ihave; nothing in others,
// whose dead parts are checked like all else.
func (b *Binder) known(c *Condition) known {
	if c == nil || !b.on(b.lang.registry.known.ihave) {
		return unknown
	}
	return c.known
}
