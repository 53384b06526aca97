package dns

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// maxName is how many octets a name has at most, without the dot at its end.
const maxName = 253

// toASCII converts names with letters beyond ASCII as browsers and mail programs do, and takes
// the underscores of _dmarc and the like.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// canonical returns a name in lower case without the dot at its end, with the escapes of master files,
// "." for the root; false if it cannot be a name, or is one that is not asked for.
//
// Spec: RFC 1035, section 2.3.4; RFC 5891; RFC 6761, section 6.4 (invalid); RFC 7686 (onion)
func canonical(name string, qtype uint16) (string, bool) {
	if n := len(name); n > 0 && (isDigit(name[n-1]) || strings.IndexByte(name, ':') >= 0) { // only then it may be an IP address
		if ip, err := netip.ParseAddr(name); err == nil {
			if qtype != dns.TypePTR || ip.Zone() != "" {
				return "", false
			}
			return reverse(ip.Unmap()), true
		}
	}
	if name == "." {
		return name, true
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 4*maxName {
		return "", false
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			ascii, err := toASCII.ToASCII(name)
			if err != nil || !utf8.ValidString(name) {
				return "", false
			}
			name = strings.TrimSuffix(ascii, ".")
			break
		}
	}
	name = strings.ToLower(name)
	if len(name) > maxName || !labels(name) {
		return "", false
	}
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "onion", "invalid":
		return "", false
	}
	if strings.ContainsAny(name, special) {
		var b strings.Builder
		for i := range len(name) {
			if strings.IndexByte(special, name[i]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(name[i])
		}
		name = b.String()
	}
	return name, true
}

// special are the octets of a label that have a backslash in front where names are written down.
const special = `'@;()"`

// labels says whether name is made of labels. Their octets are printable; those that have a backslash
// are nobody's, and are not asked for.
func labels(name string) bool {
	begin := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			if n := i - begin; n == 0 || n > 63 {
				return false
			}
			begin = i + 1
			continue
		}
		if c := name[i]; c <= ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

// reverse returns the name that has the names of an address.
//
// Spec: RFC 1035, section 3.5; RFC 3596, section 2.5
func reverse(ip netip.Addr) string {
	name, _ := dns.ReverseAddr(ip.String())
	return strings.TrimSuffix(name, ".")
}

// host returns a name of a record as answers have it.
func host(name string) string {
	if name == "." {
		return name
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// octets returns what a string of a TXT record holds, whose text has escapes.
func octets(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b = append(b, s[i])
		case i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
		case i+1 < len(s):
			i++
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
