package sieve

import (
	"strings"
	"time"
)

// duplicate tells whether a message, or what a script makes of it, was seen before. It is
// remembered by account, once the message is dealt with: two equal tests of one run say the same.
//
// Spec:   RFC 7352
// Status: complete
func init() {
	text := []Arg{{Name: "text", Kind: StringArgument}}
	const unique = "unique id"
	register(Extension{
		Name: "duplicate", Spec: "RFC 7352", Status: "complete", Limits: "remembered for 7 days, `:seconds` up to 60 days (both can be set)",
		// duplicate [":handle" string] [":header" string / ":uniqueid" string]
		//           [":seconds" number] [":last"]
		Tests: []Test{{
			Name: "duplicate",
			Tags: []Tag{
				{Name: "handle", Args: text}, {Name: "header", Group: unique, Args: text}, {Name: "uniqueid", Group: unique, Args: text},
				{Name: "seconds", Args: []Arg{{Name: "timeout", Kind: NumberArgument}}}, {Name: "last"},
			},
			Bind: bindDuplicate,
		}},
		Excludes: []string{oldDuplicate},
	})
	register(Extension{
		Name: oldDuplicate, Spec: "Pigeonhole", Status: "complete; the older name of `duplicate`",
		Excludes: []string{"duplicate"},
		Implies:  []string{"duplicate"},
	})
}

const oldDuplicate = "vnd.dovecot.duplicate"

func bindDuplicate(b *Binder, c *Call) Check {
	text := func(name string) *Text {
		if u := c.Tag(name); u != nil {
			t := u.Text()
			return &t
		}
		return nil
	}
	handle, unique := text("handle"), text("uniqueid")
	name := Text{constant: "message-id"}
	if h := text("header"); h != nil {
		name = *h
	}
	names := b.headerNames([]Text{name})
	last := c.Tag("last") != nil
	wanted := time.Duration(-1) // :seconds
	if u := c.Tag("seconds"); u != nil {
		wanted = time.Duration(min(u.Number(), uint64(100*365*24*3600))) * time.Second
	}
	return func(r *Run) (bool, error) {
		value := ""
		if unique != nil {
			value = unique.Value(r)
		} else if found := r.field(&names[0]).found; len(found) > 0 {
			value = strings.TrimSpace(found[0].Value())
		}
		if value == "" || r.err != nil {
			return false, r.err
		}
		key := value
		if handle != nil {
			key = handle.Value(r) + "\x00" + value
		}
		o := r.mailOptions()
		period := o.DuplicatePeriod
		if wanted >= 0 {
			period = wanted
		}
		period = max(min(period, o.DuplicateMax), time.Second)
		known, err := r.task.Invoke("remembered", "duplicate", key)
		if err != nil {
			return false, err
		}
		if known != true || last {
			if _, err := r.task.Invoke("remember", "duplicate", key, int64(period/time.Second)); err != nil {
				return false, err
			}
		}
		return known == true, nil
	}
}
