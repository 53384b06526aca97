package runtime

import (
	"fmt"
	"strings"
)

// authHeader returns the value of an Authentication-Results field: SPF, and with dmarc the
// signatures and DMARC.
//
// Spec: RFC 8601, section 2.2
func authHeader(v *View, spf SPFResult, signatures []DKIMResult, dmarc *DMARCResult) string {
	var b strings.Builder
	b.WriteString(authValue(v.Hostname))
	property := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%s", name, authValue(value))
		}
	}
	b.WriteString("; spf=" + authValue(spf.Result))
	if v.From.Address != "" {
		property("smtp.mailfrom", v.From.Address)
	} else {
		property("smtp.helo", v.Client.Helo)
	}
	if dmarc == nil {
		return b.String()
	}
	if len(signatures) == 0 {
		b.WriteString("; dkim=none")
	}
	for _, s := range signatures {
		b.WriteString("; dkim=" + authValue(s.Result))
		property("reason", s.Error)
		property("header.d", s.Domain)
		if s.Identity != "@"+s.Domain {
			property("header.i", s.Identity)
		}
		property("header.s", s.Selector)
		property("header.a", s.Algorithm)
		property("header.b", s.Signature)
	}
	b.WriteString("; dmarc=" + authValue(dmarc.Result))
	property("policy.dmarc", dmarc.Policy)
	property("header.from", dmarc.Domain)
	return b.String()
}

// maxAuthValue bounds a value of the field, in octets.
const maxAuthValue = 320

// authValue returns a value as it may stand in the field: addresses and names as they are, and
// anything else as a quoted string, with ? for what may not be in one. A peer chooses most of
// them, and must not add a result of its own.
func authValue(s string) string {
	if len(s) > maxAuthValue {
		s = s[:maxAuthValue]
	}
	plain := s != "" && strings.Count(s, "@") <= 1
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c < ' ' || c >= 0x7f:
			c, plain = '?', false
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			plain = false
		case strings.IndexByte("!#$%&'*+-./^_`{|}~@", c) >= 0, c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
		default:
			plain = false
		}
		b.WriteByte(c)
	}
	if plain {
		return s
	}
	return `"` + b.String() + `"`
}
