package testsuite

import (
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// envelopeAddress reads an address as test_set takes it, with or without brackets. "<>" and
// what is no address are the null one, the latter with an error.
func (s *suite) envelopeAddress(value string) string {
	path, err := readPath(strings.TrimSpace(value))
	if err != nil {
		s.errorf("envelope address %q is invalid: %v", value, err)
		return ""
	}
	return path
}

// readPath reads a path as peers send it: a source route is left out, a local part may stand
// alone, and dots and hyphens where they should not be are taken.
//
// Spec: RFC 5321, sections 4.1.2 and 4.1.1.3 (Postmaster)
func readPath(s string) (string, error) {
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		if s, ok = strings.CutSuffix(inner, ">"); !ok {
			return "", errors.New("the bracket is not closed")
		}
	}
	if s == "" {
		return "", nil
	}
	if strings.HasPrefix(s, "@") {
		route, rest, ok := strings.Cut(s, ":")
		if !ok {
			return "", errors.New("the source route has no end")
		}
		for hop := range strings.SplitSeq(route, ",") {
			if domain, ok := strings.CutPrefix(hop, "@"); !ok || !isDomain(domain) {
				return "", errors.New("the source route is broken")
			}
		}
		s = rest
	}
	local, domain, at := s, "", strings.LastIndexByte(s, '@')
	if at >= 0 {
		local, domain = s[:at], s[at+1:]
		if !isDomain(domain) {
			return "", errors.New("the domain is broken")
		}
	}
	if strings.HasPrefix(local, `"`) {
		if _, err := mail.ParseAddress(local + "@b.example"); err != nil {
			return "", err
		}
		return s, nil
	}
	if local == "" || strings.ContainsAny(local, " \t()<>[]:;@\\,\"") {
		return "", errors.New("the local part is broken")
	}
	return s, nil
}

// isDomain says whether a domain may stand in a path: labels of any letters, digits, hyphens
// and underscores, or an address in brackets.
func isDomain(s string) bool {
	if strings.HasPrefix(s, "[") {
		return strings.HasSuffix(s, "]")
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.ContainsAny(label, " \t()<>[]:;@\\,\"") {
			return false
		}
	}
	return true
}
