package main

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// backend is a type of store: the settings that it has beside those of every store.
type backend struct {
	settings []string
	server   bool // it is reached by URL
	many     bool // by more than one
}

var backends = map[string]backend{
	"memory":    {},
	"sqlite":    {settings: []string{"path", "cache"}},
	"rocksdb":   {settings: []string{"path", "cache"}},
	"redis":     {settings: []string{"mode", "master", "cache"}, server: true, many: true},
	"postgres":  {settings: []string{"cache"}, server: true},
	"mysql":     {settings: []string{"cache"}, server: true},
	"memcached": {settings: []string{"cache"}, server: true, many: true},
}

var serverSettings = []string{"urls", "username", "password-file", "tls-ca", "namespace", "timeout", "pool"}

// has reports whether a setting means something for the type.
func (b backend) has(setting string) bool {
	return setting == "type" || setting == "user" || setting == "purge.frequency" ||
		slices.Contains(b.settings, setting) || b.server && slices.Contains(serverSettings, setting)
}

var storeID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkStores checks [storage] and every [store."id"]. That a store can keep what is sent there is
// checked when it is opened: it knows best.
func (c *Config) checkStores(from origins, bad func(path, format string, args ...any), oneOf func(path, v string, allowed ...string), schedule func(path, v string)) {
	known := func(path, id string) {
		if _, ok := c.Store[id]; !ok {
			bad(path, "there is no [store.%q]", id)
		}
	}
	known("storage.lookup", c.Storage.Lookup)
	for path, id := range map[string]string{"storage.volatile": c.Storage.Volatile, "storage.relaxed": c.Storage.Relaxed, "storage.durable": c.Storage.Durable} {
		if id != "" {
			known(path, id)
		}
	}
	named := map[kv.Prefix]string{}
	for name, id := range c.Storage.Prefix {
		at := "storage.prefix." + name
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
	paths := map[string]string{}
	for id, s := range c.Store {
		at := "store." + id
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
			if setting, mine := strings.CutPrefix(path, at+"."); mine && !b.has(setting) && origin != derivedFlag && origin != derivedPath {
				bad(path, "means nothing for a store of type %s", s.Type)
			}
		}
		if b.server {
			s.checkURLs(at, b, bad, oneOf)
		} else if b.has("path") {
			if s.Path == "" {
				bad(at+".path", "must not be empty")
			} else if other, twice := paths[s.Path]; twice {
				bad(at+".path", "is the file of [store.%q] too", other)
			}
			paths[s.Path] = id
		}
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
		if _, secret := u.User.Password(); secret || u.Query().Has("password") {
			bad(at+".urls", "entry %d holds a password, which would show in many places; use password-file", i+1)
		}
	}
	if s.Namespace == "" {
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
	b, known := backends[c.Store[id].Type]
	return !known || b.has(setting)
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
	for name, id := range c.Storage.Prefix {
		if q, err := kv.ParsePrefix(name); err == nil && q == p {
			return id
		}
	}
	id := ""
	switch p.Info().Class {
	case kv.Volatile:
		id = c.Storage.Volatile
	case kv.Relaxed:
		id = c.Storage.Relaxed
	case kv.Durable:
		id = c.Storage.Durable
	}
	if id == "" {
		id = c.Storage.Lookup
	}
	return id
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
