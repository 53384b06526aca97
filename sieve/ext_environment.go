package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// environment tests what is known of the place where the script runs. An item that is not
// known matches nothing, whatever is asked of it.
//
// Spec:   RFC 5183
// Status: complete
func init() {
	register(Extension{
		Name: "environment", Spec: "RFC 5183", Status: "complete; items can be set by the administrator",

		// environment [COMPARATOR] [MATCH-TYPE] <name: string> <key-list: string-list>
		Tests: []Test{{
			Name: "environment", Args: []Arg{{Name: "name", Kind: StringArgument}, {Name: "key-list", Kind: ListArgument}},
			Match: true, Bind: func(b *Binder, c *Call) Check {
				name, m := c.Text("name"), c.Matcher("key-list")
				allowed := b.environmentItems()
				return func(r *Run) (bool, error) {
					s, ok := r.environment(lowerASCII(name.Value(r)), *allowed)
					switch {
					case !ok:
						return false, nil
					case m.Counting():
						n := 1
						if s == "" {
							n = 0
						}
						return m.Count(r, n), nil
					}
					return m.MatchText(r, s), nil
				}
			},
		}},
	})
}

// environmentItems are those items that an extension of the script brings.
type environmentItems struct{ dovecot, imap bool }

// environmentItems returns what the script may ask for; it is known when all of it is bound.
func (b *Binder) environmentItems() *environmentItems {
	items := &environmentItems{}
	b.Later(func() {
		items.dovecot, items.imap = b.Required(dovecotEnvironmentName), b.Required(imapsieveName)
	})
	return items
}

// environment returns an item, whose name is in lower case. What the administrator has set goes
// before what the run knows.
func (r *Run) environment(name string, allowed environmentItems) (string, bool) {
	dovecot := strings.HasPrefix(name, "vnd.dovecot.")
	if dovecot && !allowed.dovecot {
		return "", false
	}
	if s, ok := r.Options().Environment[name]; ok {
		return s, true
	}
	v, s := r.view, ""
	switch name {
	case "name":
		return "Sluice", true
	case "host":
		s = v.Hostname
	case "domain":
		_, s, _ = strings.Cut(v.Hostname, ".")
	case "location":
		return stageLocation(v.Stage), true
	case "phase":
		return stagePhase(v.Stage), true
	case "remote-host":
		s = v.Client.PTR
	case "remote-ip":
		if v.Client.IP.IsValid() {
			s = v.Client.IP.Unmap().String()
		}
	default:
		if dovecot {
			return r.dovecotEnvironment(name)
		}
		if strings.HasPrefix(name, "imap.") && allowed.imap {
			return r.imapEnvironment(name)
		}
	}
	return s, s != ""
}

// stageLocation returns what kind of server evaluates a script at a stage.
//
// Spec: RFC 5183, section 4.1 (location)
func stageLocation(s runtime.Stage) string {
	switch s {
	case runtime.StageDeliver:
		return "MDA"
	case runtime.StageIMAP, runtime.StageCron:
		return "MS"
	}
	return "MTA"
}

// stagePhase returns when a script of a stage runs, seen from final delivery.
func stagePhase(s runtime.Stage) string {
	switch s {
	case runtime.StageDeliver:
		return "during"
	case runtime.StageIMAP, runtime.StageCron:
		return "post"
	}
	return "pre"
}
