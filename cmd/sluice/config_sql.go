package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sqlstore"
)

// What a store with sql = true may be, and the settings that only it has.
var (
	sqlTypes    = []string{"sqlite", "postgres", "mysql"}
	sqlSettings = []string{"write", "max-rows", "max-size"}
)

// has reports whether a setting means something for the store.
func (s StoreConfig) has(setting string) bool {
	b := backends[s.Type]
	switch {
	case setting == "sql":
		return true // checkSQL says what is wrong with it
	case slices.Contains(sqlSettings, setting):
		return s.SQL
	case !s.SQL:
		return b.has(setting)
	}
	return setting == "type" || setting == "timeout" || setting == "pool" || setting == "path" && b.has("path") ||
		b.server && setting != "namespace" && slices.Contains(serverSettings, setting)
}

// checkSQL checks what makes a store a database, and keeps it from being a store of keys too.
func (c *Config) checkSQL(at string, s StoreConfig, bad func(path, format string, args ...any)) {
	if !s.SQL {
		return
	}
	if !slices.Contains(sqlTypes, s.Type) {
		bad(at+".sql", "a store of type %s has no SQL", s.Type)
	}
	for id, other := range c.Store {
		if !other.SQL && len(s.URLs) > 0 && slices.Equal(s.URLs, other.URLs) && s.Type == other.Type && s.Username == other.Username {
			bad(at+".urls", "is that of [store.%q], which keeps keys: give sql_query a user of its own", id)
		}
	}
}

// keepsKeys refuses the id of a database where one of a store of keys is wanted.
func (c *Config) keepsKeys(path, id string, bad func(path, format string, args ...any)) {
	if c.Store[id].SQL {
		bad(path, "[store.%q] has sql = true and keeps no keys", id)
	}
}

// storeNames are the ids of the stores of keys, or of the databases.
func (c *Config) storeNames(sql bool) []string {
	ids := []string{}
	for id, s := range c.Store {
		if s.SQL == sql {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// openSQL makes the databases that scripts may ask. None is connected to yet.
func (n *network) openSQL(c *Config) error {
	for _, id := range c.storeNames(true) {
		s := c.Store[id]
		password, err := secret(s.PasswordFile)
		if err != nil {
			return &configError{[]string{fmt.Sprintf("store.%s: password-file: %v", id, err)}}
		}
		conf, err := s.tls()
		if err == nil {
			o := sqlstore.Options{Type: s.Type, Path: s.Path, Username: s.Username, Password: password, TLS: conf, Write: s.Write,
				Rows: int(s.MaxRows), Octets: int(s.MaxSize), Timeout: time.Duration(s.Timeout) * time.Millisecond, Pool: int(s.Pool)}
			if len(s.URLs) > 0 {
				o.URL = s.URLs[0]
			}
			n.sql[id], err = sqlstore.Open(o)
		}
		if errors.Is(err, kv.ErrInvalid) {
			delete(n.sql, id)
			return &configError{[]string{"store." + id + ": " + err.Error()}}
		}
		if err != nil {
			delete(n.sql, id)
			return fmt.Errorf("store %q: %w", id, err)
		}
	}
	return nil
}

// query runs a statement of a script.
func (n *network) query(ctx context.Context, id, statement string, args []runtime.Value) (runtime.SQLResult, error) {
	s := n.sql[id]
	if s == nil {
		return runtime.SQLResult{}, fmt.Errorf("there is no store %q with sql = true", id)
	}
	r, err := s.Query(ctx, statement, args)
	if err != nil {
		return runtime.SQLResult{}, fmt.Errorf("store %q: %w", id, err)
	}
	return runtime.SQLResult(r), nil
}
