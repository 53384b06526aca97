package dns

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// FuzzAnswer holds that no packet makes more of a question than an answer, an alias to ask for, or
// an error.
func FuzzAnswer(f *testing.F) {
	add := func(m *dns.Msg, typ uint16) {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, typ)
	}
	for k, lines := range zone {
		name, typ, _ := strings.Cut(k, " ")
		q := new(dns.Msg).SetQuestion(name, dns.StringToType[typ])
		m := new(dns.Msg).SetReply(q)
		for _, l := range lines {
			rr, err := dns.NewRR(l)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		add(m, q.Question[0].Qtype)
	}
	soa, _ := dns.NewRR("example.net. 900 SOA ns.example.net. h.example.net. 1 2 3 4 300")
	m := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("gone.example.", dns.TypeA))
	m.Rcode, m.Ns = dns.RcodeNameError, []dns.RR{soa}
	add(m, dns.TypeA)
	f.Fuzz(func(t *testing.T, packet []byte, typ uint16) {
		var head dns.Msg
		_ = head.Unpack(packet)
		if len(head.Question) != 1 {
			return
		}
		name, ok := canonical(head.Question[0].Name, 0)
		if !ok {
			return
		}
		q := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
		q.Id = head.Id
		m := match(q, packet)
		if m == nil {
			return
		}
		c := chain{name: name, typ: typ, ttl: 1 << 62}
		a, err := c.read(m)
		switch {
		case a == nil && err == nil && c.aliases == 0:
			t.Error("neither an answer nor an alias")
		case a == nil:
		case (a.Status == OK) != (len(a.Values) > 0) || len(a.Values) > maxRecords || a.TTL < 0:
			t.Errorf("answer is %+v", a)
		case a.Preferences != nil && len(a.Preferences) != len(a.Values):
			t.Errorf("%d preferences of %d records", len(a.Preferences), len(a.Values))
		}
	})
}

// FuzzName holds that a name that is asked for can be written into a question, and stays what it is.
func FuzzName(f *testing.F) {
	for _, s := range []string{"example.net", "EXAMPLE.net.", "grün.example", ".", "", "a..b", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0",
		"o'neill@x.example", `a\.b`, "x.onion", strings.Repeat("a.", 200), strings.Repeat("ü", 80) + ".example", "\xff.example", "a b.example", "ﬁ.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := canonical(s, dns.TypePTR)
		if !ok {
			return
		}
		if name == "" || name != strings.ToLower(name) || !utf8.ValidString(name) {
			t.Errorf("%q is %q", s, name)
		}
		q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypePTR)
		b, err := q.Pack()
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		var back dns.Msg
		if err := back.Unpack(b); err != nil || host(back.Question[0].Name) != name {
			t.Errorf("%q comes back as %q, %v", name, back.Question[0].Name, err)
		}
	})
}

func BenchmarkLookupOfWhatIsKnown(b *testing.B) {
	r := resolver(b, Options{}, serve(b, answerZone))
	b.ReportAllocs()
	for b.Loop() {
		if a, err := r.Lookup(b.Context(), "example.net", "mx"); err != nil || len(a.Values) != 3 {
			b.Fatal(a, err)
		}
	}
}
