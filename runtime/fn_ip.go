package runtime

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func init() {
	ip := Param{Name: "ip", Kind: String, Doc: "IP address"}
	for _, f := range []struct {
		name, doc string
		test      func(netip.Addr) bool
		examples  []Example
	}{
		{"is_ip_addr", "Says whether text is an IP address, IPv4 or IPv6. One with a zone (`fe80::1%eth0`), blanks or brackets is none.",
			func(netip.Addr) bool { return true },
			[]Example{{Code: `is_ip_addr("192.0.2.1")`, Want: `true`}, {Code: `is_ip_addr("192.0.2.01")`, Want: `false`},
				{Code: `is_ip_addr("[2001:db8::1]")`, Want: `false`}, {Code: `is_ip_addr("fe80::1%eth0")`, Want: `false`}}},
		{"is_ipv4_addr", "Says whether text is an IPv4 address. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is none.", netip.Addr.Is4,
			[]Example{{Code: `is_ipv4_addr("192.0.2.1")`, Want: `true`}, {Code: `is_ipv4_addr("2001:db8::1")`, Want: `false`},
				{Code: `is_ipv4_addr("192.0.2")`, Want: `false`}}},
		{"is_ipv6_addr", "Says whether text is an IPv6 address; `::ffff:192.0.2.1` is one.", netip.Addr.Is6,
			[]Example{{Code: `is_ipv6_addr("2001:db8::1")`, Want: `true`}, {Code: `is_ipv6_addr("::ffff:192.0.2.1")`, Want: `true`},
				{Code: `is_ipv6_addr("192.0.2.1")`, Want: `false`}}},
	} {
		register(Function{
			Name: f.name, Family: "address", Doc: f.doc, Params: []Param{textParam}, Result: Bool, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) {
				ip, err := netip.ParseAddr(a.String(0))
				return err == nil && ip.Zone() == "" && f.test(ip), nil
			},
		})
	}
	register(Function{
		Name:   "is_ip_in_cidr",
		Family: "address",
		Doc: "Says whether an IP address lies in a network, or in one of a list. An IPv4 address written as IPv6 counts as IPv4. " +
			"What is no IP address lies in none; what is no network is an error.",
		Params: []Param{ip, {Name: "cidr", Kind: Any, Doc: "network such as `\"192.0.2.0/24\"`, one address, or a list of these"}},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `is_ip_in_cidr("192.0.2.7", "192.0.2.0/24")`, Want: `true`},
			{Code: `is_ip_in_cidr("192.0.2.7", ["10.0.0.0/8", "2001:db8::/32"])`, Want: `false`},
			{Code: `is_ip_in_cidr("2001:db8::7", ["10.0.0.0/8", "2001:db8::/32"])`, Want: `true`},
			{Code: `is_ip_in_cidr("::ffff:192.0.2.7", "192.0.2.7")`, Want: `true`},
			{Code: `is_ip_in_cidr("mail.example.org", "192.0.2.0/24")`, Want: `false`},
			{Code: `is_ip_in_cidr("192.0.2.7", "192.0.2.0/33")`, Error: `is_ip_in_cidr: "192.0.2.0/33" is no network`},
		},
		Call: isIPInCIDR,
	})
	register(Function{
		Name:   "ip_net",
		Family: "address",
		Doc: "Returns the network an IP address lies in, as text such as `192.0.2.0/24`: what greylists and rate limits count by. " +
			"An IPv4 address written as IPv6 counts as IPv4. `\"\"` if it is no IP address.",
		Params: []Param{ip,
			{Name: "v4", Kind: Int, Optional: true, Default: int64(24), Doc: "bits of the network of an IPv4 address, 0 to 32"},
			{Name: "v6", Kind: Int, Optional: true, Default: int64(64), Doc: "bits of the network of an IPv6 address, 0 to 128"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `ip_net("192.0.2.77", 24, 64)`, Want: `"192.0.2.0/24"`},
			{Code: `ip_net("192.0.2.77")`, Want: `"192.0.2.0/24"`},
			{Code: `ip_net("2001:db8:1:2:3:4:5:6", 24, 56)`, Want: `"2001:db8:1::/56"`},
			{Code: `ip_net("::ffff:192.0.2.77", 19)`, Want: `"192.0.0.0/19"`},
			{Code: `ip_net("192.0.2.77", 32)`, Want: `"192.0.2.77/32"`},
			{Code: `ip_net("unknown")`, Want: `""`},
			{Code: `ip_net("192.0.2.77", 33)`, Error: `ip_net: 33 bits are out of range; an IPv4 address has 0 to 32`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			for i, most := range []int64{32, 128} {
				if bits := a.Int(i + 1); bits < 0 || bits > most {
					return nil, fmt.Errorf("ip_net: %d bits are out of range; an %s address has 0 to %d", bits, [2]string{"IPv4", "IPv6"}[i], most)
				}
			}
			ip, err := netip.ParseAddr(a.String(0))
			if err != nil {
				return "", nil
			}
			ip = ip.Unmap().WithZone("")
			bits := a.Int(2)
			if ip.Is4() {
				bits = a.Int(1)
			}
			n, err := ip.Prefix(int(bits))
			if err != nil {
				return nil, fmt.Errorf("ip_net: %w", err)
			}
			return n.String(), nil
		},
	})
	register(Function{
		Name:   "ip_reverse_name",
		Family: "address",
		Doc: "Returns the labels of an IP address in the order of DNS block lists and PTR names, without a zone; " +
			"an IPv4 address written as IPv6 gives those of IPv4, and what is no IP address `\"\"`.",
		Params: []Param{ip},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `ip_reverse_name("192.0.2.1")`, Want: `"1.2.0.192"`},
			{Code: `ip_reverse_name("::ffff:192.0.2.1")`, Want: `"1.2.0.192"`},
			{Code: `ip_reverse_name("2001:db8::1")`, Want: `"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"`},
			{Code: `ip_reverse_name("mail.example.org")`, Want: `""`},
		},
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
			one = one.Unmap()
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
