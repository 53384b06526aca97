package runtime

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fixtures answer for the DNS and for web servers what tests and dry runs want them to. They are
// a Resolver and a Fetcher. Many goroutines may use them.
type Fixtures struct {
	names map[string]*fixedName // by name in lower case; "*" are all others
	pages map[string]*fixedPage // by URL
}

// fixedName is what is known of a name. Types that are not in it have no records.
type fixedName struct {
	status string // if not "": the answer to all questions; statusFailed is a failure
	types  map[string]*DNSAnswer
	ttl    time.Duration
}

// fixedPage is the answer of a web server; nil: a temporary failure.
type fixedPage struct{ HTTPResponse }

// statusFailed is what DNSAnswer.Status cannot say: there is no answer.
const statusFailed = "tempfail"

// fixedTTL is for how long answers hold where nothing is said, in seconds.
const fixedTTL = 300

// maxChain bounds CNAME records that lead to one another.
const maxChain = 8

// NewFixtures reads fixtures of a tree, as it comes from TOML or JSON:
//
//	[dns."example.org"]           # a name, or an IP address that has ptr
//	a = ["192.0.2.1"]             # records by type; a type that is not here has none
//	mx = ["10 mx.example.org"]
//	txt = "tempfail"              # ok (as []), nodata, nxdomain or tempfail in place of records
//	ttl = 60                      # seconds; 300
//	secure = true
//
//	[dns]
//	"gone.example" = "nxdomain"   # for all types
//	"*" = "nxdomain"              # all other names; without it they are refused
//
//	[http."https://example.org/x"]
//	status = 200                  # 200
//	body = "text"
//	headers = { content-type = "text/plain" }
//
//	[http]
//	"https://example.org/y" = "tempfail"
//
// A name with a cname alone answers for all types with what its target has, if that is here.
// Errors name the place in the tree.
func NewFixtures(tree map[string]Value) (*Fixtures, error) {
	f := &Fixtures{names: map[string]*fixedName{}, pages: map[string]*fixedPage{}}
	for _, table := range slices.Sorted(maps.Keys(tree)) {
		entries, ok := tree[table].(map[string]Value)
		if table != asksDNS && table != asksHTTP || !ok {
			return nil, fmt.Errorf("fixtures: %.40q is no table of fixtures; there are dns and http", table)
		}
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			var err error
			if table == asksDNS {
				err = f.addName(name, entries[name])
			} else {
				err = f.addPage(name, entries[name])
			}
			if err != nil {
				return nil, fmt.Errorf("fixtures: %s.%.100q: %w", table, name, err)
			}
		}
	}
	return f, nil
}

func (f *Fixtures) addName(name string, v Value) error {
	n := &fixedName{types: map[string]*DNSAnswer{}, ttl: fixedTTL * time.Second}
	f.names[fixedKey(name)] = n
	if status, ok := v.(string); ok {
		n.status = status
		return fixedStatus(status)
	}
	types, ok := v.(map[string]Value)
	if !ok {
		return fmt.Errorf("expected a table or a status")
	}
	secure := false
	for typ, v := range types {
		switch v := v.(type) {
		case int64:
			if typ != "ttl" || v < 0 || v > 1<<31 {
				return fmt.Errorf("%.40s: expected records or a status", typ)
			}
			n.ttl = time.Duration(v) * time.Second
		case bool:
			if typ != "secure" {
				return fmt.Errorf("%.40s: expected records or a status", typ)
			}
			secure = v
		default:
			a, err := fixedAnswer(typ, v)
			if err != nil {
				return fmt.Errorf("%.40s: %w", typ, err)
			}
			n.types[typ] = a
		}
	}
	for _, a := range n.types {
		a.TTL, a.Secure = n.ttl, secure
	}
	return nil
}

// fixedAnswer reads the records of a type.
func fixedAnswer(typ string, v Value) (*DNSAnswer, error) {
	if !contains(DNSTypes, typ) {
		return nil, fmt.Errorf("unknown type")
	}
	a := &DNSAnswer{Status: DNSOK}
	switch v := v.(type) {
	case string:
		a.Status = v
		return a, fixedStatus(v)
	case []Value:
		for _, r := range v {
			s, ok := r.(string)
			if !ok {
				return nil, fmt.Errorf("expected texts")
			}
			if err := a.fix(typ, s); err != nil {
				return nil, err
			}
		}
	default:
		return nil, fmt.Errorf("expected a list of records or a status")
	}
	if len(a.Values) == 0 {
		a.Status = DNSNoData
	}
	return a, nil
}

// fix adds a record that is written down.
func (a *DNSAnswer) fix(typ, s string) error {
	switch typ {
	case "a", "aaaa":
		if ip, err := netip.ParseAddr(s); err != nil || ip.Is4() != (typ == "a") || ip.Zone() != "" {
			return fmt.Errorf("%.60q is no address of this type", s)
		}
	case "mx":
		number, host, _ := strings.Cut(s, " ")
		p, err := strconv.ParseUint(number, 10, 16)
		if err != nil || host == "" {
			return fmt.Errorf("%.60q: expected a preference and a host", s)
		}
		i, _ := slices.BinarySearchFunc(a.Preferences, p+1, func(have uint16, want uint64) int { return int(have) - int(want) })
		a.Preferences = slices.Insert(a.Preferences, i, uint16(p))
		a.Values = slices.Insert(a.Values, i, hostName(host))
		return nil
	case "cname", "ns", "ptr":
		s = hostName(s)
	}
	a.Values = append(a.Values, s)
	return nil
}

func fixedStatus(s string) error {
	switch s {
	case DNSNXDomain, DNSNoData, statusFailed:
		return nil
	}
	return fmt.Errorf("%.40q is not one of nodata, nxdomain, tempfail", s)
}

// hostName returns a name as DNSAnswer has it.
func hostName(s string) string {
	if s == "." {
		return s
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

// fixedKey returns what a name is found under: an IP address under that which has its names.
func fixedKey(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
		if ip = ip.Unmap(); ip.Is4() {
			return reverseName(ip) + ".in-addr.arpa"
		}
		return reverseName(ip) + ".ip6.arpa"
	}
	return hostName(name)
}

func (f *Fixtures) addPage(url string, v Value) error {
	if v == statusFailed {
		f.pages[url] = nil
		return nil
	}
	fields, ok := v.(map[string]Value)
	if !ok {
		return fmt.Errorf("expected a table or tempfail")
	}
	p := &fixedPage{HTTPResponse{Status: 200, URL: url, Header: map[string][]string{}}}
	f.pages[url] = p
	for name, v := range fields {
		headers, isMap := v.(map[string]Value)
		status, isInt := v.(int64)
		body, isText := v.(string)
		switch {
		case name == "status" && isInt && status >= 100 && status <= 999:
			p.Status = int(status)
		case name == "body" && isText:
			p.Body = []byte(body)
		case name == "headers" && isMap:
			for h, v := range headers {
				s, ok := v.(string)
				if !ok {
					return fmt.Errorf("headers: expected texts")
				}
				p.Header[strings.ToLower(h)] = []string{s}
			}
		default:
			return fmt.Errorf("%.40s: expected status, body or headers", name)
		}
	}
	return nil
}

// Lookup answers from the fixtures. Names that are not there are refused.
func (f *Fixtures) Lookup(ctx context.Context, name, typ string) (DNSAnswer, error) {
	if err := ctx.Err(); err != nil {
		return DNSAnswer{}, err
	}
	key := fixedKey(name)
	for range maxChain {
		n := f.names[key]
		if n == nil {
			n = f.names["*"]
		}
		if n == nil {
			return DNSAnswer{}, fmt.Errorf("no fixture for %.100q: %w", name, ErrRefused)
		}
		a := n.types[typ]
		if alias := n.types["cname"]; a == nil && alias != nil && alias.Status == DNSOK && n.status == "" {
			key = alias.Values[0]
			continue
		}
		if a == nil {
			a = &DNSAnswer{Status: DNSNoData, TTL: n.ttl}
			if n.status != "" {
				a.Status = n.status
			}
		}
		if a.Status == statusFailed {
			return DNSAnswer{}, fmt.Errorf("%w: %.100s: SERVFAIL", ErrTemporary, name)
		}
		return *a, nil
	}
	return DNSAnswer{}, fmt.Errorf("%w: %.100s: more than %d aliases", ErrTemporary, name, maxChain)
}

// Fetch answers from the fixtures. URLs that are not there are refused.
func (f *Fixtures) Fetch(ctx context.Context, r HTTPRequest) (HTTPResponse, error) {
	if err := ctx.Err(); err != nil {
		return HTTPResponse{}, err
	}
	p, ok := f.pages[r.URL]
	switch {
	case !ok:
		return HTTPResponse{}, fmt.Errorf("no fixture for this URL: %w", ErrRefused)
	case p == nil:
		return HTTPResponse{}, fmt.Errorf("%w: no answer", ErrTemporary)
	case r.MaxSize > 0 && int64(len(p.Body)) > r.MaxSize:
		return HTTPResponse{}, fmt.Errorf("the body is over %d octets", r.MaxSize)
	}
	return p.HTTPResponse, nil
}
