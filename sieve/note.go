package sieve

import "fmt"

// Note tells whoever looks for the faults of a script why a test could not be decided. It goes
// to the record of the run and changes nothing.
func (r *Run) Note(format string, args ...any) {
	if r.err != nil {
		return
	}
	if _, err := r.task.Invoke("debug_log", fmt.Sprintf(format, args...), "problem"); err != nil {
		r.Fail(err)
	}
}
