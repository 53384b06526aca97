package mailauth

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// askable says whether a name, in lower case and without the dot at its end, may be asked for:
// labels of 1 to 63 visible ASCII characters, 253 in all. Names under _domainkey, and those that
// macros of SPF make, are no host names, so any such character will do.
func askable(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '"' })
}

// asciiDomain returns a domain in lower case, in A-labels and without the dot at its end; ""
// if it is no domain of at least two labels.
func asciiDomain(domain string) string {
	domain = strings.TrimSuffix(domain, ".")
	if len(domain) > 1000 {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		if ascii = strings.ToLower(domain); strings.ContainsFunc(ascii, func(r rune) bool { return r >= 0x80 }) {
			return "" // names with _ are no host names, and are found in mail
		}
	}
	if !askable(ascii) || !strings.Contains(ascii, ".") || strings.HasPrefix(ascii, "[") {
		return ""
	}
	return ascii
}

// organization returns the organizational domain of a domain as asciiDomain returns it: its
// public suffix and one label more. A public suffix is its own.
//
// Spec: RFC 7489, section 3.2
func organization(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// splitAddress parts an address at its last @; "" where there is none.
func splitAddress(address string) (local, domain string) {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return address[:i], address[i+1:]
	}
	return address, ""
}

// printable returns at most n octets of s, with ? in place of what is no visible ASCII
// character and no blank: texts of the DNS and of mail go into headers, answers and logs.
func printable(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c >= 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}
