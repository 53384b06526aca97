package runtime

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxPTRNames bounds the names of an address that are looked up again.
//
// Spec: RFC 7208, section 4.6.4
const maxPTRNames = 10

var (
	dnsNameParam = Param{Name: "name", Kind: String, Doc: "name, with or without a dot at its end; letters beyond ASCII are converted (IDNA). For `ptr` an IP address, too"}
	dnsTypeParam = Param{Name: "type", Kind: String, Doc: "`a`, `aaaa`, `ip` (a, then aaaa), `mx`, `txt`, `ptr`, `ns`, `cname` or `tlsa`; `ipv4` and `ipv6` are `a` and `aaaa`"}
	dnsIPParam   = Param{Name: "ip", Kind: String, Doc: "IP address"}
)

func init() {
	register(Function{
		Name:   "dns_query",
		Family: "dns",
		Doc: "Returns the records that a name has of a type, as texts: addresses; host names in lower case, those of `mx` by preference " +
			"(`\".\"` says that the domain takes no mail); of a `txt` record all its strings as one; of `tlsa` usage, selector, matching type and hex digits. " +
			"The list is empty where there is no such name or no such record, also where the text cannot be a name. " +
			"A temporary failure (no answer, SERVFAIL) is an error, which the script's `on-store-error` covers; `dns_lookup` tells it in its result.",
		Params: []Param{dnsNameParam, dnsTypeParam},
		Result: List, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `dns_query("example.net", "mx")`, Want: `["mx1.example.net", "mx2.example.net"]`},
			{Code: `dns_query("mx1.example.net.", "ip")`, Want: `["192.0.2.25", "2001:db8::25"]`},
			{Code: `dns_query("www.example.net", "A")`, Want: `["192.0.2.80"]`},
			{Code: `dns_query("192.0.2.25", "ptr")`, Want: `["mx1.example.net"]`},
			{Code: `dns_query("example.net", "txt")`, Want: `["v=spf1 mx -all"]`},
			{Code: `dns_query("nomail.example", "mx")`, Want: `["."]`},
			{Code: `dns_query("absent.example", "a")`, Want: `[]`},
			{Code: `dns_query("no name", "a")`, Want: `[]`},
			{Code: `dns_query("tempfail.example", "a")`, Error: `dns_query: temporary failure: tempfail.example: SERVFAIL`},
			{Code: `dns_query("example.net", "x")`, Error: `dns_query: unknown type "x"; known are a, aaaa, cname, mx, ns, ptr, tlsa, txt, ip, ipv4, ipv6`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			typ, err := dnsType(a.String(1))
			if err != nil {
				return nil, err
			}
			r, err := e.lookup(a.String(0), typ)
			if err != nil {
				return nil, err
			}
			return valueList(r.Values), nil
		},
	})
	register(Function{
		Name:   "dns_lookup",
		Family: "dns",
		Doc: "Asks as `dns_query` does and returns a map: `status` is `ok`, `nxdomain` (there is no such name), `nodata` (the name is there, and has no such record) " +
			"or `tempfail` (it could not be found out); `records` is a list, for `mx` of maps with `preference` and `host`, for `tlsa` of maps with `usage`, `selector`, `matching` and `data` (hex digits), " +
			"else of texts; `ttl` is for how many seconds that holds; `secure` says whether the server that was asked checked it by DNSSEC, which is worth as much as the way to that server.",
		Params: []Param{dnsNameParam, dnsTypeParam},
		Result: Map, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `dns_lookup("www.example.net", "a")`, Want: `{"status": "ok", "records": ["192.0.2.80"], "ttl": 300, "secure": false}`},
			{Code: `dns_lookup("example.net", "mx")`, Want: `{"status": "ok", "records": [{"preference": 10, "host": "mx1.example.net"}, {"preference": 20, "host": "mx2.example.net"}], "ttl": 60, "secure": false}`},
			{Code: `dns_lookup("_25._tcp.mx1.example.net", "tlsa")`, Want: `{"status": "ok", "records": [{"usage": 3, "selector": 1, "matching": 1, "data": "00ff"}], "ttl": 300, "secure": true}`},
			{Code: `dns_lookup("absent.example", "a")`, Want: `{"status": "nxdomain", "records": [], "ttl": 300, "secure": false}`},
			{Code: `dns_lookup("example.net", "aaaa")`, Want: `{"status": "nodata", "records": [], "ttl": 60, "secure": false}`},
			{Code: `dns_lookup("tempfail.example", "txt")`, Want: `{"status": "tempfail", "records": [], "ttl": 0, "secure": false}`},
		},
		Call: dnsLookup,
	})
	register(Function{
		Name:   "dns_exists",
		Family: "dns",
		Doc: "Says whether a name has records of a type. A temporary failure is an error. " +
			"(Stalwart's function of this name returns 1, 0, and -1 for a temporary failure.)",
		Params: []Param{dnsNameParam, {Name: "type", Kind: String, Optional: true, Default: "ip", Doc: dnsTypeParam.Doc + "; left out: `ip`"}},
		Result: Bool, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `dns_exists("example.net", "mx")`, Want: `true`},
			{Code: `dns_exists("mx1.example.net")`, Want: `true`},
			{Code: `dns_exists("example.net", "tlsa")`, Want: `false`},
			{Code: `dns_exists("absent.example")`, Want: `false`},
			{Code: `dns_exists("tempfail.example", "mx")`, Error: `dns_exists: temporary failure: tempfail.example: SERVFAIL`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			typ, err := dnsType(a.String(1))
			if err != nil {
				return nil, err
			}
			r, err := e.lookup(a.String(0), typ)
			return bools(r.Status == DNSOK, err)
		},
	})
	register(Function{
		Name:   "dnsbl",
		Family: "dns",
		Doc: "Asks a block list of the DNS about an IP address or a domain and returns the codes of its answer, such as `127.0.0.2`, sorted; the list is empty where it is not listed. " +
			"IPv4 addresses are asked for by their reversed octets, IPv6 addresses by their reversed hex digits (RFC 5782). Answers outside 127.0.0.0/8, as of a zone that was given up, are left out and noted as a problem. " +
			"127.255.255.x is how a list says that it does not answer this server, and a temporary failure; so is no answer: both are errors.",
		Params: []Param{{Name: "subject", Kind: String, Doc: "IP address or domain"}, {Name: "zone", Kind: String, Doc: "zone of the list, such as `zen.spamhaus.org`"}},
		Result: List, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `dnsbl("192.0.2.66", "bl.example")`, Want: `["127.0.0.2", "127.0.0.10"]`},
			{Code: `dnsbl("192.0.2.25", "bl.example")`, Want: `[]`},
			{Code: `dnsbl("2001:db8::66", "bl.example")`, Want: `["127.0.0.3"]`},
			{Code: `dnsbl("Bad.Example.", "bl.example")`, Want: `["127.0.1.2"]`},
			{Code: `dnsbl("parked.example", "bl.example")`, Want: `[]`},
			{Code: `dnsbl("192.0.2.1", "refusing.example")`, Error: `dnsbl: temporary failure: refusing.example answers 127.255.255.254: it does not serve this server`},
			{Code: `dnsbl("192.0.2.1", "tempfail.example")`, Error: `dnsbl: temporary failure: 1.2.0.192.tempfail.example: SERVFAIL`},
			{Code: `dnsbl("192.0.2.1", "")`, Error: `dnsbl: zone is empty`},
		},
		Call: dnsbl,
	})
	register(Function{
		Name:   "dns_ptr_names",
		Family: "dns",
		Doc: "Returns the names of an IP address whose own addresses lead back to it. Of its PTR records the first 10 are looked at, and each counts as an operation. " +
			"The list is empty where there are none, and where the text is no IP address. It is an error if no name is found for a temporary failure.",
		Params: []Param{dnsIPParam},
		Result: List, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `dns_ptr_names("192.0.2.25")`, Want: `["mx1.example.net"]`},
			{Code: `dns_ptr_names("2001:db8::25")`, Want: `["mx1.example.net"]`},
			{Code: `dns_ptr_names("192.0.2.66")`, Want: `[]`},
			{Code: `dns_ptr_names("192.0.2.1")`, Want: `[]`},
			{Code: `dns_ptr_names("192.0.2.75")`, Error: `dns_ptr_names: temporary failure: tempfail.example: SERVFAIL`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.ptrNames(a.String(0))
			if err == nil && len(p.confirmed) == 0 {
				err = p.failed
			}
			if err != nil {
				return nil, err
			}
			return valueList(p.confirmed), nil
		},
	})
	register(Function{
		Name:   "iprev",
		Family: "dns",
		Doc: "Checks that an IP address has a name that leads back to it, and returns a map: `result` is `pass`, `fail` (its names have other addresses), " +
			"`permerror` (it has no name, or its names have no address, or the text is no IP address) or `temperror` (RFC 8601, section 2.7.3); " +
			"`name` is the first name that leads back, or `\"\"`; `names` are all of them. What is looked at and counted is what `dns_ptr_names` says.",
		Params: []Param{dnsIPParam},
		Result: Map, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `iprev("192.0.2.25")`, Want: `{"result": "pass", "name": "mx1.example.net", "names": ["mx1.example.net"]}`},
			{Code: `iprev("192.0.2.66")`, Want: `{"result": "fail", "name": "", "names": []}`},
			{Code: `iprev("192.0.2.1")`, Want: `{"result": "permerror", "name": "", "names": []}`},
			{Code: `iprev("192.0.2.75")`, Want: `{"result": "temperror", "name": "", "names": []}`},
			{Code: `iprev("nobody")`, Want: `{"result": "permerror", "name": "", "names": []}`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.ptrNames(a.String(0))
			if err != nil && !errors.Is(err, ErrTemporary) {
				return nil, err
			}
			out := map[string]Value{"result": "permerror", "name": "", "names": valueList(p.confirmed)}
			switch {
			case len(p.confirmed) > 0:
				out["result"], out["name"] = "pass", p.confirmed[0]
			case err != nil || p.failed != nil:
				out["result"] = "temperror"
			case p.others:
				out["result"] = "fail"
			}
			return out, nil
		},
	})
}

// dnsType returns the type that a script names, as lookup wants it.
func dnsType(s string) (string, error) {
	switch typ := strings.ToLower(s); {
	case contains(DNSTypes, typ), typ == "ip":
		return typ, nil
	case typ == "ipv4":
		return "a", nil
	case typ == "ipv6":
		return "aaaa", nil
	}
	return "", fmt.Errorf("unknown type %q; known are %s, ip, ipv4, ipv6", cut(s, 40), strings.Join(DNSTypes, ", "))
}

func dnsLookup(e *Env, a Args) (Value, error) {
	typ, err := dnsType(a.String(1))
	if err != nil {
		return nil, err
	}
	r, err := e.lookup(a.String(0), typ)
	switch {
	case errors.Is(err, ErrTemporary):
		r = DNSAnswer{Status: statusFailed}
	case err != nil:
		return nil, err
	}
	records := valueList(r.Values)
	for i, s := range r.Values {
		switch typ {
		case "mx":
			records[i] = map[string]Value{"preference": int64(r.Preferences[i]), "host": s}
		case "tlsa":
			var usage, selector, matching int64
			var data string
			if n, err := fmt.Sscan(s, &usage, &selector, &matching, &data); err != nil && n < 3 {
				return nil, errors.New("TLSA record without its numbers")
			}
			records[i] = map[string]Value{"usage": usage, "selector": selector, "matching": matching, "data": data}
		}
	}
	return map[string]Value{"status": r.Status, "records": records, "ttl": seconds(r.TTL), "secure": r.Secure}, nil
}

var (
	loopback4 = netip.MustParsePrefix("127.0.0.0/8")
	refusals4 = netip.MustParsePrefix("127.255.255.0/24")
)

func dnsbl(e *Env, a Args) (Value, error) {
	subject, zone := hostName(a.String(0)), hostName(a.String(1))
	if zone == "" || zone == "." {
		return nil, errors.New("zone is empty")
	}
	if ip, err := netip.ParseAddr(subject); err == nil {
		if ip.Zone() != "" {
			return []Value{}, nil
		}
		subject = reverseName(ip.Unmap())
	}
	if subject == "" || subject == "." {
		return []Value{}, nil
	}
	r, err := e.lookup(subject+"."+zone, "a")
	if err != nil {
		return nil, err
	}
	var codes []netip.Addr
	for _, s := range r.Values {
		ip, err := netip.ParseAddr(s)
		switch {
		case err != nil:
		case refusals4.Contains(ip):
			return nil, fmt.Errorf("%w: %s answers %s: it does not serve this server", ErrTemporary, cut(zone, 100), ip)
		case loopback4.Contains(ip):
			codes = append(codes, ip)
		default:
			e.run.record.note("problem", fmt.Sprintf("dnsbl: %s answers %s, which is no code of a block list", cut(zone, 100), ip))
		}
	}
	slices.SortFunc(codes, netip.Addr.Compare)
	out := make([]Value, len(codes))
	for i, c := range codes {
		out[i] = c.String()
	}
	return out, nil
}

// ptrResult is what the names of an address say about it.
type ptrResult struct {
	confirmed []string // lead back to it
	others    bool     // a name has other addresses
	failed    error    // of the first name whose addresses could not be found out
}

// ptrNames looks at the names of an address, and for whether they lead back to it.
func (e *Env) ptrNames(text string) (p ptrResult, err error) {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" {
		return p, nil
	}
	ip = ip.Unmap()
	names, err := e.lookup(ip.String(), "ptr")
	if err != nil {
		return p, err
	}
	typ := "aaaa"
	if ip.Is4() {
		typ = "a"
	}
	for _, name := range names.Values[:min(len(names.Values), maxPTRNames)] {
		if err := e.operation(); err != nil {
			return p, err
		}
		r, err := e.lookup(name, typ)
		switch {
		case errors.Is(err, ErrTemporary):
			if p.failed == nil {
				p.failed = err
			}
		case err != nil:
			return p, err
		case slices.Contains(r.Values, ip.String()):
			p.confirmed = append(p.confirmed, name)
		case r.Status == DNSOK:
			p.others = true
		}
	}
	return p, nil
}
