package sieve

// What a test suite's host needs beside a language: see sieve/testsuite.

// Position returns the place at which a span begins.
func (b *Binder) Position(at Span) Position { return b.script.Position(at.Start) }

// Finish does what the end of a script does for the message and its flags. The script may go on
// afterwards.
func (r *Run) Finish() error {
	for _, f := range r.prog.atEnd {
		f(r)
	}
	if err := r.KeepEdited(); err != nil {
		return err
	}
	return r.err
}

// Reset forgets what the script has done to the message and its flags.
func (r *Run) Reset() {
	r.flags, r.flagsSet, r.readFlags = nil, false, nil
	r.MessageChanged()
}
