package mail

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Longest parts of an address, in octets.
//
// Spec: RFC 5321, section 4.5.3.1.
const (
	maxLocal  = 64
	maxDomain = 255
)

// ParseAddress reads s as one address and nothing else, as a redirect or an account
// needs it: local part, at sign, domain. UTF-8 is allowed in both, quotes around the
// local part and a domain literal too; names, comments, blanks and control
// characters are not.
//
// Spec: RFC 5321, section 4.1.2; RFC 6531, section 3.3.
func ParseAddress(s string) (Address, error) {
	a, err := parseAddrSpec(s)
	if err != nil {
		return Address{}, fmt.Errorf("mail: address %.80q: %w", s, err)
	}
	return a, nil
}

func parseAddrSpec(s string) (a Address, err error) {
	if !utf8.ValidString(s) {
		return a, errors.New("not UTF-8")
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return a, fmt.Errorf("control character at octet %d", i+1)
	}
	var rest string
	if strings.HasPrefix(s, `"`) {
		l := lexer{in: s}
		text, closed := l.quotedString()
		if !closed {
			return a, errors.New("quoted local part is not closed")
		}
		a.Local, rest = text, s[l.pos:]
	} else {
		i := strings.LastIndexByte(s, '@')
		if i < 0 {
			return a, errors.New("no @")
		}
		a.Local, rest = s[:i], s[i:]
		if a.Local == "" {
			return a, errors.New("no local part in front of the @")
		}
		if !isDotAtom(a.Local) {
			return a, errors.New("local part has a character or a dot that needs quotes")
		}
	}
	if !strings.HasPrefix(rest, "@") {
		return a, errors.New("no @ behind the local part")
	}
	a.Domain = rest[1:]
	switch {
	case len(a.Local) > maxLocal:
		return a, fmt.Errorf("local part is longer than %d octets", maxLocal)
	case len(a.Domain) > maxDomain:
		return a, fmt.Errorf("domain is longer than %d octets", maxDomain)
	}
	return a, checkDomain(a.Domain)
}

// checkDomain says what is wrong with a domain or a domain literal.
func checkDomain(domain string) error {
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		ip, ok := strings.CutSuffix(literal, "]")
		if !ok {
			return errors.New("domain literal is not closed")
		}
		if v6, ok := strings.CutPrefix(ip, "IPv6:"); ok {
			ip = v6
		}
		if _, err := netip.ParseAddr(ip); err != nil {
			return errors.New("domain literal is no IP address")
		}
		return nil
	}
	for label := range strings.SplitSeq(domain, ".") {
		switch {
		case label == "":
			return errors.New("domain has an empty label")
		case len(label) > 63:
			return errors.New("domain has a label of more than 63 octets")
		case label[0] == '-' || label[len(label)-1] == '-':
			return errors.New("domain has a label that begins or ends with a hyphen")
		}
		for _, r := range label {
			if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r >= utf8.RuneSelf) {
				return fmt.Errorf("domain has the character %q", r)
			}
		}
	}
	return nil
}

// isDotAtom says whether s can stand as a local part without quotes.
//
// Spec: RFC 5322, section 3.2.3; RFC 6532, section 3.2.
func isDotAtom(s string) bool {
	dot := true
	for i := range len(s) {
		c := s[i]
		if c == '.' {
			if dot {
				return false
			}
			dot = true
			continue
		}
		if c <= ' ' || c == 0x7f || strings.IndexByte(addressSpecials, c) >= 0 {
			return false
		}
		dot = false
	}
	return !dot
}
