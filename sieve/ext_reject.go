package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// reject refuses a message and tells the sender why.
//
// Spec:   RFC 5429, section 2.2
// Status: complete
func init() {
	register(Extension{
		Name: "reject", Spec: "RFC 5429, section 2.2", Status: "complete", Limits: "8 KiB of the reason are used",
		// reject <reason: string>
		Commands: []Command{refusal("reject", runtime.Reject)},
	})
}

// refusal declares reject or ereject.
func refusal(name string, kind runtime.ActionKind) Command {
	return Command{
		Name: name, Args: []Arg{{Name: "reason", Kind: StringArgument}},
		Bind: func(_ *Binder, c *Call) Do {
			reason := c.Text("reason")
			c.lawful()
			return c.action(func(r *Run) (runtime.Action, error) {
				return runtime.Action{Kind: kind, Reason: reason.Value(r)}, nil
			})
		},
	}
}
