package sieve

import "github.com/sluice-mail/sluice/runtime"

// vnd.dovecot.filter gives the message to an external program and takes what it prints as the
// message. If the program fails, says no by its exit status or prints nothing, the message
// stays as it is.
//
// Spec:   Pigeonhole, spec-bosch-sieve-extprograms, sections 6 and 8
// Status: complete
func init() {
	register(Extension{
		Name: filterName, Spec: "Pigeonhole, spec-bosch-sieve-extprograms", Status: "complete; offered where a folder of programs is configured",
		Limits: "16 arguments of 1,024 octets; 10 s and 64 MiB of output (can be set), within the time and memory of the run", Off: true,

		// filter <program-name: string> [<arguments: string-list>]
		Commands: []Command{{Name: "filter", Args: programArgs, Bind: func(b *Binder, c *Call) Do {
			filter := bindFilter(b, c, true)
			return func(r *Run) error {
				_, err := filter(r)
				return err
			}
		}}},
		Tests: []Test{{Name: "filter", Args: programArgs, Bind: func(b *Binder, c *Call) Check { return bindFilter(b, c, false) }}},
	})
}

func bindFilter(b *Binder, c *Call, strict bool) Check {
	x := b.external(c)
	return func(r *Run) (bool, error) {
		if r.view.Mail() == nil {
			return false, nil
		}
		call := runtime.ExternalCall{Folder: r.options.FilterFolder, Options: r.options.FilterOptions}
		call.Output = true
		if err := r.feed(&call); err != nil {
			return false, err
		}
		out, ok, err := x.run(r, call, strict)
		if err != nil || !ok || len(out) == 0 {
			return false, err
		}
		e := r.editing()
		raw := r.hold(e, []byte(withCRLF(string(out))))
		if r.err != nil {
			return false, r.err
		}
		r.replaceWhole(raw)
		e.bare = nil // what was enclosed is not what redirects send any more
		return true, nil
	}
}
