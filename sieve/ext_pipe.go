package sieve

import "github.com/sluice-mail/sluice/runtime"

// vnd.dovecot.pipe gives the message to an external program, which is an action like a store:
// it is done when the plan is carried out, and cancels the implicit keep. Where the program
// fails, the message is kept.
//
// Spec:   Pigeonhole, spec-bosch-sieve-extprograms, section 5
// Status: complete
func init() {
	register(Extension{
		Name: pipeName, Spec: "Pigeonhole, spec-bosch-sieve-extprograms", Status: "complete; offered where a folder of programs is configured",
		Limits: "16 arguments of 1,024 octets; 10 s (can be set); one pipe to each program; counts among the outgoing messages", Off: true,

		// pipe [:copy] [:try] <program-name: string> [<arguments: string-list>]
		Commands: []Command{{Name: "pipe", Args: programArgs, Tags: []Tag{{Name: "try"}}, Bind: bindPipe}},
	})
}

func bindPipe(b *Binder, c *Call) Do {
	x, try := b.external(c), c.Tag("try") != nil
	return c.action(func(r *Run) (runtime.Action, error) {
		args, err := x.arguments(r)
		return runtime.Action{Kind: runtime.Pipe, Program: x.name, Args: args, Try: try}, err
	})
}
