package runtime

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

func init() {
	register(Function{
		Name:   "domain_part",
		Family: "address",
		Doc: "Returns a part of a domain name, in lower case. `tld` is the public suffix under which names are registered (`co.uk`), by the public suffix " +
			"list with the private domains in it (`github.io`), or the last label where the list has none. `sld` is that with one label in front, " +
			"which is what an owner registered. `host` is the first label if there are several. `\"\"` if there is no such part, and for IP addresses and what is no domain name. A list gives a list.",
		Params: []Param{{Name: "domain", Kind: Any, Doc: "domain name, in ASCII or not, or a list of such"}, {Name: "part", Kind: String, Doc: "`sld`, `tld` or `host`"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `domain_part("mail.example.co.uk", "sld")`, Want: `"example.co.uk"`}, {Code: `domain_part("mail.example.co.uk", "tld")`, Want: `"co.uk"`},
			{Code: `domain_part("mail.example.co.uk", "host")`, Want: `"mail"`}, {Code: `domain_part("WWW.Example.ORG.", "sld")`, Want: `"example.org"`},
			{Code: `domain_part("eve.github.io", "sld")`, Want: `"eve.github.io"`}, {Code: `domain_part("co.uk", "sld")`, Want: `""`},
			{Code: `domain_part("mail.intra.lan", "sld")`, Want: `"intra.lan"`}, {Code: `domain_part("www.食狮.公司.cn", "sld")`, Want: `"食狮.公司.cn"`},
			{Code: `domain_part("192.0.2.1", "tld")`, Want: `""`}, {Code: `domain_part("localhost", "host")`, Want: `""`},
			{Code: `domain_part(["a.example.org", "b.example.com"], "tld")`, Want: `["org", "com"]`},
			{Code: `domain_part("example.org", "name")`, Error: `domain_part: unknown part "name"; known are sld, tld, host`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			part := a.String(1)
			if !contains([]string{"sld", "tld", "host"}, part) {
				return nil, fmt.Errorf("domain_part: unknown part %q; known are sld, tld, host", cut(part, 40))
			}
			return each("domain_part", a[0], func(s string) string { return domainPart(s, part) })
		},
	})
	name := Param{Name: "name", Kind: Any, Doc: "domain name or address, or a list of such"}
	register(Function{
		Name:   "puny_decode",
		Family: "address",
		Doc: "Returns a domain name with its `xn--` labels (RFC 3492) decoded to the letters they stand for. Labels that hold no lawful code stay. " +
			"Of an address the domain alone is changed. A list gives a list.",
		Params: []Param{name},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `puny_decode("xn--mnchen-3ya.example")`, Want: `"münchen.example"`}, {Code: `puny_decode("www.XN--mnchen-3ya.example")`, Want: `"www.münchen.example"`},
			{Code: `puny_decode("example.org")`, Want: `"example.org"`}, {Code: `puny_decode("eve@xn--grn-ioa.example")`, Want: `"eve@grün.example"`},
			{Code: `puny_decode("xn--!.example")`, Want: `"xn--!.example"`}, {Code: `puny_decode("xn--80ak6aa92e.com")`, Want: `"аррӏе.com"`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return each("puny_decode", a[0], punyDecode) },
	})
	register(Function{
		Name:   "puny_encode",
		Family: "address",
		Doc: "Returns a domain name with the labels that are not ASCII in lower case, normalised and encoded (`xn--`, RFC 3492), as DNS has them. " +
			"Labels of ASCII stay, and so do those that would be longer than 63 octets. Of an address the domain alone is changed. A list gives a list.",
		Params: []Param{name},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `puny_encode("münchen.example")`, Want: `"xn--mnchen-3ya.example"`}, {Code: `puny_encode("MÜNCHEN.example")`, Want: `"xn--mnchen-3ya.example"`},
			{Code: `puny_encode("eve@grün.example")`, Want: `"eve@xn--grn-ioa.example"`}, {Code: `puny_encode("Example.org")`, Want: `"Example.org"`},
			{Code: `puny_encode("食狮。公司.cn")`, Want: `"xn--85x722f.xn--55qx5d.cn"`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return each("puny_encode", a[0], punyEncode) },
	})
}

// maxDomain is how many octets a domain name has at most, as it is written; more than DNS
// has, for letters beyond ASCII.
const maxDomain = 1 << 10

// domainPart returns a part of a domain name as domain_part does.
func domainPart(domain, part string) string {
	d := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(domain), "."))
	ascii, ok := asciiDomain(d)
	if !ok {
		return ""
	}
	labels := strings.Split(d, ".")
	suffix, _ := publicsuffix.PublicSuffix(ascii)
	n := strings.Count(suffix, ".") + 1
	switch {
	case part == "tld":
		return strings.Join(labels[len(labels)-n:], ".")
	case part == "host" && len(labels) > 1:
		return labels[0]
	case part == "sld" && len(labels) > n:
		return strings.Join(labels[len(labels)-n-1:], ".")
	}
	return ""
}

// asciiDomain returns a domain name in lower case as DNS has it, and whether it is one:
// labels of 1 to 63 letters, digits, hyphens and underscores, the last not of digits alone.
func asciiDomain(d string) (string, bool) {
	if d == "" || len(d) > maxDomain {
		return "", false
	}
	a := strings.ToLower(punyEncode(d))
	if len(a) > 253 {
		return "", false
	}
	digits := false
	for label := range strings.SplitSeq(a, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		digits = true
		for _, c := range []byte(label) {
			isDigit := '0' <= c && c <= '9'
			if !isDigit && c != '-' && c != '_' && (c < 'a' || c > 'z') {
				return "", false
			}
			digits = digits && isDigit
		}
	}
	return a, !digits
}

// registered says whether a domain name stands below a suffix of the public suffix list.
func registered(d string) bool {
	ascii, ok := asciiDomain(d)
	if !ok {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	return len(ascii) > len(suffix) && (icann || strings.Contains(suffix, "."))
}

func punyDecode(s string) string {
	return labels(s, func(label string) string {
		if len(label) < 4 || !strings.EqualFold(label[:4], "xn--") || len(label) > 63 {
			return label
		}
		u, err := idna.Punycode.ToUnicode(strings.ToLower(label))
		if err != nil || !utf8.ValidString(u) {
			return label
		}
		return u
	})
}

func punyEncode(s string) string {
	return labels(s, func(label string) string {
		// A label has as many characters as its code has octets, or fewer.
		if isASCII(label) || !utf8.ValidString(label) || utf8.RuneCountInString(label) > 63 {
			return label
		}
		a, err := idna.Punycode.ToASCII(norm.NFC.String(strings.ToLower(label)))
		if err != nil || len(a) > 63 {
			return label
		}
		return a
	})
}

// labels changes each label of a domain name, or of the domain of an address. The other full
// stops of IDNA are full stops here.
func labels(s string, change func(string) string) string {
	at := strings.LastIndexByte(s, '@') + 1
	domain := s[at:]
	if len(domain) > maxDomain {
		return s // no domain name, whatever it is
	}
	if !isASCII(domain) {
		domain = fullStops.Replace(domain)
	}
	var b strings.Builder
	b.WriteString(s[:at])
	first := true
	for label := range strings.SplitSeq(domain, ".") {
		if !first {
			b.WriteByte('.')
		}
		first = false
		b.WriteString(change(label))
	}
	return b.String()
}

var fullStops = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
