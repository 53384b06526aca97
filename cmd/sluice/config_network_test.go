package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/foxcpp/go-mockdns"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

func TestNetworkSettingsAreChecked(t *testing.T) {
	_, err := sieveConfig(t, `[dns]
servers = ["resolver.example"]
tries = 0
[http-client]
allow = ["https://api.example.org", "*.example.org"]
allow-private = ["10.0.0.0/8", "inside"]
user-agent = "a\nb"
timeout = 100000
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`:2: dns.servers: "resolver.example" is no address of a server`,
		":3: dns.tries: 0 is not from 1 to 10",
		`:5: http-client.allow: "https://api.example.org" is no host`,
		`:6: http-client.allow-private: "inside" is no network`,
		":7: http-client.user-agent: holds a control character",
		":8: http-client.timeout: 100000 is not from 1 to 60000",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 6 {
		t.Errorf("%d errors:\n%v", n, err)
	}
}

// TestScriptsReachTheConfiguredNetwork runs scripts with a DNS server and a web server of the test.
func TestScriptsReachTheConfiguredNetwork(t *testing.T) {
	names, err := mockdns.NewServerWithLogger(map[string]mockdns.Zone{
		"example.net.":            {MX: []net.MX{{Host: "mx.example.net.", Pref: 10}}, TXT: []string{"hello"}},
		"api.example.":            {A: []string{"127.0.0.1"}},
		"broken.example.":         {Err: &net.DNSError{Err: "SERVFAIL", IsTemporary: true}},
		"2.0.0.127.bl.example.":   {A: []string{"127.0.0.2", "127.0.0.4"}},
		"empty.example.":          {TXT: []string{"x"}},
		"1.0.0.127.in-addr.arpa.": {PTR: []string{"api.example."}},
	}, quietLog{}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"agent": %q, "host": %q}`, r.UserAgent(), strings.Split(r.Host, ":")[0])
	}))
	t.Cleanup(site.Close)
	u, err := url.Parse(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sieveConfig(t, fmt.Sprintf(`[dns]
servers = [%q]
timeout = 5000
[http-client]
allow = ["*.example:%s"]
allow-private = ["127.0.0.1"]
timeout = 5000
user-agent = "tester"
`, names.LocalAddr().String(), u.Port()))
	if err != nil {
		t.Fatal(err)
	}
	network := newNetwork(c)
	t.Cleanup(func() { _ = network.close() })
	host := &runtime.Live{}
	network.into(host)
	run := func(source string) (runtime.Value, *runtime.Result) {
		t.Helper()
		e := newEngine(c)
		p, err := e.Compile("a.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin, Refused: refusedOf(c)})
		if err != nil {
			t.Fatal(err)
		}
		r := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a", Limits: runtime.Limits{Time: 1 << 34}})
		return r.Value, r
	}
	for source, want := range map[string]string{
		`dns_query("example.net", "mx")`:                        `["mx.example.net"]`,
		`dns_query("example.net", "txt")`:                       `["hello"]`,
		`dns_lookup("absent.example", "a").status`:              `"nxdomain"`,
		`dns_lookup("empty.example", "a").status`:               `"nodata"`,
		`dns_lookup("broken.example", "a").status`:              `"tempfail"`,
		`dnsbl("127.0.0.2", "bl.example")`:                      `["127.0.0.2", "127.0.0.4"]`,
		`iprev("127.0.0.1").result`:                             `"pass"`,
		`http_get("http://api.example:` + u.Port() + `/").body`: `"{\"agent\": \"tester\", \"host\": \"api.example\"}"`,
	} {
		wanted, err := runtime.ParseLiteral(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, r := run(source); r.Err != nil || !cmp.Equal(got, wanted) {
			t.Errorf("%s is %v, %v", source, got, r.Err)
		}
	}
	if _, r := run(`dns_query("broken.example", "a")`); !errors.Is(r.Err, runtime.ErrTemporary) || r.StoreErr == nil ||
		r.Err.Error() != "a.expr:1:1: dns_query: temporary failure: broken.example: SERVFAIL" {
		t.Error(r.Err, r.StoreErr)
	}
	if _, r := run(`http_get("http://api.example/")`); r.Err == nil || r.Err.Error() != "a.expr:1:1: http_get: api.example: the host is not allowed" {
		t.Error(r.Err)
	}
}

// BenchmarkCachedDNSQuery runs a script that asks for what is known, and one that asks nothing.
func BenchmarkCachedDNSQuery(b *testing.B) {
	names, err := mockdns.NewServerWithLogger(map[string]mockdns.Zone{"example.net.": {MX: []net.MX{{Host: "mx.example.net.", Pref: 10}}}}, quietLog{}, false)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = names.Close() })
	c := Default("data")
	c.DNS.Servers = []string{names.LocalAddr().String()}
	network := newNetwork(c)
	b.Cleanup(func() { _ = network.close() })
	host := &runtime.Live{}
	network.into(host)
	e := newEngine(c)
	for name, source := range map[string]string{"asks": `dns_query("example.net", "mx")`, "does not": `["mx.example.net"]`} {
		b.Run(name, func(b *testing.B) {
			p, err := e.Compile("a.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin})
			if err != nil {
				b.Fatal(err)
			}
			tx := runtime.ExampleTransaction()
			b.ReportAllocs()
			for b.Loop() {
				r := e.Run(b.Context(), p, tx, runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a"})
				if r.Err != nil || len(r.Value.([]runtime.Value)) != 1 {
					b.Fatal(r.Value, r.Err)
				}
			}
		})
	}
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}

func TestFetchingIsRefusedWhereNoHostIsAllowed(t *testing.T) {
	c := Default("data")
	if why := refusedOf(c)["http_get"]; why != noHTTPClient {
		t.Errorf("refused: %q", why)
	}
	c.HTTPClient.Allow = []string{"example.org"}
	if _, ok := refusedOf(c)["http_get"]; ok {
		t.Error("refused although a host is allowed")
	}
}
