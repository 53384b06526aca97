package mysql

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	driver "github.com/go-sql-driver/mysql"
)

// ParseURL reads mysql://user:password@host:port/database or mysql://user@localhost/database?socket=/path. Parameters
// are socket and tls (true, false, preferred, skip-verify), each at most once; any other is refused, so that a
// misspelt one is not lost. Errors never repeat the text, which may hold a password.
func ParseURL(text string) (*driver.Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Scheme != "mysql" {
		return nil, errors.New("url is not of the form mysql://user@host:port/database")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return nil, errors.New("url has a fragment; write # as %23")
	}
	c := driver.NewConfig()
	if u.User != nil {
		c.User = u.User.Username()
		c.Passwd, _ = u.User.Password()
	}
	c.DBName = strings.TrimPrefix(u.Path, "/")
	if err := checkDatabase(c.DBName); err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("url has parameters that cannot be read")
	}
	for name, values := range query {
		if name != "socket" && name != "tls" {
			return nil, fmt.Errorf("url has an unknown parameter %.20q; known are socket and tls", name)
		}
		if len(values) != 1 {
			return nil, fmt.Errorf("url has parameter %s more than once", name)
		}
	}
	if err := address(c, u, query); err != nil {
		return nil, err
	}
	switch tls := query.Get("tls"); {
	case !query.Has("tls"):
	case tls == "true", tls == "false", tls == "preferred", tls == "skip-verify":
		c.TLSConfig = tls
	default:
		return nil, errors.New("url has an unknown tls; want true, false, preferred or skip-verify")
	}
	return c, nil
}

// address sets where the server is.
func address(c *driver.Config, u *url.URL, query url.Values) error {
	if query.Has("socket") {
		path := query.Get("socket")
		// The kernel's limit, and its names that are no files begin with NUL.
		if !filepath.IsAbs(path) || len(path) > 107 || strings.ContainsRune(path, 0) {
			return errors.New("url has a socket that is no absolute path of at most 107 octets")
		}
		if u.Host != "" && u.Host != "localhost" {
			return errors.New("url has a socket and a host; want localhost beside a socket")
		}
		c.Net, c.Addr = "unix", path
		return nil
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return errors.New("url has no host and no socket")
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError || r == '/' || r == '@' }) {
		return errors.New("url has a host with characters that no host has")
	}
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return errors.New("url has no number after the colon of the port")
		}
		port = "3306"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("url has a port outside 1 to 65535")
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(host, port)
	return nil
}

// checkDatabase refuses names that the server could not mean.
func checkDatabase(name string) error {
	switch {
	case name == "":
		return errors.New("url names no database: want mysql://user@host:port/database")
	case !utf8.ValidString(name) || utf8.RuneCountInString(name) > 64 || strings.ContainsAny(name, "/\\.\x00`"):
		return errors.New("url names no possible database: at most 64 characters, none of them / \\ . ` or NUL")
	}
	return nil
}

// checkNamespace refuses what would not be the beginning of a table's name as it stands.
func checkNamespace(ns string) error {
	if ns == "" || len(ns) > maxNamespace {
		return fmt.Errorf("namespace of %d characters, want 1 to %d", len(ns), maxNamespace)
	}
	for _, c := range []byte(ns) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' {
			return errors.New("namespace may have letters, digits and _ alone: tables are named after it")
		}
	}
	return nil
}

// maxNamespace leaves room for the tables' own names in 64 characters.
const maxNamespace = 48
