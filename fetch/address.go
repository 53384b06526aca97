package fetch

import "net/netip"

// notPublic4 are the IPv4 networks that are nobody's on the Internet, or that only answer from
// inside of a provider.
//
// Spec: RFC 6890 and the IANA registry of special-purpose addresses
var notPublic4 = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // between provider and customer
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // a provider's machines ask it about themselves
	"169.254.0.0/16",   // link-local; metadata of machines in clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocols
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // measurements
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
)

// Of IPv6 only what is given out as global unicast is public, without the networks in it that
// reach something else.
var (
	public6    = prefixes("2000::/3")[0]
	notPublic6 = prefixes(
		"2001::/23",     // protocols, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4: holds an IPv4 address
		"3fff::/20",     // documentation
	)
	nat64 = prefixes("64:ff9b::/96")[0] // holds an IPv4 address; RFC 6052
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func inOneOf(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// allowed says whether an address may be connected to.
func (c *Client) allowed(ip netip.Addr) bool {
	ip = plain(ip)
	return inOneOf(c.o.Private, ip) || public(ip)
}

// plain returns the address that one of IPv6 stands for: it may hold an IPv4 address.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.WithZone("").Unmap()
	if nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

// public says whether an address is one of the Internet. ip is plain.
func public(ip netip.Addr) bool {
	if ip.Is4() {
		return !inOneOf(notPublic4, ip)
	}
	return public6.Contains(ip) && !inOneOf(notPublic6, ip)
}
