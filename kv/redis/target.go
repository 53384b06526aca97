package redis

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// target is where to connect, as the settings say.
type target struct {
	mode, network                      string
	addresses                          []string
	username, password                 string
	sentinelUsername, sentinelPassword string
	db                                 int
	tls                                *tls.Config
}

// Limits of settings.
const (
	maxNamespace = 64
	maxPool      = 10_000
	maxDB        = 1 << 20
)

// address is what one URL says.
type address struct {
	network, address   string
	username, password string
	db                 int
	secure             bool
}

// resolve checks the settings, fills in the defaults and says where they lead.
func (o *Options) resolve() (target, error) {
	if o.Namespace == "" {
		o.Namespace = "sluice"
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.Pool == 0 {
		o.Pool = 16
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Mode == "" {
		switch {
		case o.Master != "":
			o.Mode = Sentinel
		case len(o.URLs) > 1:
			o.Mode = Cluster
		default:
			o.Mode = Single
		}
	}
	switch {
	case len(o.Namespace) > maxNamespace || strings.Trim(o.Namespace, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") != "":
		return target{}, invalid("namespace has to be letters, digits and . _ : -, at most %d", maxNamespace)
	case o.Timeout < 0:
		return target{}, invalid("timeout is negative")
	case o.Pool < 0 || o.Pool > maxPool:
		return target{}, invalid("pool of %d connections, want 1 to %d", o.Pool, maxPool)
	case len(o.URLs) == 0:
		return target{}, invalid("there is no url")
	case o.Mode != Single && o.Mode != Sentinel && o.Mode != Cluster:
		return target{}, invalid("mode has to be single, sentinel or cluster")
	case o.Mode == Single && len(o.URLs) > 1:
		return target{}, invalid("%d urls of a single server", len(o.URLs))
	case (o.Mode == Sentinel) != (o.Master != ""):
		return target{}, invalid("the master's name belongs to mode sentinel")
	}
	at := target{mode: o.Mode, tls: o.TLS}
	var first address
	for i, raw := range o.URLs {
		a, err := parseURL(raw)
		if err != nil {
			return target{}, fmt.Errorf("url %d: %w", i+1, err)
		}
		switch {
		case i == 0:
			first = a
		case a.secure != first.secure || a.db != first.db || a.username != first.username || a.password != first.password:
			return target{}, invalid("url %d differs from url 1 in scheme, login or database", i+1)
		}
		if o.Mode != Single && a.network == "unix" {
			return target{}, invalid("url %d: mode %s needs hosts and ports", i+1, o.Mode)
		}
		at.addresses = append(at.addresses, a.address)
	}
	if o.Mode == Cluster && first.db != 0 {
		return target{}, invalid("a cluster has no database but 0")
	}
	at.network, at.db, at.username, at.password = first.network, first.db, first.username, first.password
	if o.Mode == Sentinel {
		at.sentinelUsername, at.sentinelPassword = first.username, first.password
		at.username, at.password = "", ""
	}
	if o.Username != "" {
		at.username = o.Username
	}
	if o.Password != "" {
		at.password = o.Password
	}
	if first.secure && at.tls == nil {
		at.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.Mode == Single {
			at.tls.ServerName, _, _ = net.SplitHostPort(first.address)
		}
	}
	return at, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", kv.ErrInvalid, fmt.Sprintf(format, args...))
}

// parseURL reads one URL. Its errors never show any of it, since it may hold a password.
func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, invalid("is no url")
	}
	a := address{network: "tcp", username: u.User.Username()}
	a.password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Fragment != "" || u.Opaque != "" {
		return address{}, invalid("is no url of the form redis://host:port/db")
	}
	db := query.Get("db")
	for name := range query {
		if name != "db" || len(query[name]) > 1 {
			return address{}, invalid("has a parameter other than one db")
		}
	}
	switch u.Scheme {
	case "redis", "rediss":
		a.secure = u.Scheme == "rediss"
		host, port := u.Hostname(), u.Port()
		if host == "" {
			host = "localhost"
		}
		if port == "" {
			port = "6379"
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return address{}, invalid("has a port that is none")
		}
		a.address = net.JoinHostPort(host, port)
		if path := strings.Trim(u.Path, "/"); path != "" {
			if db != "" {
				return address{}, invalid("names the database twice")
			}
			db = path
		}
	case "unix":
		if u.Path == "" || u.Path == "/" || u.Host != "" {
			return address{}, invalid("has no path to a socket; want unix:///path?db=n")
		}
		a.network, a.address = "unix", u.Path
	default:
		return address{}, invalid("has a scheme other than redis, rediss and unix")
	}
	if db != "" {
		n, err := strconv.ParseUint(db, 10, 32)
		if err != nil || n > maxDB {
			return address{}, invalid("names a database that is no number")
		}
		a.db = int(n)
	}
	return a, nil
}
