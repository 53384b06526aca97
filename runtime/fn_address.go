package runtime

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

func init() {
	address := Param{Name: "address", Kind: String, Doc: "address, without name and brackets"}
	register(Function{
		Name:   "is_email",
		Family: "address",
		Doc:    "Says whether text is an address whose domain has a dot.",
		Params: []Param{textParam},
		Result: Bool, Trust: User,
		Examples: []Example{{Code: `is_email("eve@example.org")`, Want: `true`}, {Code: `is_email("eve@localhost")`, Want: `false`}},
		Call: func(_ *Env, a Args) (Value, error) {
			addr, err := mail.ParseAddress(a.String(0))
			return err == nil && strings.Contains(addr.Domain, "."), nil
		},
	})
	register(Function{
		Name:   "email_part",
		Family: "address",
		Doc:    "Returns what stands in front of the last @ of an address, or behind it; `\"\"` if there is none.",
		Params: []Param{address, {Name: "part", Kind: String, Doc: "`local` or `domain`"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `email_part("eve@example.org", "domain")`, Want: `"example.org"`},
			{Code: `email_part("eve@example.org", "local")`, Want: `"eve"`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			s := strings.TrimSpace(a.String(0))
			i := strings.LastIndexByte(s, '@')
			switch part := a.String(1); {
			case part != "local" && part != "domain":
				return nil, fmt.Errorf("email_part: unknown part %q; known are local, domain", cut(part, 40))
			case i < 0:
				return "", nil
			case part == "local":
				return strings.TrimSpace(s[:i]), nil
			}
			return strings.TrimSpace(s[i+1:]), nil
		},
	})
	register(Function{
		Name:   "is_local_address",
		Family: "address",
		Doc:    "Says whether mail for the address is delivered here.",
		Params: []Param{address},
		Result: Bool, Effect: Reads, Trust: User,
		Examples: []Example{{Code: `is_local_address("nobody@elsewhere.invalid")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.IsLocal == nil {
				return false, nil
			}
			return bools(e.live.IsLocal(e.Context, a.String(0)))
		},
	})
	for _, f := range []struct {
		name, doc string
		test      func(netip.Addr) bool
		example   Example
	}{
		{"is_ip_addr", "Says whether text is an IP address.", func(netip.Addr) bool { return true },
			Example{Code: `is_ip_addr("192.0.2.1")`, Want: `true`}},
		{"is_ipv4_addr", "Says whether text is an IPv4 address.", netip.Addr.Is4,
			Example{Code: `is_ipv4_addr("2001:db8::1")`, Want: `false`}},
		{"is_ipv6_addr", "Says whether text is an IPv6 address.", netip.Addr.Is6,
			Example{Code: `is_ipv6_addr("2001:db8::1")`, Want: `true`}},
	} {
		register(Function{
			Name: f.name, Family: "address", Doc: f.doc, Params: []Param{textParam}, Result: Bool, Trust: User, Examples: []Example{f.example},
			Call: func(_ *Env, a Args) (Value, error) {
				ip, err := netip.ParseAddr(a.String(0))
				return err == nil && f.test(ip), nil
			},
		})
	}
	register(Function{
		Name:   "is_ip_in_cidr",
		Family: "address",
		Doc:    "Says whether an IP address lies in a network, or in one of a list. What is no IP address lies in none.",
		Params: []Param{{Name: "ip", Kind: String, Doc: "IP address"}, {Name: "cidr", Kind: Any, Doc: "network such as `\"192.0.2.0/24\"`, one address, or a list of these"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `is_ip_in_cidr("192.0.2.7", "192.0.2.0/24")`, Want: `true`},
			{Code: `is_ip_in_cidr("192.0.2.7", ["10.0.0.0/8", "2001:db8::/32"])`, Want: `false`},
		},
		Call: isIPInCIDR,
	})
	register(Function{
		Name:   "ip_reverse_name",
		Family: "address",
		Doc:    "Returns the labels of an IP address in the order of DNS block lists and PTR names, without a zone; `\"\"` if it is none.",
		Params: []Param{{Name: "ip", Kind: String, Doc: "IP address"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `ip_reverse_name("192.0.2.1")`, Want: `"1.2.0.192"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			ip, err := netip.ParseAddr(a.String(0))
			if err != nil {
				return "", nil
			}
			return reverseName(ip.Unmap()), nil
		},
	})
}

func isIPInCIDR(_ *Env, a Args) (Value, error) {
	ip, ipErr := netip.ParseAddr(a.String(0))
	ip = ip.Unmap().WithZone("")
	found := false
	for i, v := range asList(a[1]) {
		s, ok := v.(string)
		if !ok {
			k, _ := KindOf(v)
			return nil, fmt.Errorf("is_ip_in_cidr: network %d: expected string, got %s", i+1, k)
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			one, oneErr := netip.ParseAddr(s)
			if oneErr != nil {
				return nil, fmt.Errorf("is_ip_in_cidr: %q is no network", cut(s, 60))
			}
			n = netip.PrefixFrom(one, one.BitLen())
		}
		found = found || ipErr == nil && n.Contains(ip)
	}
	return found, nil
}

func reverseName(ip netip.Addr) string {
	var labels []string
	b := ip.AsSlice()
	for i := len(b) - 1; i >= 0; i-- {
		if ip.Is4() {
			labels = append(labels, strconv.Itoa(int(b[i])))
		} else {
			labels = append(labels, string("0123456789abcdef"[b[i]&15]), string("0123456789abcdef"[b[i]>>4]))
		}
	}
	return strings.Join(labels, ".")
}
