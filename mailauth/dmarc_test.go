package mailauth

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

func header(from ...string) *mail.Header {
	text := ""
	for _, f := range from {
		text += "From: " + f + "\r\n"
	}
	return mail.New([]byte(text + "\r\n")).Header()
}

// Who authenticated, for whom, and how strict the record is: the whole table of alignment.
func TestAlignmentOfDMARC(t *testing.T) {
	for _, tt := range []struct {
		name, from, authenticated string
		relaxed, strict           bool
	}{
		{"the domain itself", "example.net", "example.net", true, true},
		{"another case", "Example.NET", "eXample.net", true, true},
		{"a subdomain signs for its domain", "example.net", "mail.example.net", true, false},
		{"a domain signs for its subdomain", "news.example.net", "example.net", true, false},
		{"two subdomains of a domain", "news.example.net", "mail.example.net", true, false},
		{"another domain", "example.net", "example.org", false, false},
		{"a domain that ends alike", "example.net", "badexample.net", false, false},
		{"a public suffix of two labels", "a.co.uk", "b.co.uk", false, false},
		{"a domain under it", "www.a.co.uk", "mx.a.co.uk", true, false},
		{"the public suffix itself", "a.co.uk", "co.uk", false, false},
		{"a private suffix", "alice.github.io", "bob.github.io", false, false},
		{"nobody", "example.net", "", false, false},
		{"a name in Unicode and in A-labels", "bücher.example", "mx.xn--bcher-kva.example", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for mode, want := range map[string]bool{"r": tt.relaxed, "s": tt.strict} {
				from := asciiDomain(tt.from)
				r := zones("_dmarc."+from+" TXT v=DMARC1; p=reject; adkim="+mode+"; aspf="+mode, "_dmarc."+organization(from)+" TXT v=DMARC1; p=reject; adkim="+mode+"; aspf="+mode)
				if organization(from) == from {
					r = zones("_dmarc." + from + " TXT v=DMARC1; p=reject; adkim=" + mode + "; aspf=" + mode)
				}
				c, h := New(Options{Resolver: r}), header("x@"+tt.from)
				spf := SPFResult{Result: Pass, Domain: tt.authenticated}
				if got := c.DMARC(t.Context(), h, spf, nil, 0); got.SPFAligned != want || got.DKIMAligned || (got.Result == Pass) != want {
					t.Errorf("aspf=%s: got %+v", mode, got)
				}
				signature := []DKIMResult{{Result: Fail, Domain: tt.authenticated}, {Result: Pass, Domain: tt.authenticated}}
				if got := c.DMARC(t.Context(), h, SPFResult{Result: None}, signature, 0); got.DKIMAligned != want || got.SPFAligned || (got.Result == Pass) != want {
					t.Errorf("adkim=%s: got %+v", mode, got)
				}
			}
		})
	}
}

func TestDMARC(t *testing.T) {
	const reject = "_dmarc.example.net TXT v=DMARC1; p=reject"
	failed := func(policy, disposition, domain string) DMARCResult {
		return DMARCResult{Result: Fail, Policy: policy, Disposition: disposition, Domain: domain}
	}
	for _, tt := range []struct {
		name   string
		zone   []string
		from   []string
		sample int
		want   DMARCResult
	}{
		{"no record", nil, []string{"a@example.net"}, 0, DMARCResult{Result: None, Disposition: None, Domain: "example.net"}},
		{"other texts are no records", []string{"_dmarc.example.net TXT hello", "_dmarc.example.net TXT v=DMARC2; p=reject", "_dmarc.example.net TXT p=reject; v=DMARC1"}, []string{"a@example.net"}, 0,
			DMARCResult{Result: None, Disposition: None, Domain: "example.net"}},
		{"nobody passes", []string{reject}, []string{"a@example.net"}, 0, failed("reject", "reject", "example.net")},
		{"two records are none", []string{reject, "_dmarc.example.net TXT v=DMARC1; p=none"}, []string{"a@example.net"}, 0, DMARCResult{Result: None, Disposition: None, Domain: "example.net"}},
		{"no answer", []string{"_dmarc.example.net ERR"}, []string{"a@example.net"}, 0, DMARCResult{Result: TempError, Disposition: None, Domain: "example.net"}},
		{"the record of the organization", []string{reject}, []string{"a@deep.news.example.net"}, 0, failed("reject", "reject", "deep.news.example.net")},
		{"it has a policy for subdomains", []string{reject + "; sp=quarantine"}, []string{"a@news.example.net"}, 0, failed("quarantine", "quarantine", "news.example.net")},
		{"which is not for itself", []string{reject + "; sp=none"}, []string{"a@example.net"}, 0, failed("reject", "reject", "example.net")},
		{"a record of its own counts first", []string{reject, "_dmarc.news.example.net TXT v=DMARC1; p=none; sp=reject"}, []string{"a@news.example.net"}, 0, failed("none", "none", "news.example.net")},
		{"a policy for names that are not there", []string{reject + "; sp=none; np=reject"}, []string{"a@news.example.net"}, 0, failed("reject", "reject", "news.example.net")},
		{"which is not for those that are", []string{reject + "; sp=none; np=reject", "news.example.net MX mx.example.net"}, []string{"a@news.example.net"}, 0, failed("none", "none", "news.example.net")},
		{"a message that pct takes", []string{reject + "; pct=20"}, []string{"a@example.net"}, 19, failed("reject", "reject", "example.net")},
		{"one that it leaves out is quarantined", []string{reject + "; pct=20"}, []string{"a@example.net"}, 20, failed("reject", "quarantine", "example.net")},
		{"or delivered", []string{"_dmarc.example.net TXT v=DMARC1; p=quarantine; pct=0"}, []string{"a@example.net"}, 0, failed("quarantine", "none", "example.net")},
		{"pct that is no number", []string{reject + "; pct=many"}, []string{"a@example.net"}, 99, failed("reject", "reject", "example.net")},
		{"tags nobody knows, blanks, another case", []string{"_dmarc.example.net TXT v = DMARC1 ;p = Reject ; ri=never; fo=x; hello; rua=mailto:a@b"}, []string{"a@example.net"}, 0, failed("reject", "reject", "example.net")},
		{"a broken policy beside a wish for reports", []string{"_dmarc.example.net TXT v=DMARC1; p=refuse; rua=mailto:d@example.net"}, []string{"a@example.net"}, 0, failed("none", "none", "example.net")},
		{"a broken policy alone", []string{"_dmarc.example.net TXT v=DMARC1; p=refuse"}, []string{"a@example.net"}, 0, DMARCResult{Result: None, Disposition: None, Domain: "example.net"}},
		{"no From field", []string{reject}, nil, 0, DMARCResult{Result: PermError, Disposition: None}},
		{"two of them", []string{reject}, []string{"a@example.net", "a@example.net"}, 0, DMARCResult{Result: PermError, Disposition: None}},
		{"two authors of one domain", []string{reject}, []string{"a@example.net, B <b@EXAMPLE.net>"}, 0, failed("reject", "reject", "example.net")},
		{"two authors of two domains", []string{reject}, []string{"a@example.net, b@example.org"}, 0, DMARCResult{Result: PermError, Disposition: None}},
		{"an address in a name is none", []string{reject}, []string{`"ceo@bank.example" <a@example.net>`}, 0, failed("reject", "reject", "example.net")},
		{"an address literal", []string{reject}, []string{"a@[192.0.2.1]"}, 0, DMARCResult{Result: PermError, Disposition: None}},
		{"an empty From field", []string{reject}, []string{"<>"}, 0, DMARCResult{Result: PermError, Disposition: None}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := New(Options{Resolver: zones(tt.zone...)}).DMARC(t.Context(), header(tt.from...), SPFResult{Result: Pass, Domain: "list.example"}, nil, tt.sample)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestDMARCIsUnsureOnlyWhereAnAlignedCheckIs(t *testing.T) {
	c := New(Options{Resolver: zones("_dmarc.example.net TXT v=DMARC1; p=reject")})
	for _, tt := range []struct {
		name, spf, signature string
		domain               string
		want                 string
	}{
		{"SPF could not be asked", TempError, Fail, "example.net", TempError},
		{"a key could not be had", Fail, TempError, "example.net", TempError},
		{"the other passes all the same", TempError, Pass, "example.net", Pass},
		{"somebody else's cannot matter", TempError, TempError, "example.org", Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := c.DMARC(t.Context(), header("a@example.net"), SPFResult{Result: tt.spf, Domain: tt.domain}, []DKIMResult{{Result: tt.signature, Domain: tt.domain}}, 0)
			if got.Result != tt.want || (got.Disposition == "reject") != (tt.want == Fail) {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestAMessageIsCheckedFromEndToEnd(t *testing.T) {
	c := New(Options{Resolver: zones("example.net TXT v=spf1 ip4:192.0.2.25 -all", "_dmarc.example.net TXT v=DMARC1; p=reject",
		"s1._domainkey.example.net TXT "+record64(t, &keys().rsa.PublicKey))})
	signed := sign(t, plain, nil)
	for _, tt := range []struct{ name, message, client, want, disposition string }{
		{"from the right place, with its signature", signed, "192.0.2.25", Pass, None},
		{"forwarded", signed, "198.51.100.1", Pass, None},
		{"forwarded and changed", strings.Replace(signed, "Hello Bob", "Hello Rob", 1), "198.51.100.1", Fail, "reject"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mail.New([]byte(tt.message))
			spf := c.SPF(t.Context(), netip.MustParseAddr(tt.client), "mx.example.net", "alice@example.net")
			got := c.DMARC(t.Context(), m.Header(), spf, c.DKIM(t.Context(), m.Raw()), 50)
			if got.Result != tt.want || got.Disposition != tt.disposition {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func FuzzRecords(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; pct=5", "v=spf1 include:%{d1r+}.x a:%{l}/24//64 redirect=%{o} exp=%{s}.x", "%{S} %{c}%_")
	f.Add("v=DMARC1;;=;p", "v=spf1 mx:%{ ip6:::/129", "%{ir5.-}%")
	f.Fuzz(func(t *testing.T, dmarc, spf, why string) {
		c := New(Options{Resolver: zones("_dmarc.example.net TXT "+dmarc, "example.net TXT "+spf, "a.x TXT "+why, "why.x TXT "+why)})
		got := c.SPF(t.Context(), netip.MustParseAddr("2001:db8::1"), "helo."+why, "a@example.net")
		if got.Result == "" || got.Explanation != printable(got.Explanation, maxExplanation) {
			t.Errorf("got %+v", got)
		}
		if r, ok := parseRecord(dmarc); ok && (milder[r.policy] == "" || milder[r.subdomains] == "" || milder[r.missing] == "" || r.percent < 0 || r.percent > 100) {
			t.Errorf("%q is read as %+v", dmarc, r)
		}
		if got := c.DMARC(t.Context(), header(why+"@example.net"), got, nil, 0); got.Result == "" || got.Disposition == "" {
			t.Errorf("got %+v", got)
		}
	})
}
