package sieve

// vnd.dovecot.debug lets a script note texts for whoever looks for its faults. They go to the
// record of the run, and nowhere else.
//
// Spec:   Pigeonhole, spec-bosch-sieve-debug
// Status: complete
func init() {
	register(Extension{
		Name: "vnd.dovecot.debug", Spec: "Pigeonhole, spec-bosch-sieve-debug", Status: "complete",
		Limits: "100 notes a run, 1 KiB each",

		// debug_log <message: string>
		Commands: []Command{{
			Name: "debug_log", Args: []Arg{{Name: "message", Kind: StringArgument}},
			Bind: func(_ *Binder, c *Call) Do {
				message := c.Text("message")
				return func(r *Run) error {
					_, err := r.task.Invoke("debug_log", message.Value(r))
					return err
				}
			},
		}},
	})
}
