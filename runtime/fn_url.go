package runtime

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

func init() {
	register(Function{
		Name:   "uri_part",
		Family: "address",
		Doc: "Returns a part of a URI as browsers find it, who open what mail only shows: backslashes are slashes, blanks around it and line ends in it do not count, " +
			"the host is in lower case with %xx decoded, invisible characters taken out and numbers made an IPv4 address. The parts are " +
			"`scheme` (lower case), `user` (name and password), `host` (an IPv6 address without brackets), `port` (digits, `\"\"` if not given), `authority` (user, host and port as written), " +
			"`scheme_host` (`https://example.org`), `path` (`/` if a web address has none), `query`, `path_query` and `fragment`, these without `?` and `#` in front and as written. " +
			"Text without a scheme is read as one that begins with the host if that is an IP address or a name below a known top level domain, else as a path. " +
			"`\"\"` if there is no such part. A list gives a list.",
		Params: []Param{{Name: "uri", Kind: Any, Doc: "URI, or a list of such"}, {Name: "part", Kind: String, Doc: "name of the part"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `uri_part("https://eve:pw@WWW.Example.org:8443/a/b?c=d#e", "host")`, Want: `"www.example.org"`},
			{Code: `uri_part("https://eve:pw@WWW.Example.org:8443/a/b?c=d#e", "scheme_host")`, Want: `"https://www.example.org"`},
			{Code: `uri_part("https://eve:pw@WWW.Example.org:8443/a/b?c=d#e", "authority")`, Want: `"eve:pw@WWW.Example.org:8443"`},
			{Code: `uri_part("https://eve:pw@example.org:8443/a/b?c=d#e", "port")`, Want: `"8443"`},
			{Code: `uri_part("https://eve:pw@example.org:8443/a/b?c=d#e", "user")`, Want: `"eve:pw"`},
			{Code: `uri_part("https://example.org/a/b?c=d#e", "path")`, Want: `"/a/b"`},
			{Code: `uri_part("https://example.org/a/b?c=d#e", "path_query")`, Want: `"/a/b?c=d"`},
			{Code: `uri_part("https://example.org?c=d#e", "path_query")`, Want: `"/?c=d"`},
			{Code: `uri_part("https://example.org/#e", "fragment")`, Want: `"e"`},
			{Code: `uri_part("mailto:eve@example.org?subject=hi", "path")`, Want: `"eve@example.org"`},
			{Code: `uri_part("mailto:eve@example.org", "host")`, Want: `""`},
			{Code: `uri_part("http://[2001:DB8::1]:80/", "host")`, Want: `"2001:db8::1"`},
			{Code: `uri_part("www.example.org/x", "host")`, Want: `"www.example.org"`},
			{Code: `uri_part("img/logo.png", "path")`, Want: `"img/logo.png"`},
			{Code: `uri_part("https:\\\\evil.example\\@bank.example/", "host")`, Want: `"evil.example"`},
			{Code: `uri_part("http://bank.example@evil.example/", "host")`, Want: `"evil.example"`},
			{Code: `uri_part("http://ex%61mple.org/", "host")`, Want: `"example.org"`},
			{Code: `uri_part("http://0xC0.0x2.1/", "host")`, Want: `"192.2.0.1"`},
			{Code: `uri_part("http://３２２１２２５９８５/", "host")`, Want: `"192.0.2.1"`},
			{Code: `uri_part(["http://a.example", "ftp://b.example"], "scheme")`, Want: `["http", "ftp"]`},
			{Code: `uri_part("http://a.example/", "domain")`, Error: `uri_part: unknown part "domain"; known are ` + uriPartNames},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			part := a.String(1)
			if !contains(strings.Split(uriPartNames, ", "), part) {
				return nil, fmt.Errorf("uri_part: unknown part %q; known are %s", cut(part, 40), uriPartNames)
			}
			return each("uri_part", a[0], func(s string) string { return splitURI(s).part(part) })
		},
	})
}

const uriPartNames = "scheme, user, host, port, authority, scheme_host, path, query, path_query, fragment"

// uri is a URI taken apart.
type uri struct {
	scheme, authority, user, host, port, path, query, fragment string
	hasQuery                                                   bool
}

func (u uri) part(name string) string {
	switch name {
	case "scheme":
		return u.scheme
	case "user":
		return u.user
	case "host":
		return u.host
	case "port":
		return u.port
	case "authority":
		return u.authority
	case "scheme_host":
		switch {
		case u.scheme == "" || u.host == "":
			return ""
		case strings.Contains(u.host, ":"):
			return u.scheme + "://[" + u.host + "]"
		}
		return u.scheme + "://" + u.host
	case "path":
		return u.path
	case "query":
		return u.query
	case "fragment":
		return u.fragment
	}
	if u.hasQuery {
		return u.path + "?" + u.query
	}
	return u.path
}

// splitURI takes a URI apart, as RFC 3986, appendix B does, and those of the web as browsers
// do (WHATWG URL, section 4.4). It takes any text.
func splitURI(s string) uri {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = unfoldURI.Replace(s)
	}
	var u uri
	rest, fragment, _ := strings.Cut(s, "#")
	u.fragment = fragment
	rest, u.query, u.hasQuery = strings.Cut(rest, "?")
	scheme, behind := cutScheme(rest)
	u.scheme = strings.ToLower(scheme)
	web := u.scheme == "http" || u.scheme == "https" || u.scheme == "ftp" || u.scheme == "ws" || u.scheme == "wss"
	if web || u.scheme == "" {
		behind = strings.ReplaceAll(behind, `\`, "/")
	}
	named := false
	switch {
	case web:
		behind, named = strings.TrimLeft(behind, "/"), true
	case strings.HasPrefix(behind, "//"):
		behind, named, web = behind[2:], true, u.scheme == ""
	case u.scheme == "":
		named = beginsWithHost(behind)
		web = named
	}
	if !named {
		u.path = behind
		return u
	}
	end := strings.IndexByte(behind, '/')
	if end < 0 {
		end = len(behind)
	}
	u.authority, u.path = behind[:end], behind[end:]
	host := u.authority
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		u.user, host = host[:at], host[at+1:]
	}
	u.host, u.port = splitHost(host)
	if web {
		u.host = webHost(u.host)
		if u.path == "" {
			u.path = "/"
		}
	} else {
		u.host = strings.ToLower(u.host)
	}
	return u
}

var unfoldURI = strings.NewReplacer("\t", "", "\r", "", "\n", "")

// cutScheme cuts s behind its scheme. A host with a port has none.
func cutScheme(s string) (scheme, rest string) {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		switch {
		case letter || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
			continue
		case c != ':' || i == 0:
			return "", s
		}
		name, port := s[:i], s[i+1:]
		if n := strings.IndexAny(port, `/\`); n >= 0 {
			port = port[:n]
		}
		if port != "" && strings.Trim(port, "0123456789") == "" && (strings.Contains(name, ".") || strings.EqualFold(name, "localhost")) {
			return "", s
		}
		return name, s[i+1:]
	}
	return "", s
}

// beginsWithHost says whether text without a scheme begins with a host.
func beginsWithHost(s string) bool {
	if n := strings.IndexByte(s, '/'); n >= 0 {
		s = s[:n]
	}
	if len(s) > maxDomain {
		return false
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	host, _ := splitHost(s)
	if host = webHost(host); host == "localhost" || registered(host) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// splitHost splits host and port. A port that is no number is none.
func splitHost(s string) (host, port string) {
	if strings.HasPrefix(s, "[") {
		if inner, rest, ok := strings.Cut(s[1:], "]"); ok {
			host, port = inner, strings.TrimPrefix(rest, ":")
		} else {
			host = s[1:]
		}
	} else {
		host, port, _ = strings.Cut(s, ":")
	}
	if strings.Trim(port, "0123456789") != "" {
		port = ""
	}
	return host, port
}

// webHost returns the host that a browser asks for. One that no browser would take stays as
// it is written, but for case.
func webHost(s string) string {
	written := strings.ToLower(s)
	if strings.Contains(s, "%") {
		s = percentDecoded(s)
	}
	if !isASCII(s) && len(s) <= maxDomain {
		s = norm.NFKC.String(strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, fullStops.Replace(s)))
	}
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	if strings.ContainsAny(s, " #%/<>?@[\\]^|") || strings.Contains(s, ":") && !strings.Contains(written, ":") {
		return written
	}
	if ip, ok := numericHost(s); ok {
		return ip
	}
	return s
}

func percentDecoded(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(v))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// numericHost returns the IPv4 address that one to four numbers stand for, each decimal,
// octal or hexadecimal: the last fills the octets that are left.
func numericHost(s string) (string, bool) {
	if s == "" || len(s) > 80 || !strings.ContainsAny(s[len(s)-1:], "0123456789abcdefx") {
		return "", false
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return "", false
	}
	ip := uint64(0)
	for i, p := range parts {
		base := 10
		switch {
		case p == "":
			return "", false
		case strings.HasPrefix(p, "0x"):
			p, base = p[2:], 16
			if p == "" {
				p = "0"
			}
		case len(p) > 1 && p[0] == '0':
			base = 8
		}
		n, err := strconv.ParseUint(p, base, 32)
		last := i == len(parts)-1
		switch {
		case err != nil || !last && n > 255 || last && n >= 1<<(8*(5-len(parts))):
			return "", false
		case last:
			ip |= n
		default:
			ip |= n << (24 - 8*i)
		}
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}).String(), true
}
