package mail

import "strings"

// ParseParams reads the value of a field such as Content-Disposition: what stands in front
// of the first semicolon, without comments, and the parameters, with names in lower case
// and values decoded.
//
// Spec: RFC 2045, section 5.1; RFC 2183, section 2; RFC 2231.
func ParseParams(value string) (first string, params map[string]string) {
	first, list := parseParams(value)
	return strings.TrimSpace(first), decodeParams(list)
}
