package account

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is the most octets of a name or alias: the longest address there is.
const maxName = 254

// checkName says what keeps name from being the name of an account or an alias: an
// address, or a local part alone, in which nothing needs quotes.
func checkName(name string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %.80q %s", ErrName, name, fmt.Sprintf(format, args...))
	}
	switch {
	case name == "":
		return fail("is empty")
	case len(name) > maxName:
		return fail("is longer than %d octets", maxName)
	case !utf8.ValidString(name):
		return fail("is not UTF-8")
	}
	for i, r := range name {
		switch {
		case r == 0:
			return fail("has a NUL at octet %d", i+1)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return fail("has a control character at octet %d", i+1)
		case unicode.IsSpace(r):
			return fail("has a blank at octet %d", i+1)
		case strings.ContainsRune(`/\"(),:;<>[]`, r):
			return fail("has the character %q", r)
		}
	}
	local, domain, at := strings.Cut(name, "@")
	switch {
	case strings.Contains(domain, "@"):
		return fail("has more than one @")
	case local == "":
		return fail("has nothing in front of the @")
	case local[0] == '+':
		return fail("begins with +, which separates a detail")
	case emptyLabel(local):
		return fail("has a dot at an end of the local part, or two in a row")
	case at && domain == "":
		return fail("has no domain behind the @")
	case at && emptyLabel(domain):
		return fail("has an empty label in the domain")
	}
	return nil
}

func emptyLabel(s string) bool {
	return strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..")
}

// fold returns s as names are compared.
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// splitAddress returns the parts of an address as it stands in an envelope or a
// login: the local part without quotes, the domain without a dot at its end. A local
// part alone has no domain.
func splitAddress(address string) (local, domain string, ok bool) {
	if rest, quoted := strings.CutPrefix(address, `"`); quoted {
		var b strings.Builder
		for i := 0; i < len(rest); i++ {
			switch c := rest[i]; {
			case c == '"':
				domain, at := strings.CutPrefix(rest[i+1:], "@")
				return b.String(), strings.TrimSuffix(domain, "."), at || domain == ""
			case c == '\\' && i+1 < len(rest):
				i++
				b.WriteByte(rest[i])
			default:
				b.WriteByte(c)
			}
		}
		return "", "", false
	}
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address, "", address != ""
	}
	return address[:i], strings.TrimSuffix(address[i+1:], "."), i > 0
}

// keys returns the keys under which an account or alias with this local part and
// domain may be filed, the most exact first. A name without a domain is the same as
// that name at the host name and at localhost.
func (d *Directory) keys(local, domain string) []string {
	local, domain = fold(local), fold(domain)
	host := d.o.Hostname
	switch domain {
	case "":
		return []string{local, local + "@" + host, local + "@localhost"}
	case host:
		return []string{local + "@" + host, local, local + "@localhost"}
	case "localhost":
		return []string{local + "@localhost", local, local + "@" + host}
	}
	return []string{local + "@" + domain}
}
