package sieve

import "slices"

// imapflags is the older form of imap4flags, from a draft: its commands, and mark and unmark
// for \Flagged.
//
// Spec:   draft-melnikov-sieve-imapflags-03
// Status: complete; deprecated
func init() {
	const old, now = "imapflags", "imap4flags"
	flagged := []string{`\Flagged`}
	register(Extension{
		Name: old, Spec: "draft-melnikov-sieve-imapflags-03", Status: "complete; deprecated, use `imap4flags`", Off: true,
		Commands: []Command{
			{Name: "mark", Bind: func(*Binder, *Call) Do {
				return func(r *Run) error { return r.markFlags(append(slices.Clone(r.Flags()), flagged...)) }
			}},
			{Name: "unmark", Bind: func(*Binder, *Call) Do {
				return func(r *Run) error { return r.markFlags(without(r.Flags(), flagged)) }
			}},
		},
		Excludes: []string{now},
		Implies:  []string{now}, // whose commands they are
	})
}

func (r *Run) markFlags(flags []string) error {
	r.flags, r.flagsSet = normalFlags(flags), true
	return nil
}
