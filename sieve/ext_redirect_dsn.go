package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// redirect-dsn lets redirect say which delivery status notifications the sender gets. What a
// script does not say is as the sender asked for it.
//
// Spec:   RFC 6009, section 5; RFC 3461
// Status: complete; the relay gets it if it knows DSN, else nobody asks for it
func init() {
	text := []Arg{{Name: "value", Kind: StringArgument}}
	on := []string{"redirect"}
	register(Extension{
		Name: "redirect-dsn", Spec: "RFC 6009, section 5", Status: "complete",
		// redirect [":notify" string] [":ret" string] ...
		Tags: []Tag{
			{Name: "notify", On: on, Args: text, Bind: func(b *Binder, c *Call, u *TagUse) {
				b.parameter(c, u.Text(), "NOTIFY", `"NEVER" or some of "SUCCESS", "FAILURE" and "DELAY", parted by commas`, notifyValue)
			}},
			{Name: "ret", On: on, Args: text, Bind: func(b *Binder, c *Call, u *TagUse) {
				b.parameter(c, u.Text(), "RET", `"FULL" or "HDRS"`, retValue)
			}},
		},
		Hooks: []Hook{{On: on, Bind: func(_ *Binder, c *Call) {
			c.Edit(func(r *Run, a *runtime.Action) {
				for name, v := range map[string]string{
					"NOTIFY": first1(r.dsn("notify")), "RET": first1(r.dsn("ret")), "ENVID": first1(r.dsn("envid")), "ORCPT": first1(r.dsn("orcpt")),
				} {
					if name == "NOTIFY" {
						v = strings.Join(r.dsn("notify"), ",")
					}
					if a.Params[name] == "" && v != "" {
						setParam(a, name, v)
					}
				}
			})
		}}},
	})
}

// parameter has an action carry an ESMTP parameter. A constant that is none is an error; a
// text that is none in a run is left out.
func (b *Binder) parameter(c *Call, t Text, name, expected string, read func(string) string) {
	if s, ok := t.Constant(); ok && read(s) == "" {
		b.Errorf(t.Span, "%s: unknown value %q; expected %s", c.name, clip(s), expected)
	}
	c.Edit(func(r *Run, a *runtime.Action) {
		if v := read(t.Value(r)); v != "" {
			setParam(a, name, v)
		}
	})
}

func setParam(a *runtime.Action, name, value string) {
	if a.Params == nil {
		a.Params = map[string]string{}
	}
	a.Params[name] = value
}

// notifyValue returns a value of NOTIFY as it is sent, "" for none.
func notifyValue(s string) string {
	s = upperASCII(strings.TrimSpace(s))
	if s == "NEVER" {
		return s
	}
	var out []string
	for w := range strings.SplitSeq(s, ",") {
		switch w = strings.TrimSpace(w); w {
		case "SUCCESS", "FAILURE", "DELAY":
			if !contains(out, w) {
				out = append(out, w)
			}
		default:
			return ""
		}
	}
	return strings.Join(out, ",")
}

// retValue returns a value of RET as it is sent, "" for none.
func retValue(s string) string {
	switch s = upperASCII(strings.TrimSpace(s)); s {
	case "FULL", "HDRS":
		return s
	}
	return ""
}
