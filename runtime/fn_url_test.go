package runtime

import (
	"strings"
	"testing"
	"unicode"
)

func TestURIsOfAllShapes(t *testing.T) {
	for _, tt := range []struct{ name, uri, part, want string }{
		{"blanks around and line ends within", " \thttp://exam\r\nple.org/a\tb ", "path", "/ab"},
		{"more slashes than two", "https:////example.org/x", "host", "example.org"},
		{"no slash at all", "https:example.org/x", "host", "example.org"},
		{"a scheme in capitals", "HTTPS://example.org", "scheme", "https"},
		{"no scheme but two slashes", "//example.org/x", "host", "example.org"},
		{"a name with a port", "example.org:8080/x", "port", "8080"},
		{"the machine itself with a port", "localhost:8080", "host", "localhost"},
		{"a number is no port of a scheme", "tel:12345", "path", "12345"},
		{"an address without a scheme", "192.0.2.1/x", "host", "192.0.2.1"},
		{"a user without a scheme", "eve@example.org/x", "host", "example.org"},
		{"a file is no host", "readme.unknownending", "host", ""},
		{"soft hyphens in a host", "http://exam\u00adple.org/", "host", "example.org"},
		{"wide letters and full stops", "http://ｅｘａｍｐｌｅ。org/", "host", "example.org"},
		{"a full stop at the end", "http://example.org./", "host", "example.org"},
		{"a port that is no number", "http://example.org:x/", "port", ""},
		{"a port that is empty", "http://example.org:/", "port", ""},
		{"several @", "http://a@b@example.org/", "user", "a@b"},
		{"a bracket that is not closed", "http://[2001:db8::1/", "host", "2001:db8::1"},
		{"a slash that is encoded", "http://a%2fb/", "host", "a%2fb"},
		{"a colon that is encoded", "http://a%3a80/", "host", "a%3a80"},
		{"a percent sign that encodes nothing", "http://a%zz/", "host", "a%zz"},
		{"octal numbers", "http://0300.0.02.01/", "host", "192.0.2.1"},
		{"numbers that are too large", "http://256.1.1.1/", "host", "256.1.1.1"},
		{"no numbers", "http://0x/", "host", "0.0.0.0"},
		{"a question mark in a fragment", "http://a.example/#b?c", "query", ""},
		{"an empty query", "http://a.example/?", "path_query", "/?"},
		{"backslashes of other schemes stay", `file:\\a\b`, "path", `\\a\b`},
		{"an authority of another scheme", "ldap://Host:389/o=x", "scheme_host", "ldap://host"},
		{"an IPv6 address with its scheme", "http://[::1]/", "scheme_host", "http://[::1]"},
		{"no scheme, no scheme_host", "www.example.org", "scheme_host", ""},
		{"nothing", "", "host", ""},
		{"signs alone", "://", "path", "://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := splitURI(tt.uri).part(tt.part); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzURI checks that no text has a host with what ends one, and that a host that was found is
// found again.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"http://a.example/b?c#d", "mailto:a@b", "//x", `http:\\a\@b`, "http://[::1]:80", "0x7f.1", "a%00b", "http://%", "x:y:z", "http://\xff.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := splitURI(s)
		for _, part := range strings.Split(uriPartNames, ", ") {
			if n := len(u.part(part)); n > 4*len(s)+20 {
				t.Fatalf("%s of %q has %d octets", part, s, n)
			}
		}
		if strings.ContainsAny(u.host, "/?#\t\r\n") {
			t.Fatalf("host of %q is %q", s, u.host)
		}
		if web := u.scheme == "http" || u.scheme == "https"; web && u.host != "" && isASCII(u.host) && !strings.ContainsAny(u.host, "@[]\\ %") && !strings.ContainsFunc(u.host, unicode.IsControl) {
			if again := splitURI(u.part("scheme_host")).host; again != u.host {
				t.Fatalf("host of %q is %q, then %q", s, u.host, again)
			}
		}
	})
}

// FuzzDomain checks that the parts of a domain name are ends of one another.
func FuzzDomain(f *testing.F) {
	for _, s := range []string{"mail.example.co.uk", "xn--mnchen-3ya.de", "münchen.de", "a..b", ".", "192.0.2.1", "eve@grün.example", "食狮。公司.cn", "xn--\xff", "*.ck", "www.ck", "SRS1=a=b==c=d=e.example=f@g.example", "prvs=1=a1@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tld, sld := domainPart(s, "tld"), domainPart(s, "sld")
		if sld != "" && !strings.HasSuffix(sld, "."+tld) {
			t.Fatalf("%q has %q and %q", s, sld, tld)
		}
		domainPart(s, "host")
		if n := len(punyDecode(s)); n > 4*len(s) {
			t.Fatalf("%q is decoded to %d octets", s, n)
		}
		punyEncode(s)
		emailPart(s, "detail")
		if got := bareSender(s); len(got) > len(s) {
			t.Fatalf("%q is %q without what is around it", s, got)
		}
		if got := foldDigits(s); len(got) > len(s) || foldDigits(got) != got {
			t.Fatalf("%q is folded to %q", s, got)
		}
	})
}

func BenchmarkURIPart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		splitURI("https://www.example.org:8443/some/path?with=a&query=1#here").part("host")
	}
}
