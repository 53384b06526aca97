package main

import (
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memcached"
)

// backend is a type of store: the settings that it has beside those of every store.
type backend struct {
	settings []string
	server   bool // it is reached by URL
	many     bool // by more than one
	schemes  []string
	serves   func(kv.Info) error // nil: every prefix
}

var backends = map[string]backend{
	"memory":    {},
	"sqlite":    {settings: []string{"path", "cache"}},
	"rocksdb":   {settings: []string{"path", "cache"}},
	"redis":     {settings: []string{"mode", "master", "cache"}, server: true, many: true, schemes: []string{"redis", "rediss", "unix"}},
	"postgres":  {settings: []string{"cache"}, server: true, schemes: []string{"postgres", "postgresql"}},
	"mysql":     {settings: []string{"cache"}, server: true, schemes: []string{"mysql"}},
	"memcached": {settings: []string{"cache"}, server: true, many: true, schemes: []string{"memcached", "memcacheds", "unix"}, serves: memcached.Serves},
}

var serverSettings = []string{"urls", "username", "password-file", "tls-ca", "namespace", "timeout", "pool"}

// has reports whether a setting means something for the type.
func (b backend) has(setting string) bool {
	return setting == "type" || setting == "user" || setting == "purge.frequency" ||
		slices.Contains(b.settings, setting) || b.server && slices.Contains(serverSettings, setting)
}

var storeID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkStores checks [storage] and every [store."id"].
func (c *Config) checkStores(from origins, bad func(path, format string, args ...any), oneOf func(path, v string, allowed ...string), schedule func(path, v string)) {
	known := func(path, id string) {
		if _, ok := c.Store[id]; !ok {
			bad(path, "there is no [store.%q]", id)
		}
		c.keepsKeys(path, id, bad)
	}
	known("storage.lookup", c.Storage.Lookup)
	for path, id := range map[string]string{"storage.volatile": c.Storage.Volatile, "storage.relaxed": c.Storage.Relaxed, "storage.durable": c.Storage.Durable} {
		if id != "" {
			known(path, id)
		}
	}
	named := map[kv.Prefix]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Storage.Prefix)) {
		at, id := "storage.prefix."+name, c.Storage.Prefix[name]
		p, err := kv.ParsePrefix(name)
		if err != nil {
			bad(at, "%v", err)
			continue
		}
		if other, twice := named[p]; twice {
			bad(at, "is the prefix of %s, too", other)
		}
		named[p] = name
		known(at, id)
	}
	c.checkRoutes(bad)
	paths := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Store)) {
		at, s := "store."+id, c.Store[id]
		if !storeID.MatchString(id) {
			// Dotted paths and variables of the environment name its settings.
			bad(at, "%q is no id of a store: letters, digits, - and _", id)
		}
		schedule(at+".purge.frequency", s.Purge.Frequency)
		b, ok := backends[s.Type]
		if !ok {
			oneOf(at+".type", s.Type, slices.Sorted(maps.Keys(backends))...)
			continue
		}
		for path, origin := range from {
			if setting, mine := strings.CutPrefix(path, at+"."); mine && !s.has(setting) && origin != derivedFlag && origin != derivedPath {
				with := ""
				if s.SQL {
					with = " with sql = true"
				}
				bad(path, "means nothing for a store of type %s%s", s.Type, with)
			}
		}
		c.checkSQL(at, s, bad)
		if (b.server || s.SQL) && s.Timeout >= c.Limits.Time {
			bad(at+".timeout", "%d is not below limits.time, %d: a script would end before its store is given up", s.Timeout, c.Limits.Time)
		}
		if b.server {
			s.checkURLs(at, b, bad, oneOf)
		} else if b.has("path") {
			if s.Path == "" {
				bad(at+".path", "must not be empty")
			} else if other, twice := paths[filepath.Clean(s.Path)]; twice {
				bad(at+".path", "is the file of [store.%q] too", other)
			}
			paths[filepath.Clean(s.Path)] = id
		}
	}
}

// checkRoutes refuses what sends a prefix to a store that cannot keep it. One line tells of all prefixes
// of a setting.
func (c *Config) checkRoutes(bad func(path, format string, args ...any)) {
	type route struct{ setting, id string }
	refused := map[route][]error{}
	for p := range 256 {
		var r route
		r.setting, r.id = c.routeOf(kv.Prefix(p))
		if serves := backends[c.Store[r.id].Type].serves; serves != nil {
			if err := serves(kv.Prefix(p).Info()); err != nil {
				refused[r] = append(refused[r], err)
			}
		}
	}
	for r, errs := range refused {
		if len(errs) == 1 {
			bad(r.setting, "[store.%q]: %v", r.id, errs[0])
			continue
		}
		bad(r.setting, "[store.%q]: %v (and %d more prefixes)", r.id, errs[0], len(errs)-1)
	}
}

// checkURLs checks how a server is reached. Each backend reads its own URLs; here is only what
// goes wrong for all of them.
func (s StoreConfig) checkURLs(at string, b backend, bad func(path, format string, args ...any), oneOf func(path, v string, allowed ...string)) {
	switch {
	case len(s.URLs) == 0:
		bad(at+".urls", "must name the server")
	case len(s.URLs) > 1 && !b.many:
		bad(at+".urls", "a store of type %s has one URL", s.Type)
	}
	for i, text := range s.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" {
			bad(at+".urls", "entry %d is no URL", i+1) // not shown: who knows what is in it
			continue
		}
		if !slices.Contains(b.schemes, u.Scheme) {
			bad(at+".urls", "entry %d does not begin with %s, as those of a store of type %s do", i+1, strings.Join(b.schemes, ":// or ")+"://", s.Type)
		}
		if _, secret := u.User.Password(); secret || u.Query().Has("password") {
			bad(at+".urls", "entry %d holds a password, which would show in many places; use password-file", i+1)
		}
	}
	if s.Namespace == "" && !s.SQL {
		bad(at+".namespace", "must not be empty")
	}
	if s.Type == "redis" {
		oneOf(at+".mode", s.Mode, "single", "cluster", "sentinel")
		if (s.Mode == "sentinel") != (s.Master != "") {
			bad(at+".master", "goes with mode sentinel")
		}
	}
}

// means reports whether a setting means something: those of a store depend on its type.
func (c *Config) means(path string) bool {
	rest, ok := strings.CutPrefix(path, "store.")
	if !ok {
		return true
	}
	id, setting, _ := strings.Cut(rest, ".")
	_, known := backends[c.Store[id].Type]
	return !known || c.Store[id].has(setting)
}

// dropUnused leaves the embedded store of the defaults out where the configuration names
// others and nothing asks for it.
func (c *Config) dropUnused(from origins) {
	if len(c.Store) < 2 {
		return
	}
	for path, origin := range from {
		if strings.HasPrefix(path, "store.main.") && origin != derivedFlag && origin != derivedPath {
			return
		}
	}
	for _, id := range append(slices.Collect(maps.Values(c.Storage.Prefix)), c.Storage.Lookup, c.Storage.Volatile, c.Storage.Relaxed, c.Storage.Durable) {
		if id == "main" {
			return
		}
	}
	delete(c.Store, "main")
}

// storeOf returns the id of the store that has prefix p when no store is named.
func (c *Config) storeOf(p kv.Prefix) string {
	_, id := c.routeOf(p)
	return id
}

// routeOf is storeOf, with the setting that says so.
func (c *Config) routeOf(p kv.Prefix) (setting, id string) {
	for name, id := range c.Storage.Prefix {
		if q, err := kv.ParsePrefix(name); err == nil && q == p {
			return "storage.prefix." + name, id
		}
	}
	switch p.Info().Class {
	case kv.Volatile:
		setting, id = "storage.volatile", c.Storage.Volatile
	case kv.Relaxed:
		setting, id = "storage.relaxed", c.Storage.Relaxed
	case kv.Durable:
		setting, id = "storage.durable", c.Storage.Durable
	}
	if id == "" {
		setting, id = "storage.lookup", c.Storage.Lookup
	}
	return setting, id
}

// userStore reports whether users' scripts may use the store of that name, "" being the default one:
// then each store that has rows of scripts must be for users.
func (c *Config) userStore(id string) bool {
	if id != "" {
		return c.Store[id].User
	}
	for _, p := range scriptKinds {
		if !c.Store[c.storeOf(p)].User {
			return false
		}
	}
	return true
}
