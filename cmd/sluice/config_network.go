package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/dns"
	"github.com/sluice-mail/sluice/fetch"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sqlstore"
)

// DNSConfig is [dns].
type DNSConfig struct {
	Servers        []string `toml:"servers" doc:"recursive servers that are asked, such as 127.0.0.1, 192.0.2.53:5353 or [2001:db8::53]:53; empty: those of /etc/resolv.conf"`
	Timeout        int64    `toml:"timeout" doc:"milliseconds that one question to one server may take; all tries together should be within limits.time"`
	Tries          int64    `toml:"tries" doc:"questions until it is a temporary failure, to one server after the other"`
	Cache          int64    `toml:"cache" doc:"answers that are remembered, 1 KiB for each at most; 0: none"`
	MaxTTL         int64    `toml:"max-ttl" doc:"seconds for which an answer is remembered at most"`
	MaxNegativeTTL int64    `toml:"max-negative-ttl" doc:"the same where there is no such name or record"`
	FailureTTL     int64    `toml:"failure-ttl" doc:"seconds for which a temporary failure is remembered"`
	Concurrency    int64    `toml:"concurrency" doc:"questions at once"`
}

// HTTPClientConfig is [http-client].
type HTTPClientConfig struct {
	Allow        []string `toml:"allow" doc:"hosts that administrators' scripts may fetch from, on ports 80 and 443: api.example.org, *.example.org (the names below it), api.example.org:8443 (that port instead), * (all); empty: none"`
	AllowPrivate []string `toml:"allow-private" doc:"networks beside the public addresses that those hosts may lie in, such as 10.1.2.0/24 or 127.0.0.1"`
	Timeout      int64    `toml:"timeout" doc:"milliseconds that one request may take"`
	MaxSize      int64    `toml:"max-size" doc:"octets of a body"`
	Concurrency  int64    `toml:"concurrency" doc:"requests at once"`
	UserAgent    string   `toml:"user-agent" doc:"what the server calls itself"`
}

func defaultDNS() DNSConfig {
	return DNSConfig{Servers: []string{}, Timeout: 600, Tries: 3, Cache: 10_000, MaxTTL: 24 * 3600, MaxNegativeTTL: 3600, FailureTTL: 5, Concurrency: 256}
}

func defaultHTTPClient() HTTPClientConfig {
	return HTTPClientConfig{Allow: []string{}, AllowPrivate: []string{}, Timeout: 1500, MaxSize: 1 << 20, Concurrency: 32, UserAgent: "sluice"}
}

// checkNetwork refuses settings of [dns] and [http-client] that nothing could follow.
func (c *Config) checkNetwork(bad func(path, format string, args ...any)) {
	if _, err := c.dnsServers(); err != nil {
		bad("dns.servers", "%v", err)
	}
	for _, s := range c.HTTPClient.Allow {
		if _, err := fetch.ParseHost(s); err != nil {
			bad("http-client.allow", "%v", err)
		}
	}
	for _, s := range c.HTTPClient.AllowPrivate {
		if _, err := parseNetwork(s); err != nil {
			bad("http-client.allow-private", "%q is no network such as 10.1.2.0/24", s)
		}
	}
	if strings.ContainsFunc(c.HTTPClient.UserAgent, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		bad("http-client.user-agent", "holds a control character")
	}
}

// networkNumbers are the bounds of the numbers of [dns] and [http-client].
func (c *Config) networkNumbers(all map[string]number) {
	const week = 7 * 24 * 3600
	d, h := &c.DNS, &c.HTTPClient
	for path, n := range map[string]number{
		"dns.timeout": {d.Timeout, 1, 60_000}, "dns.tries": {d.Tries, 1, 10}, "dns.cache": {d.Cache, 0, 10_000_000},
		"dns.max-ttl": {d.MaxTTL, 1, week}, "dns.max-negative-ttl": {d.MaxNegativeTTL, 1, week}, "dns.failure-ttl": {d.FailureTTL, 1, 300},
		"dns.concurrency":     {d.Concurrency, 1, 10_000},
		"http-client.timeout": {h.Timeout, 1, 60_000}, "http-client.max-size": {h.MaxSize, 1, 64 << 20}, "http-client.concurrency": {h.Concurrency, 1, 10_000},
	} {
		all[path] = n
	}
}

func (c *Config) dnsServers() (out []netip.AddrPort, err error) {
	for _, s := range c.DNS.Servers {
		server, e := dns.ParseServer(s)
		if e != nil {
			err = errors.Join(err, e)
		}
		out = append(out, server)
	}
	return out, err
}

// parseNetwork reads a network, or an address as the network that is it alone.
func parseNetwork(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Prefix(ip.BitLen())
	}
	return netip.ParsePrefix(s)
}

// network is what scripts reach beyond this machine.
type network struct {
	dns  *dns.Resolver
	http *fetch.Client // nil: no host is allowed
	sql  map[string]*sqlstore.Store
}

// newNetwork asks nothing yet. The configuration was checked.
func newNetwork(c *Config) *network {
	d, h := &c.DNS, &c.HTTPClient
	o := dns.Options{
		Timeout: time.Duration(d.Timeout) * time.Millisecond, Tries: int(d.Tries), Entries: int(d.Cache), Concurrency: int(d.Concurrency),
		MaxTTL: time.Duration(d.MaxTTL) * time.Second, MaxNegativeTTL: time.Duration(d.MaxNegativeTTL) * time.Second, FailureTTL: time.Duration(d.FailureTTL) * time.Second,
	}
	if o.Entries == 0 {
		o.Entries = -1
	}
	o.Servers, _ = c.dnsServers()
	n := &network{dns: dns.New(o), sql: map[string]*sqlstore.Store{}}
	if len(h.Allow) == 0 {
		return n
	}
	f := fetch.Options{Timeout: time.Duration(h.Timeout) * time.Millisecond, MaxSize: h.MaxSize, Concurrency: int(h.Concurrency), UserAgent: h.UserAgent}
	for _, s := range h.Allow {
		if host, err := fetch.ParseHost(s); err == nil {
			f.Hosts = append(f.Hosts, host)
		}
	}
	for _, s := range h.AllowPrivate {
		if p, err := parseNetwork(s); err == nil {
			f.Private = append(f.Private, p)
		}
	}
	if len(o.Servers) > 0 { // the hosts file still counts
		var next atomic.Uint64
		f.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			server := o.Servers[(next.Add(1)-1)%uint64(len(o.Servers))]
			return new(net.Dialer).DialContext(ctx, network, server.String())
		}}
	}
	n.http = fetch.New(f)
	return n
}

func (n *network) close() error {
	err := n.dns.Close()
	if n.http != nil {
		err = errors.Join(err, n.http.Close())
	}
	for _, s := range n.sql {
		err = errors.Join(err, s.Close())
	}
	return err
}

// into has a host reach the network.
func (n *network) into(l *runtime.Live) {
	l.DNS, l.SQL = scriptDNS{n.dns}, n.query
	if n.http != nil {
		l.HTTP = scriptHTTP{n.http}
	}
}

// scriptDNS is the resolver as scripts ask it.
type scriptDNS struct{ *dns.Resolver }

func (d scriptDNS) Lookup(ctx context.Context, name, typ string) (runtime.DNSAnswer, error) {
	a, err := d.Resolver.Lookup(ctx, name, typ)
	if errors.Is(err, dns.ErrTemporary) {
		err = &temporaryError{err}
	}
	return runtime.DNSAnswer(a), err
}

// scriptHTTP is the client as scripts use it.
type scriptHTTP struct{ *fetch.Client }

func (h scriptHTTP) Fetch(ctx context.Context, r runtime.HTTPRequest) (runtime.HTTPResponse, error) {
	a, err := h.Get(ctx, fetch.Request(r))
	if errors.Is(err, fetch.ErrTemporary) {
		err = &temporaryError{err}
	}
	return runtime.HTTPResponse(a), err
}

// temporaryError is a room's temporary failure as scripts meet it, in the room's words.
type temporaryError struct{ error }

func (e *temporaryError) Unwrap() []error { return []error{runtime.ErrTemporary, e.error} }
