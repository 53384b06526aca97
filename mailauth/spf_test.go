package mailauth

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"
	"github.com/google/go-cmp/cmp"
)

// zones makes a resolver of lines such as `example.org TXT v=spf1 -all`; a name whose type is
// ERR has a server that does not answer.
func zones(lines ...string) *mockdns.Resolver {
	r := &mockdns.Resolver{Zones: map[string]mockdns.Zone{}}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, " ")
		typ, value, _ := strings.Cut(rest, " ")
		z := r.Zones[name+"."]
		switch typ {
		case "TXT":
			z.TXT = append(z.TXT, value)
		case "A":
			z.A = append(z.A, value)
		case "AAAA":
			z.AAAA = append(z.AAAA, value)
		case "MX":
			z.MX = append(z.MX, net.MX{Host: value + ".", Pref: 10})
		case "PTR":
			z.PTR = append(z.PTR, value+".")
		case "ERR":
			z.Err = &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		default:
			panic(line)
		}
		r.Zones[name+"."] = z
	}
	return r
}

// chain is n records that include each other.
func chain(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("i%d.example TXT v=spf1 include:i%d.example ?all", i, i+1))
	}
	return append(lines, fmt.Sprintf("i%d.example TXT v=spf1 +all", n))
}

func TestSPF(t *testing.T) {
	for _, tt := range []struct {
		name           string
		zone           []string
		ip, helo, from string
		want           SPFResult
	}{
		{"a listed client passes", []string{"example.net TXT v=spf1 ip4:192.0.2.0/24 -all"}, "192.0.2.25", "mx.example.net", "alice@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"a mapped IPv4 address is IPv4", []string{"example.net TXT v=spf1 ip4:192.0.2.0/24 -all"}, "::ffff:192.0.2.25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"another client fails", []string{"example.net TXT v=spf1 ip4:192.0.2.0/24 -all"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: Fail, Domain: "example.net"}},
		{"a tilde is softfail", []string{"example.net TXT v=spf1 ~all"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: SoftFail, Domain: "example.net"}},
		{"the end of a record is neutral", []string{"example.net TXT v=spf1"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: Neutral, Domain: "example.net"}},
		{"no record is none", []string{"example.net TXT google-site-verification=1"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: None, Domain: "example.net"}},
		{"no such name is none", nil, "198.51.100.1", "", "a@example.net", SPFResult{Result: None, Domain: "example.net"}},
		{"two records are permerror", []string{"example.net TXT v=spf1 +all", "example.net TXT v=spf1 -all"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"a record that cannot be read is permerror", []string{"example.net TXT v=spf1 ip4:300.0.0.1 -all"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"no answer is temperror", []string{"example.net ERR"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: TempError, Domain: "example.net"}},
		{"no answer to a mechanism is temperror", []string{"example.net TXT v=spf1 a:host.example.net -all", "host.example.net ERR"}, "198.51.100.1", "", "a@example.net", SPFResult{Result: TempError, Domain: "example.net"}},
		{"the null sender is the HELO name's", []string{"mx.example.net TXT v=spf1 a -all", "mx.example.net A 192.0.2.25"}, "192.0.2.25", "mx.example.net", "", SPFResult{Result: Pass, Domain: "mx.example.net"}},
		{"an address literal in HELO is none", nil, "192.0.2.25", "[192.0.2.25]", "", SPFResult{Result: None}},
		{"a name of one label is none", []string{"localhost TXT v=spf1 +all"}, "192.0.2.25", "localhost", "", SPFResult{Result: None}},
		{"an empty label is none", nil, "192.0.2.25", "", "a@example..net", SPFResult{Result: None}},
		{"no client is none", []string{"example.net TXT v=spf1 +all"}, "", "", "a@example.net", SPFResult{Result: None, Domain: "example.net"}},
		{"a quoted @ does not move the domain", []string{"example.net TXT v=spf1 +all", `b"@example.net TXT v=spf1 -all`}, "192.0.2.25", "", `"a@b"@example.net`, SPFResult{Result: Pass, Domain: "example.net"}},
		{"a domain in Unicode is asked for in A-labels", []string{"xn--bcher-kva.example TXT v=spf1 +all"}, "192.0.2.25", "", "a@Bücher.example", SPFResult{Result: Pass, Domain: "xn--bcher-kva.example"}},
		{"an include passes on a pass", []string{"example.net TXT v=spf1 include:_spf.example.net -all", "_spf.example.net TXT v=spf1 ip6:2001:db8::/32 -all"}, "2001:db8::25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"a fail of an include is no match", []string{"example.net TXT v=spf1 include:_spf.example.net ?all", "_spf.example.net TXT v=spf1 -all"}, "2001:db8::25", "", "a@example.net", SPFResult{Result: Neutral, Domain: "example.net"}},
		{"an include of nothing is permerror", []string{"example.net TXT v=spf1 include:_spf.example.net -all"}, "2001:db8::25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"a redirect to nothing is permerror", []string{"example.net TXT v=spf1 redirect=_spf.example.net"}, "2001:db8::25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"mail exchangers match", []string{"example.net TXT v=spf1 mx -all", "example.net MX mx.example.net", "mx.example.net A 192.0.2.25"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"a proven name of the client matches", []string{"example.net TXT v=spf1 ptr -all", "25.2.0.192.in-addr.arpa PTR mx.example.net", "mx.example.net A 192.0.2.25"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"ten look-ups are enough", append(chain(9), "example.net TXT v=spf1 include:i0.example -all"), "192.0.2.25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"eleven are too many", append(chain(10), "example.net TXT v=spf1 include:i0.example -all"), "192.0.2.25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"a loop ends", []string{"example.net TXT v=spf1 include:example.net -all"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"two void look-ups are borne", []string{"example.net TXT v=spf1 a:x1.example a:x2.example +all"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"three are not", []string{"example.net TXT v=spf1 a:x1.example a:x2.example a:x3.example +all"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"macros make names", []string{"example.net TXT v=spf1 exists:%{ir}.%{l1r-}.%{d2}.list.example -all", "25.2.0.192.alice.example.net.list.example A 127.0.0.2"}, "192.0.2.25", "", "alice-news@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
		{"macros are turned round before they are cut", []string{"example.net TXT v=spf1 exists:%{ir}.%{l1r-}.%{d2}.list.example -all", "25.2.0.192.alice.example.net.list.example A 127.0.0.2"}, "192.0.2.25", "", "news-alice@example.net", SPFResult{Result: Fail, Domain: "example.net"}},
		{"a macro that is none is permerror", []string{"example.net TXT v=spf1 exists:%{x}.example -all"}, "192.0.2.25", "", "a@example.net", SPFResult{Result: PermError, Domain: "example.net"}},
		{"a name that grows too long loses labels at its left", []string{"example.net TXT v=spf1 exists:%{l}." + strings.Repeat("long.", 47) + "list.example -all", strings.Repeat("long.", 47) + "list.example A 127.0.0.2"}, "192.0.2.25", "", strings.Repeat("x", 60) + "@example.net", SPFResult{Result: Pass, Domain: "example.net"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ip, _ := netip.ParseAddr(tt.ip)
			got := New(Options{Resolver: zones(tt.zone...)}).SPF(t.Context(), ip, tt.helo, tt.from)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestExplanationsOfSPF(t *testing.T) {
	const base = "example.net TXT v=spf1 -all exp=why.example.net"
	for _, tt := range []struct {
		name string
		zone []string
		from string
		want string
	}{
		{"a text", []string{base, "why.example.net TXT Go away"}, "a@example.net", "Go away"},
		{"a text with macros", []string{base, "why.example.net TXT %{i} is not of %{o}: see http://example.net/?s=%{S}&r=%{r}&t=%{t}%_ %%"}, "a b@example.net",
			"192.0.2.1 is not of example.net: see http://example.net/?s=a%20b%40example.net&r=mx.example.org&t=1767225600  %"},
		{"a name with macros", []string{"example.net TXT v=spf1 -all exp=%{l}._why.%{d}", "bob._why.example.net TXT Not bob"}, "bob@example.net", "Not bob"},
		{"none", []string{"example.net TXT v=spf1 -all"}, "a@example.net", ""},
		{"a name without a text", []string{base}, "a@example.net", ""},
		{"several texts", []string{base, "why.example.net TXT a", "why.example.net TXT b"}, "a@example.net", ""},
		{"a text with a broken macro", []string{base, "why.example.net TXT %{q}"}, "a@example.net", ""},
		{"control characters", []string{base, "why.example.net TXT a\r\n550 b\x00\xff"}, "a@example.net", "a??550 b??"},
		{"a redirect hands the word over", []string{"example.net TXT v=spf1 redirect=other.example exp=why.example.net", "why.example.net TXT here",
			"other.example TXT v=spf1 -all exp=why.other.example", "why.other.example TXT %{d} says no"}, "a@example.net", "other.example says no"},
		{"a long text is cut", []string{base, "why.example.net TXT " + strings.Repeat("x", 700)}, "a@example.net", strings.Repeat("x", maxExplanation)},
		{"a text that grows without bound", []string{base, "why.example.net TXT " + strings.Repeat("%{h}", 500)}, "a@example.net", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(Options{Resolver: zones(tt.zone...), Hostname: "mx.example.org", Now: func() time.Time { return time.Unix(1767225600, 0) }})
			got := c.SPF(t.Context(), netip.MustParseAddr("192.0.2.1"), "client.example", tt.from)
			if got.Result != Fail || got.Explanation != tt.want {
				t.Errorf("got %+v\nwant %q", got, tt.want)
			}
		})
	}
}

// slow answers when its context ends.
type slow struct{ Resolver }

func (slow) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAServerThatDoesNotAnswerIsATemporaryErrorBeforeTheCallersTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	got := New(Options{Resolver: slow{}}).SPF(ctx, netip.MustParseAddr("192.0.2.1"), "", "a@example.net")
	if got.Result != TempError || ctx.Err() != nil {
		t.Errorf("got %+v, the context has %v", got, ctx.Err())
	}
	if got := New(Options{Resolver: slow{}, Timeout: time.Millisecond}).SPF(t.Context(), netip.MustParseAddr("192.0.2.1"), "", "a@example.net"); got.Result != TempError {
		t.Errorf("with a short time: %+v", got)
	}
}

// counting counts questions and names that are not absolute.
type counting struct {
	Resolver
	asked, relative int
}

func (c *counting) count(name string) {
	c.asked++
	if !strings.HasSuffix(name, ".") {
		c.relative++
	}
}

func (c *counting) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.count(name)
	return c.Resolver.LookupTXT(ctx, name)
}

func (c *counting) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	c.count(name)
	return c.Resolver.LookupIPAddr(ctx, name)
}

func (c *counting) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	c.count(name)
	return c.Resolver.LookupMX(ctx, name)
}

func TestTheQuestionsOfACheckAreBounded(t *testing.T) {
	lines := []string{"example.net TXT v=spf1 mx:m0.example mx:m1.example mx:m2.example mx:m3.example -all"}
	for i := range 4 {
		for j := range 10 {
			lines = append(lines, fmt.Sprintf("m%d.example MX h%d-%d.example", i, i, j), fmt.Sprintf("h%d-%d.example A 198.51.100.1", i, j))
		}
	}
	c := &counting{Resolver: zones(lines...)}
	got := New(Options{Resolver: c, Questions: 20}).SPF(t.Context(), netip.MustParseAddr("192.0.2.1"), "", "a@example.net")
	if got.Result != PermError || c.asked != 20 || c.relative != 0 {
		t.Errorf("got %+v after %d questions, %d of them relative", got, c.asked, c.relative)
	}
	c.asked = 0
	if got := New(Options{Resolver: c}).SPF(t.Context(), netip.MustParseAddr("192.0.2.1"), "", "a@example.net"); got.Result != Fail || c.asked != 45 {
		t.Errorf("by default: %+v after %d questions", got, c.asked)
	}
}

func BenchmarkSPF(b *testing.B) {
	c := New(Options{Resolver: zones("example.net TXT v=spf1 include:_spf.example.net mx -all", "_spf.example.net TXT v=spf1 ip4:198.51.100.0/24 ~all", "example.net MX mx.example.net", "mx.example.net A 192.0.2.25")})
	b.ReportAllocs()
	for b.Loop() {
		if got := c.SPF(b.Context(), netip.MustParseAddr("192.0.2.25"), "mx.example.net", "alice@example.net"); got.Result != Pass {
			b.Fatal(got)
		}
	}
}
