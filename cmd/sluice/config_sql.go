package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	for _, id := range slices.Sorted(maps.Keys(c.Store)) {
		switch other := c.Store[id]; {
		case other.SQL || s.Type != other.Type:
		case len(s.URLs) > 0 && slices.ContainsFunc(other.URLs, func(u string) bool { return s.database(s.URLs[0]) == other.database(u) }):
			bad(at+".urls", "is that of [store.%q], which keeps keys: give sql_query a user of its own", id)
		case s.Path != "" && filepath.Clean(s.Path) != filepath.Clean(other.Path) && sameFile(s.Path, other.Path): // the same path is told already
			bad(at+".path", "is the file of [store.%q] too", id)
		}
	}
	for _, own := range []string{"directory.db", "outbox.db"} {
		if s.Type == "sqlite" && s.Path != "" && sameFile(s.Path, filepath.Join(c.Database.DBPath, own)) {
			bad(at+".path", "is a file of the server's own")
		}
	}
	if b := backends[s.Type]; len(s.URLs) == 1 {
		scheme, _, _ := strings.Cut(s.URLs[0], "://")
		if !slices.Contains(sqlTypes, s.Type) || !slices.Contains(b.schemes, scheme) {
			return // which is told
		}
		db, err := sqlstore.Open(sqlstore.Options{Type: s.Type, URL: s.URLs[0]}) // connects to nobody
		if err != nil {
			bad(at+".urls", "%v", err)
			return
		}
		_ = db.Close()
	}
}

// database returns what tells databases of servers apart, and who uses them: user, host, port and name,
// whatever else the URL says.
func (s StoreConfig) database(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	user, port := s.Username, u.Port()
	if user == "" {
		user = u.User.Username()
	}
	if port == "" {
		port = map[string]string{"postgres": "5432", "mysql": "3306"}[s.Type]
	}
	return strings.Join([]string{user, strings.ToLower(u.Hostname()), port, u.Path, u.Query().Get("socket") + u.Query().Get("host")}, "\x00")
}

// sameFile says whether two paths lead to one file, also over links.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	if err == nil && err2 == nil {
		return os.SameFile(first, second)
	}
	a, err = filepath.Abs(a)
	b, err2 = filepath.Abs(b)
	return err == nil && err2 == nil && a == b
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
