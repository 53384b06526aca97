package dns

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := label + "." + label + "." + label + "." + label[:61] // 253 octets
	for name, want := range map[string]string{
		"Example.NET": "example.net", "example.net.": "example.net", ".": ".", "a_b.example": "a_b.example", "grün.example.": "xn--grn-ioa.example",
		"ｅｘａｍｐｌｅ。net": "example.net", label + ".example": label + ".example", long: long, long + ".": long, "o'x@y;(z).example": `o\'x\@y\;\(z\).example`,
		"": "", "..": "", ".a": "", "a..b": "", "a..": "", label + "a.example": "", long + "a": "", "a b": "", "a\tb": "", `a\b`: "", "\xff": "", "a\x00b": "",
		"x.onion": "", "onion": "", "X.INVALID.": "", "192.0.2.1": "", "::1": "", strings.Repeat("ü", 2000): "",
	} {
		got, ok := canonical(name, dns.TypeA)
		if ok != (want != "") || got != want {
			t.Errorf("%.80q is %q, %v, want %q", name, got, ok, want)
		}
	}
	for name, want := range map[string]string{
		"192.0.2.1": "1.2.0.192.in-addr.arpa", "::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa", "fe80::1%eth0": "", "example.net": "example.net",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got, ok := canonical(name, dns.TypePTR); ok != (want != "") || got != want {
			t.Errorf("the names of %q are at %q, want %q", name, got, want)
		}
	}
}

func TestOctetsOfTexts(t *testing.T) {
	for text, want := range map[string]string{`plain`: "plain", `a\"b\\c`: `a"b\c`, `\195\188`: "ü", `\000`: "\x00", `\`: "", `\12`: "12", `\999`: "\xe7"} {
		if got := octets(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}
