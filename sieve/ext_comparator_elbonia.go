package sieve

// comparator-elbonia is the comparator that RFC 5228 takes for an example. Nothing is said of
// how Elbonians compare: octet by octet will do.
//
// Spec:   RFC 5228, section 6.1
// Status: complete
func init() {
	register(Extension{
		Name: "comparator-elbonia", Spec: "RFC 5228, section 6.1", Status: "complete; compares octets",
		Comparators: []Comparator{{Name: "elbonia", Substring: true}},
	})
}
