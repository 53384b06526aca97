package fetch

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestURLsThatAreRefused(t *testing.T) {
	c := New(Options{Hosts: hosts(t, "*", "*:8080")})
	for _, u := range []string{
		"", "x", "//example.org/", "http:", "http://", "http:///x", "http:example.org", "https://:443/",
		"ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "javascript:1", "data:,x", "unix:///run/x.sock", "http+unix://x/",
		"http://user@example.org/", "http://user:secret@example.org/", "http://@example.org@127.0.0.1/", "http://example.org\\@127.0.0.1/",
		"http://0x7f.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://0177.0.0.1/",
		"http://1.2.3.4.5/", "http://example.0x7f/", "http://０x7f.1/", "http://256.256.256.256/", "http://0/",
		"http://[fe80::1%25eth0]/", "http://[::1%eth0]/", "http://[127.0.0.1]x/", "http://[::1/",
		"http://example.org:99999/", "http://example.org:0/", "http://example.org:22/", "http://example.org:443/", "https://example.org:80/",
		"http://exa mple.org/", "http://exam\tple.org/", "http://example.org\r\nHost: x/", "http://ex%61mple.org%2f/", "http://a..b/", "http://-a.example/", "http://" + strings.Repeat("a", 64) + ".example/",
		"http://example.org/" + strings.Repeat("x", maxURL),
	} {
		if got, err := c.check(u); err == nil {
			t.Errorf("%.100q is %s", u, got)
		}
	}
}

func TestURLsHaveOneSpelling(t *testing.T) {
	c := New(Options{Hosts: hosts(t, "*", "*:8080")})
	for u, want := range map[string]string{
		"HTTP://Example.ORG.":               "http://example.org",
		"http://example.org:80/a?b#c":       "http://example.org/a?b",
		"https://example.org:443/":          "https://example.org/",
		"http://example.org:08080/":         "http://example.org:8080/",
		"http://grün.example/ü":             "http://xn--grn-ioa.example/%C3%BC",
		"http://ｅｘａｍｐｌｅ.org/":               "http://example.org/",
		"http://[2001:DB8:0::1]/":           "http://[2001:db8::1]/",
		"http://[::ffff:192.0.2.1]:8080/":   "http://192.0.2.1:8080/",
		"http://127.0.0.1./x":               "http://127.0.0.1/x",
		"http://[::ffff:7f00:1]/":           "http://127.0.0.1/",
		"http://１２７.0.0.1/":                 "http://127.0.0.1/",
		"http://example.org/%2e%2e/?q=%00x": "http://example.org/%2e%2e/?q=%00x",
	} {
		if got, err := c.check(u); err != nil || got.String() != want {
			t.Errorf("%q is %v, %v, want %s", u, got, err, want)
		}
	}
}

func TestAllowedHosts(t *testing.T) {
	for _, tt := range []struct {
		host, url string
		want      bool
	}{
		{"api.example.org", "http://api.example.org/", true},
		{"api.example.org", "https://API.example.org./x", true},
		{"API.Example.org.", "https://api.example.org/x", true},
		{"api.example.org", "https://api.example.org:8443/", false},
		{"api.example.org:8443", "https://api.example.org:8443/", true},
		{"api.example.org:8443", "https://api.example.org/", false},
		{"api.example.org", "https://x.api.example.org/", false},
		{"api.example.org", "https://api.example.org.evil.example/", false},
		{"*.example.org", "https://a.b.example.org/", true},
		{"*.example.org", "https://example.org/", false},
		{"*.example.org", "https://evilexample.org/", false},
		{"*", "https://anything.example/", true},
		{"*:8080", "https://anything.example/", false},
		{"192.0.2.1", "http://192.0.2.1/", true},
		{"[2001:db8::1]:8080", "http://[2001:db8:0::1]:8080/", true},
		{"2001:db8::1", "http://[2001:db8::1]/", true},
		{"::ffff:192.0.2.1", "http://192.0.2.1/", true},
		{"grün.example", "http://xn--grn-ioa.example/", true},
	} {
		c := New(Options{Hosts: hosts(t, tt.host)})
		if _, err := c.check(tt.url); (err == nil) != tt.want {
			t.Errorf("%s for %s: %v", tt.url, tt.host, err)
		}
	}
	for _, s := range []string{"", "*.", "a..b", "http://example.org", "example.org/x", "example.org:", "example.org:0", "example.org:x", "*.192.0.2.1", "a.*.b", "127.1"} {
		if h, err := ParseHost(s); err == nil {
			t.Errorf("%q is %+v", s, h)
		}
	}
	if _, err := New(Options{}).check("http://example.org/"); err == nil {
		t.Error("without hosts one is allowed")
	}
}

func TestAddresses(t *testing.T) {
	c := New(Options{})
	for s, want := range map[string]bool{
		"198.41.0.4": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true, "172.32.0.0": true, "223.255.255.255": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.255.255.255": false,
		"169.254.169.254": false, "168.63.129.16": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.192": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"2606:4700::1111": true, "2a00:1450::1": true,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::a00:1": false, "64:ff9b::808:808": true, "64:ff9b:1::808:808": false,
		"100::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "2002:808:808::1": false, "3fff::1": false, "5f00::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%1": false, "fec0::1": false, "ff02::1": false, "4000::1": false,
	} {
		if got := c.allowed(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s is %v", s, got)
		}
	}
	c = New(Options{Private: prefixes("10.1.0.0/16", "fd00::/64")})
	for s, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "64:ff9b::a01:203": true, "10.2.0.1": false, "fd00::1": true, "fd00:0:0:1::1": false, "8.8.8.8": true} {
		if got := c.allowed(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s is %v with private networks", s, got)
		}
	}
}

// FuzzURL holds that what is asked for is one spelling of an allowed host, which comes back as itself.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"http://example.org/", "https://u:p@example.org:443/x?y#z", "http://0x7f.1/", "http://[::ffff:1.2.3.4]:80/", "http://grün.example/", "http:\\\\example.org", "http://a%20b/", "http://1.2.3.4./"} {
		f.Add(s)
	}
	c := New(Options{Hosts: hosts(f, "example.org", "*.example", "192.0.2.1", "[2001:db8::1]:8080")})
	f.Fuzz(func(t *testing.T, s string) {
		u, err := c.check(s)
		if err != nil {
			return
		}
		host := u.Hostname()
		if host != "example.org" && !strings.HasSuffix(host, ".example") && host != "192.0.2.1" && host != "2001:db8::1" || u.User != nil {
			t.Errorf("%q is %s", s, u)
		}
		again, err := c.check(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%q is %s, and then %v, %v", s, u, again, err)
		}
		back, err := url.Parse(u.String())
		if err != nil || back.Host != u.Host {
			t.Errorf("%q is read back as %v, %v", u, back, err)
		}
	})
}
