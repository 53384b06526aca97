package sieve

// vacation-seconds lets vacation say in seconds how long a sender gets no second answer.
//
// Spec:   RFC 6131
// Status: complete
func init() {
	register(Extension{
		Name: "vacation-seconds", Spec: "RFC 6131", Status: "complete", Implies: []string{"vacation"},
		Limits: "at least 1 day, as `:days` (can be set)",
		// vacation [":seconds" number] ...
		Tags: []Tag{{Name: "seconds", On: []string{"vacation"}, Group: groupPeriod, Args: []Arg{{Name: "seconds", Kind: NumberArgument}}}},
	})
}
