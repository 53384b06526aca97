package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxURL bounds a URL, in octets.
const maxURL = 8 << 10

const errHost policyError = "the host is not allowed"

// Host is a host, or several, that may be asked.
type Host struct {
	name   string // "" are all
	below  bool   // the names below it, not itself
	port   string // "": 80 for http, 443 for https
	anyone bool
}

// ParseHost reads a host such as api.example.org, *.example.org (the names below it), 192.0.2.1,
// [2001:db8::1], or * for all. A port behind a colon allows that one instead of 80 for http and 443
// for https.
func ParseHost(s string) (Host, error) {
	h := Host{}
	name := s
	if strings.Contains(s, "/") {
		return h, fmt.Errorf("%.100q is no host such as api.example.org, *.example.org or *", s)
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") && strings.Count(s[:i], ":") == 0 || i > 0 && s[i-1] == ']' {
		name, h.port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(h.port, 10, 16); err != nil || n == 0 {
			return h, fmt.Errorf("%.100q has no port from 1 to 65535", s)
		}
	}
	if name == "*" {
		h.anyone = true
		return h, nil
	}
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		name, h.below = rest, true
	}
	var ok bool
	if h.name, ok = canonical(strings.Trim(name, "[]")); !ok {
		return h, fmt.Errorf("%.100q is no host such as api.example.org, *.example.org or *", s)
	}
	if _, err := netip.ParseAddr(h.name); err == nil && h.below {
		return h, fmt.Errorf("%.100q: there is nothing below an address", s)
	}
	return h, nil
}

// matches says whether a URL with this scheme, host and port may be asked; port is "" for the
// scheme's own.
func (h Host) matches(scheme, name, port string) bool {
	own := map[string]string{"http": "80", "https": "443"}[scheme]
	if port == "" {
		port = own
	}
	if h.port == "" && port != own || h.port != "" && port != h.port {
		return false
	}
	return h.anyone || !h.below && name == h.name || h.below && strings.HasSuffix(name, "."+h.name)
}

// check returns a URL in the one spelling that is asked for.
func (c *Client) check(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, policyError(fmt.Sprintf("the URL is over %d octets", maxURL))
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return nil, errURL
	}
	name, ok := canonical(u.Hostname())
	if !ok {
		return nil, errURL
	}
	port := u.Port()
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, errURL
		}
		port = strconv.FormatUint(n, 10)
	}
	if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		port = ""
	}
	allowed := false
	for _, h := range c.o.Hosts {
		allowed = allowed || h.matches(u.Scheme, name, port)
	}
	if !allowed {
		return nil, fmt.Errorf("%.100s: %w", name, errHost)
	}
	u.Host = name
	switch {
	case port != "":
		u.Host = net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		u.Host = "[" + name + "]"
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// canonical returns a host in its one spelling: an address as netip prints it, a name in lower case
// without the dot at its end. What ends in a number and is no address in the usual form, such as
// 0x7f.1 or 2130706433, is refused, since systems differ in what they make of it.
//
// Spec: WHATWG URL, "ends in a number checker"
func canonical(host string) (string, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "", false
		}
		return ip.Unmap().String(), true
	}
	if len(host) > 1000 || !utf8.ValidString(host) {
		return "", false
	}
	name, err := toASCII.ToASCII(host)
	if again, e := toASCII.ToASCII(name); err != nil || e != nil || again != name {
		return "", false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return "", false
	}
	var label string
	for label = range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") {
			return "", false
		}
	}
	if ip, err := netip.ParseAddr(name); err == nil { // was written in other digits
		return ip.String(), true
	}
	if strings.Trim(label, "0123456789") == "" || strings.HasPrefix(label, "0x") && strings.Trim(label[2:], "0123456789abcdef") == "" {
		return "", false
	}
	return name, true
}
