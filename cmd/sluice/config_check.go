package main

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/housekeeping"
	"github.com/sluice-mail/sluice/runtime"
)

// check refuses values that no part of the server could use, with the place of each.
func (c *Config) check(from origins) error {
	e := &configError{}
	bad := func(path, format string, args ...any) {
		e.lines = append(e.lines, from.of(path)+": "+path+": "+fmt.Sprintf(format, args...))
	}
	oneOf := func(path, v string, allowed ...string) {
		if !slices.Contains(allowed, v) {
			bad(path, "%q is not one of %s", v, strings.Join(allowed, ", "))
		}
	}
	schedule := func(path, v string) {
		if _, err := housekeeping.ParseSchedule(v); err != nil {
			bad(path, "%v", err)
		}
	}
	addresses := func(path string, list []string) {
		for _, a := range list {
			if _, _, err := net.SplitHostPort(a); err != nil {
				bad(path, "%q is no host:port", a)
			}
		}
	}
	oneOf("server.log-format", c.Server.LogFormat, "text", "json")
	oneOf("server.log-level", c.Server.LogLevel, "debug", "info", "warn", "error")
	if c.Database.DBPath == "" {
		bad("database.db-path", "must not be empty")
	}
	for path, n := range c.numbers() {
		if n.is < n.least || n.is > n.most {
			bad(path, "%d is not from %d to %d", n.is, n.least, n.most)
		}
	}
	schedule("housekeeper.schedule-purge-accounts", c.Housekeeper.SchedulePurgeAccounts)
	schedule("housekeeper.schedule-purge-blobs", c.Housekeeper.SchedulePurgeBlobs)
	schedule("housekeeper.schedule-snapshot-log", c.Housekeeper.ScheduleSnapshotLog)
	schedule("imap.cache-purge-every", c.IMAP.CachePurgeEvery)
	addresses("lmtp.listen", c.LMTP.Listen)
	addresses("http.listen", c.HTTP.Listen)
	addresses("imap.listen", c.IMAP.Listen)
	addresses("imap.listen-tls", c.IMAP.ListenTLS)
	if c.Relay.Address != "" {
		addresses("relay.address", []string{c.Relay.Address})
	}
	oneOf("relay.tls", c.Relay.TLS, "none", "starttls", "require", "implicit")
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		bad("tls.cert", "cert and key are set together or not at all")
	}
	if len(c.IMAP.ListenTLS) > 0 && c.TLS.Cert == "" {
		bad("imap.listen-tls", "needs [tls] cert and key")
	}
	oneOf("explain.record", c.Explain.Record, "off", "summary", "full")
	c.checkSieve(bad)
	c.checkNetwork(bad)
	c.checkActions(bad)
	c.checkStores(from, bad, oneOf, schedule)
	var stages []string
	for _, s := range runtime.Stages {
		if s != runtime.StageIMAP && s != runtime.StageCron {
			stages = append(stages, string(s))
		}
	}
	for i, s := range c.Script {
		at := fmt.Sprintf("script.%d", i)
		if s.Path == "" {
			bad(at+".path", "must not be empty")
		}
		oneOf(at+".stage", s.Stage, stages...)
		oneOf(at+".trust", s.Trust, "admin", "user")
		oneOf(at+".on-error", s.OnError, "accept", "tempfail", "reject")
		oneOf(at+".on-store-error", s.OnStoreError, "accept", "tempfail", "reject")
		if s.Namespace == "" || strings.ContainsAny(s.Namespace, "\x00") {
			bad(at+".namespace", "must not be empty or hold a NUL")
		}
	}
	if len(e.lines) > 0 {
		slices.SortFunc(e.lines, byPlace)
		return e
	}
	return nil
}

// number is a setting and the least and most that it may be.
type number struct{ is, least, most int64 }

// numbers are the bounds of all settings that are numbers, by dotted path. 0 is refused where it
// could only mean nothing at all; the upper ends keep sums of times from running over.
func (c *Config) numbers() map[string]number {
	const (
		years = 100 * 365 * 24 * 3600
		count = 1 << 31
	)
	all := map[string]number{
		"database.blob-nested-levels":    {int64(c.Database.BlobNestedLevels), 1, 4},
		"database.blob-temp-ttl":         {c.Database.BlobTempTTL, 1, years},
		"database.max-changelog-entries": {c.Database.MaxChangelogEntries, 1, count},
		"database.min-free":              {c.Database.MinFree, 0, 1 << 60},
		"lmtp.max-message-size":          {c.LMTP.MaxMessageSize, 1, 1 << 40},
		"relay.lifetime":                 {c.Relay.Lifetime, 1, years},
		"imap.cache-removed-id-ttl":      {c.IMAP.CacheRemovedIDTTL, 1, years},
		"imap.max-connections":           {int64(c.IMAP.MaxConnections), 1, count},
		"imap.max-connections-by-ip":     {int64(c.IMAP.MaxConnectionsByIP), 1, count},
		"imap.idle-timeout":              {c.IMAP.IdleTimeout, 1, years},
		"limits.time":                    {c.Limits.Time, 1, years},
		"limits.steps":                   {c.Limits.Steps, 1, 1 << 60},
		"limits.ops":                     {c.Limits.Ops, 1, count},
	}
	c.sieveNumbers(all)
	c.networkNumbers(all)
	c.javaScriptNumbers(all)
	c.quotaNumbers(all)
	for id, s := range c.Store {
		all["store."+id+".cache"] = number{s.Cache, 0, 1 << 36}
		all["store."+id+".timeout"] = number{s.Timeout, 1, 60_000}
		all["store."+id+".pool"] = number{s.Pool, 1, 10_000}
		all["store."+id+".max-rows"] = number{s.MaxRows, 1, 1_000_000}
		all["store."+id+".max-size"] = number{s.MaxSize, 1, 1 << 30}
	}
	return all
}

// secret reads a secret from its file, without the line end.
func secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// byPlace orders messages by their file and line: line 9 is before line 10.
func byPlace(a, b string) int {
	place := func(s string) (file string, line int) {
		parts := strings.SplitN(s, ":", 3)
		if len(parts) == 3 {
			line, _ = strconv.Atoi(parts[1])
		}
		return parts[0], line
	}
	fileA, lineA := place(a)
	fileB, lineB := place(b)
	return cmp.Or(cmp.Compare(fileA, fileB), cmp.Compare(lineA, lineB), cmp.Compare(a, b))
}

// nearestTag returns a hint at the key of a table that is closest to key, or "".
func nearestTag(t reflect.Type, key string) string {
	names := map[string]bool{}
	for field := range t.Fields() {
		names[field.Tag.Get("toml")] = true
	}
	return nearestOf(key, names)
}

// nearestOf returns a hint at the name that is closest to key, or "". Long names may
// differ in more.
func nearestOf[V any](key string, names map[string]V) string {
	return runtime.Meant(key, maps.Keys(names), max(len(key)/3, 2))
}
