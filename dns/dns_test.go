package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// serve answers on loopback over UDP and TCP until the test ends.
func serve(t testing.TB, answer func(w dns.ResponseWriter, q *dns.Msg)) netip.AddrPort {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		s.Handler = dns.HandlerFunc(answer)
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return netip.MustParseAddrPort(udp.LocalAddr().String())
}

// zone is what the test server says, by name and type.
var zone = map[string][]string{
	"example.net. MX":              {"example.net. 100 MX 20 b.example.net.", "example.net. 50 MX 10 A.example.net.", "example.net. 100 MX 10 c.example.net."},
	"example.net. TXT":             {`example.net. 60 TXT "v=spf1 " "mx \"-all\"" "\195\188"`},
	"example.net. NS":              {"example.net. 60 NS NS.example.net."},
	"a.example.net. A":             {"a.example.net. 60 A 192.0.2.1", "a.example.net. 60 A 192.0.2.2", "a.example.net. 60 A 192.0.2.1"},
	"a.example.net. AAAA":          {"a.example.net. 60 AAAA 2001:db8::1"},
	"m.example.net. AAAA":          {"m.example.net. 60 AAAA ::ffff:192.0.2.1"},
	"null.example.net. MX":         {"null.example.net. 60 MX 0 ."},
	"www.example.net. A":           {"www.example.net. 60 CNAME w.cdn.example.", "w.cdn.example. 30 CNAME a.example.net.", "a.example.net. 60 A 192.0.2.1"},
	"half.example.net. A":          {"half.example.net. 60 CNAME a.example.net."},
	"www.example.net. AAAA":        {"www.example.net. 60 CNAME gone.example."},
	"al.example.net. CNAME":        {"al.example.net. 60 CNAME A.example.net."},
	"l1.example.net. A":            {"l1.example.net. 60 CNAME l2.example.net.", "l2.example.net. 60 CNAME l1.example.net."},
	"l3.example.net. A":            {"l3.example.net. 60 CNAME l4.example.net."},
	"l4.example.net. A":            {"l4.example.net. 60 CNAME l3.example.net."},
	"_25._tcp.a.example.net. TLSA": {"_25._tcp.a.example.net. 60 TLSA 3 1 1 00FF"},
	"1.2.0.192.in-addr.arpa. PTR":  {"1.2.0.192.in-addr.arpa. 60 PTR A.example.net."},
	"xn--grn-ioa.example.net. A":   {"xn--grn-ioa.example.net. 60 A 192.0.2.3"},
	`o\'neill\@x.example.net. TXT`: {`o\'neill\@x.example.net. 60 TXT "odd"`},
	"high.example.net. A":          {"high.example.net. 2147483648 A 192.0.2.1"},
	"other.example.net. A":         {"another.example.net. 60 A 192.0.2.9", "other.example.net. 60 TXT x"},
}

// answerZone answers from zone. Names that begin with gone or are unknown are not there, with a
// SOA; others of a known name have no data.
func answerZone(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	name := strings.ToLower(q.Question[0].Name)
	known := false
	for k := range zone {
		known = known || strings.HasPrefix(k, name+" ")
	}
	lines := zone[name+" "+dns.TypeToString[q.Question[0].Qtype]]
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	soa, _ := dns.NewRR("example.net. 900 SOA ns.example.net. h.example.net. 1 2 3 4 300")
	switch {
	case name == "servfail.example.net.":
		m.Rcode = dns.RcodeServerFailure
	case name == "refused.example.net.":
		m.Rcode = dns.RcodeRefused
	case name == "nosoa.example.net.":
		m.Rcode = dns.RcodeNameError
	case name == "referral.example.net.":
		ns, _ := dns.NewRR("example.net. 900 NS ns.example.net.")
		m.Ns = []dns.RR{ns}
	case !known || name == "www.example.net." && len(lines) == 1:
		m.Rcode, m.Ns = dns.RcodeNameError, []dns.RR{soa}
	case lines == nil:
		m.Ns = []dns.RR{soa}
	}
	if name == "a.example.net." {
		m.AuthenticatedData = true
	}
	_ = w.WriteMsg(m)
}

// resolver returns one that asks these servers.
func resolver(t testing.TB, o Options, servers ...netip.AddrPort) *Resolver {
	t.Helper()
	o.Servers = servers
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	r := New(o)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestAnswers(t *testing.T) {
	r := resolver(t, Options{}, serve(t, answerZone))
	const s = time.Second
	for _, tt := range []struct {
		name, ask, typ string
		want           Answer
	}{
		{"mx records come by preference, equal ones as they came", "example.net", "mx",
			Answer{Status: OK, Values: []string{"a.example.net", "c.example.net", "b.example.net"}, Preferences: []uint16{10, 10, 20}, TTL: 50 * s}},
		{"a domain that takes no mail has the root as its host", "null.example.net", "mx", Answer{Status: OK, Values: []string{"."}, Preferences: []uint16{0}, TTL: 60 * s}},
		{"the strings of a text are one, with its octets", "example.net.", "txt", Answer{Status: OK, Values: []string{"v=spf1 mx \"-all\"\u00fc"}, TTL: 60 * s}},
		{"ns", "EXAMPLE.net", "ns", Answer{Status: OK, Values: []string{"ns.example.net"}, TTL: 60 * s}},
		{"equal records are one, and the server vouches for them", "a.example.net", "a", Answer{Status: OK, Values: []string{"192.0.2.1", "192.0.2.2"}, TTL: 60 * s, Secure: true}},
		{"aaaa", "a.example.net", "aaaa", Answer{Status: OK, Values: []string{"2001:db8::1"}, TTL: 60 * s, Secure: true}},
		{"an IPv4 address in an aaaa record stays one of IPv6", "m.example.net", "aaaa", Answer{Status: OK, Values: []string{"::ffff:192.0.2.1"}, TTL: 60 * s}},
		{"aliases are followed, and the shortest time counts", "www.example.net", "a", Answer{Status: OK, Values: []string{"192.0.2.1"}, TTL: 30 * s}},
		{"an alias without its target is asked for", "half.example.net", "a", Answer{Status: OK, Values: []string{"192.0.2.1", "192.0.2.2"}, TTL: 60 * s}},
		{"an alias of nothing is not there", "www.example.net", "aaaa", Answer{Status: NXDomain, TTL: 60 * s}},
		{"an alias itself", "al.example.net", "cname", Answer{Status: OK, Values: []string{"a.example.net"}, TTL: 60 * s}},
		{"tlsa", "_25._tcp.a.example.net", "tlsa", Answer{Status: OK, Values: []string{"3 1 1 00ff"}, TTL: 60 * s}},
		{"the names of an address", "192.0.2.1", "ptr", Answer{Status: OK, Values: []string{"a.example.net"}, TTL: 60 * s}},
		{"the names of an address by its name", "1.2.0.192.in-addr.arpa", "ptr", Answer{Status: OK, Values: []string{"a.example.net"}, TTL: 60 * s}},
		{"letters beyond ASCII", "GRÜN.example.net", "a", Answer{Status: OK, Values: []string{"192.0.2.3"}, TTL: 60 * s}},
		{"octets that are written with escapes", "O'Neill@x.example.net", "txt", Answer{Status: OK, Values: []string{"odd"}, TTL: 60 * s}},
		{"no such name holds as long as the SOA says", "gone.example.net", "a", Answer{Status: NXDomain, TTL: 300 * s}},
		{"no such record", "a.example.net", "mx", Answer{Status: NoData, TTL: 300 * s, Secure: true}},
		{"no such name, and nobody says for how long", "nosoa.example.net", "a", Answer{Status: NXDomain}},
		{"a time to live with its highest bit is none", "high.example.net", "a", Answer{Status: OK, Values: []string{"192.0.2.1"}}},
		{"records of other names and types are none", "other.example.net", "a", Answer{Status: NoData}},
		{"no name", "a b.example", "a", Answer{Status: NXDomain, TTL: time.Hour}},
		{"an address has no addresses", "192.0.2.1", "a", Answer{Status: NXDomain, TTL: time.Hour}},
		{"onion names are not asked for", "x.onion", "a", Answer{Status: NXDomain, TTL: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := r.Lookup(t.Context(), tt.ask, tt.typ)
			if err != nil {
				t.Fatal(err)
			}
			if got.TTL = got.TTL.Round(s); !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}

func TestFailures(t *testing.T) {
	r := resolver(t, Options{}, serve(t, answerZone))
	for _, tt := range []struct{ name, ask, want string }{
		{"the server fails", "servfail.example.net", "temporary failure: servfail.example.net: SERVFAIL"},
		{"the server refuses", "refused.example.net", "temporary failure: refused.example.net: REFUSED"},
		{"the server does not look further", "referral.example.net", "temporary failure: referral.example.net: the server does not look further (referral)"},
		{"aliases in a circle, in one answer", "l1.example.net", "temporary failure: l1.example.net: more than 8 aliases"},
		{"aliases in a circle, in several answers", "l3.example.net", "temporary failure: l3.example.net: more than 8 aliases"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Lookup(t.Context(), tt.ask, "a")
			if !errors.Is(err, ErrTemporary) || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := r.Lookup(t.Context(), "example.net", "x"); err == nil || errors.Is(err, ErrTemporary) {
		t.Errorf("an unknown type is %v", err)
	}
}

// clock is a clock that tests move.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(1767225600, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

func TestAnswersAreRememberedForAsLongAsTheyHold(t *testing.T) {
	var asked atomic.Int64
	c := new(clock)
	r := resolver(t, Options{Now: c.Now, MaxTTL: 55 * time.Second, MaxNegativeTTL: 100 * time.Second},
		serve(t, func(w dns.ResponseWriter, q *dns.Msg) { asked.Add(1); answerZone(w, q) }))
	for _, tt := range []struct {
		name, ask, typ string
		holds          time.Duration
	}{
		{"as long as its shortest record", "example.net", "mx", 50 * time.Second},
		{"at most as long as anything", "example.net", "ns", 55 * time.Second},
		{"no such name, at most as long as is configured", "gone.example.net", "a", 55 * time.Second},
		{"a failure, for seconds", "servfail.example.net", "a", 5 * time.Second},
		{"what holds for no time is asked again", "high.example.net", "a", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ask := func() int64 {
				before := asked.Load()
				a, err := r.Lookup(t.Context(), tt.ask, tt.typ)
				if err == nil && a.TTL > tt.holds {
					t.Errorf("holds for %s", a.TTL)
				}
				return asked.Load() - before
			}
			if ask() != 1 {
				t.Fatal("it is known at once")
			}
			if tt.holds > 0 {
				c.advance(tt.holds - 1)
				if ask() != 0 {
					t.Error("it is asked again before its time")
				}
				c.advance(1)
			}
			if ask() != 1 {
				t.Error("it is not asked again after its time")
			}
		})
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	r := resolver(t, Options{Entries: 10}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		size := 1
		if strings.HasPrefix(q.Question[0].Name, "big") {
			size = 200
		}
		for range size {
			rr, _ := dns.NewRR(q.Question[0].Name + ` 60 TXT "` + strings.Repeat("x", 200) + fmt.Sprint(len(m.Answer)) + `"`)
			m.Answer = append(m.Answer, rr)
		}
		if w.RemoteAddr().Network() == "udp" {
			m.Truncate(udpSize)
		}
		_ = w.WriteMsg(m)
	}))
	ask := func(name string) {
		t.Helper()
		if a, err := r.Lookup(t.Context(), name, "txt"); err != nil || a.Status != OK {
			t.Fatal(a.Status, err)
		}
	}
	for i := range 30 {
		ask(fmt.Sprintf("n%d.example", i))
		ask("n0.example") // what is used stays
	}
	if n := r.Stats().Entries; n != 10 {
		t.Errorf("%d entries are kept", n)
	}
	before := r.Stats().Asked
	ask("n0.example")
	ask("n29.example")
	if r.Stats().Asked != before {
		t.Error("what was used last is not kept")
	}
	ask("big.example")
	if r.cache.size > 10*entrySize || r.Stats().Entries != 10 {
		t.Errorf("%d octets in %d entries", r.cache.size, r.Stats().Entries)
	}
}

func TestWhoAsksTheSameWaitsForOneAnswer(t *testing.T) {
	var asked atomic.Int64
	arrived, release := make(chan struct{}, 9), make(chan struct{})
	r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		asked.Add(1)
		arrived <- struct{}{}
		<-release
		answerZone(w, q)
	}))
	// One who does not wait takes nothing from the others.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Lookup(ctx, "a.example.net", "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("who was cancelled got %v", err)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if a, err := r.Lookup(t.Context(), "A.example.net.", "a"); err != nil || len(a.Values) != 2 {
				t.Error(a, err)
			}
		})
	}
	<-arrived
	close(release)
	wait.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d questions went out", n)
	}
}

func TestQuestionsAtOnceAreBounded(t *testing.T) {
	var now, most atomic.Int64
	r := resolver(t, Options{Concurrency: 2}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		now.Add(-1)
		answerZone(w, q)
	}))
	var wait sync.WaitGroup
	var refused atomic.Int64
	for i := range 100 {
		wait.Go(func() {
			if _, err := r.Lookup(t.Context(), fmt.Sprintf("n%d.example", i), "a"); errors.Is(err, ErrTemporary) {
				refused.Add(1)
			}
		})
	}
	wait.Wait()
	if most.Load() > 2 || refused.Load() > 100-2*(1+maxWaiting) {
		t.Errorf("%d at once, %d refused", most.Load(), refused.Load())
	}
}

func TestServersAreReadAgain(t *testing.T) {
	c := new(clock)
	path := filepath.Join(t.TempDir(), "resolv.conf")
	s := servers{path: path, now: c.Now}
	if _, err := s.list(); err == nil {
		t.Error("no file is no error")
	}
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	want := func(list ...string) {
		t.Helper()
		got, err := s.list()
		var text []string
		for _, a := range got {
			text = append(text, a.String())
		}
		if err != nil || !cmp.Equal(list, text) {
			t.Errorf("got %v, %v, want %v", text, err, list)
		}
	}
	write("search x\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver nonsense\n", c.Now())
	want("192.0.2.1:53", "[2001:db8::1]:53")
	write("nameserver 192.0.2.2\n", c.Now().Add(time.Second))
	want("192.0.2.1:53", "[2001:db8::1]:53")
	c.advance(rereadEvery)
	want("192.0.2.2:53")
	write("# nothing\n", c.Now().Add(2*time.Second))
	c.advance(rereadEvery)
	want("192.0.2.2:53")
}

func TestAddressesOfServers(t *testing.T) {
	for s, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]:5353": "[2001:db8::1]:5353",
		"": "", "resolver.example": "", "192.0.2.1:0": "", "192.0.2.1:x": "", "[2001:db8::1]": "",
	} {
		got, err := ParseServer(s)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q is %s, %v", s, got, err)
		}
	}
}

func TestAClosedResolverAsksNothing(t *testing.T) {
	r := New(Options{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Lookup(t.Context(), "example.net", "a"); !errors.Is(err, ErrTemporary) {
		t.Error(err)
	}
}
