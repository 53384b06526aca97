package sieve

import (
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// redirect-deliverby lets redirect say until when the message is to be delivered. The relay
// gets it if it knows DELIVERBY. Else the queue watches the time: with :bymode "return" it is
// not given to a relay that promises nothing, and comes back; without, it goes on.
//
// Spec:   RFC 6009, section 6; RFC 2852
// Status: complete
func init() {
	on := []string{"redirect"}
	const group = "deliver by"
	register(Extension{
		Name: "redirect-deliverby", Spec: "RFC 6009, section 6", Status: "complete", Limits: "999,999,999 seconds",
		// redirect [":bytimerelative" <rlimit: number> / ":bytimeabsolute" <alimit: string>
		//          [":bymode" <"notify" / "return">] [":bytrace"]] ...
		Tags: []Tag{
			{Name: "bytimerelative", On: on, Group: group, Args: []Arg{{Name: "rlimit", Kind: NumberArgument}}},
			{Name: "bytimeabsolute", On: on, Group: group, Args: []Arg{{Name: "alimit", Kind: StringArgument}}},
			{Name: "bymode", On: on, Args: []Arg{{Name: "mode", Kind: StringArgument}}},
			{Name: "bytrace", On: on},
		},
		Hooks: []Hook{{On: on, Bind: bindDeliverBy}},
	})
}

// maxDeliverBy is the longest time that BY can say, in seconds.
//
// Spec: RFC 2852, section 4
const maxDeliverBy = 999_999_999

func bindDeliverBy(b *Binder, c *Call) {
	relative, absolute := c.Tag("bytimerelative"), c.Tag("bytimeabsolute")
	mode, trace := c.Tag("bymode"), c.Tag("bytrace")
	if relative == nil && absolute == nil {
		for _, u := range []*TagUse{mode, trace} {
			if u != nil {
				b.Errorf(u.Span, "%q needs %q or %q", ":"+u.Def.Name, ":bytimerelative", ":bytimeabsolute")
			}
		}
		return
	}
	back := Text{constant: "notify"}
	if mode != nil {
		back = mode.Text()
		if s, ok := back.Constant(); ok && byMode(s) == "" {
			b.Errorf(back.Span, "redirect: unknown mode %q; expected \"notify\" or \"return\"", clip(s))
		}
	}
	var at Text
	if absolute != nil {
		at = absolute.Text()
		if s, ok := at.Constant(); ok {
			if _, err := time.Parse(time.RFC3339, s); err != nil {
				b.Errorf(at.Span, "redirect: %q is no time; expected one such as 2026-11-21T12:00:00+01:00", clip(s))
			}
		}
	}
	var limit int64
	if relative != nil {
		limit = int64(min(relative.Number(), maxDeliverBy))
	}
	isRelative, traced := relative != nil, trace != nil
	c.Edit(func(r *Run, a *runtime.Action) {
		m := byMode(back.Value(r))
		if m == "" {
			m = "N"
		}
		seconds := limit
		if !isRelative {
			t, err := time.Parse(time.RFC3339, at.Value(r))
			if err != nil {
				return // a time that the message brought, and none
			}
			seconds = max(min(int64(t.Sub(r.view.Time)/time.Second), maxDeliverBy), -maxDeliverBy)
		}
		if traced {
			m += "T"
		}
		setParam(a, "BY", fmt.Sprintf("%d;%s", seconds, m))
	})
}

// byMode returns the letter of a mode, "" for none.
func byMode(s string) string {
	switch lowerASCII(s) {
	case "notify":
		return "N"
	case "return":
		return "R"
	}
	return ""
}
