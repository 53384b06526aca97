package main

import (
	"os"
	"path/filepath"

	"github.com/sluice-mail/sluice/runtime/procs"
)

// Config is the whole configuration. Its toml tags are the names of DESIGN and of
// CONFIG.md, its doc tags are the texts there; Default gives every default.
type Config struct {
	Server struct {
		Hostname  string `toml:"hostname" doc:"the name of this mail system; accounts without a domain are valid at it and at localhost"`
		Control   string `toml:"control" doc:"unix socket on which the other commands find a running server"`
		LogFormat string `toml:"log-format" doc:"text or json"`
		LogLevel  string `toml:"log-level" doc:"debug, info, warn or error"`
	} `toml:"server"`
	Database struct {
		DBPath              string `toml:"db-path" doc:"the data directory: metadata, and blobs below it"`
		BlobNestedLevels    int    `toml:"blob-nested-levels" doc:"levels of directories for blobs, two hex digits each"`
		BlobTempTTL         int64  `toml:"blob-temp-ttl" doc:"seconds after which an unfinished upload is removed"`
		MaxChangelogEntries int64  `toml:"max-changelog-entries" doc:"changes kept for each account"`
		MinFree             int64  `toml:"min-free" doc:"octets of free disk below which mail is answered with 452"`
	} `toml:"database"`
	Housekeeper struct {
		SchedulePurgeAccounts string `toml:"schedule-purge-accounts" doc:"when the data of deleted accounts is removed; <minute> <hour> <week-day>"`
		ScheduleSnapshotLog   string `toml:"schedule-snapshot-log" doc:"when change logs are folded; <minute> <hour> <week-day>"`
		SchedulePurgeBlobs    string `toml:"schedule-purge-blobs" doc:"when blobs that nothing links to are removed; <minute> <hour> <week-day>"`
	} `toml:"housekeeper"`
	Storage struct {
		Lookup   string            `toml:"lookup" doc:"id of the default store"`
		Volatile string            `toml:"volatile" doc:"id of the store for what may be lost when the server ends (rate limits, locks of one process); empty: lookup"`
		Relaxed  string            `toml:"relaxed" doc:"id of the store for what may lose its last second in a crash (counters, reputation, greylist); empty: lookup"`
		Durable  string            `toml:"durable" doc:"id of the store for what must be kept; empty: lookup"`
		Prefix   map[string]string `toml:"prefix" doc:"id of the store for one prefix, such as KV_GREYLIST; over its class"`
	} `toml:"storage"`
	Store map[string]StoreConfig `toml:"store" doc:"a key-value store"`
	LMTP  struct {
		Listen         []string `toml:"listen" doc:"addresses for the MTA"`
		Socket         string   `toml:"socket" doc:"unix socket on which sluice deliver hands mail over"`
		SocketGroup    string   `toml:"socket-group" doc:"group that may use the socket; empty: everybody on this machine may, as with sendmail"`
		MaxMessageSize int64    `toml:"max-message-size" doc:"octets of the largest message"`
	} `toml:"lmtp"`
	HTTP struct {
		Listen []string `toml:"listen" doc:"addresses for /livez, /readyz and /metrics"`
	} `toml:"http"`
	TLS struct {
		Cert string `toml:"cert" doc:"PEM file with the certificate chain; read again on SIGHUP"`
		Key  string `toml:"key" doc:"PEM file with the private key"`
	} `toml:"tls"`
	Relay struct {
		Address      string `toml:"address" doc:"host:port where redirects and replies go; empty: none"`
		TLS          string `toml:"tls" doc:"none, starttls (if offered), require or implicit"`
		Username     string `toml:"username" doc:"for SASL PLAIN; empty: none"`
		PasswordFile string `toml:"password-file" doc:"file that holds the relay's password"`
		Lifetime     int64  `toml:"lifetime" doc:"seconds after which mail that the relay does not take bounces"`
	} `toml:"relay"`
	IMAP struct {
		Listen             []string `toml:"listen" doc:"addresses, with STARTTLS if [tls] is set"`
		ListenTLS          []string `toml:"listen-tls" doc:"addresses with TLS from the first octet"`
		CachePurgeEvery    string   `toml:"cache-purge-every" doc:"when vanished ids are forgotten; <minute> <hour> <week-day>"`
		CacheRemovedIDTTL  int64    `toml:"cache-removed-id-ttl" doc:"seconds for which vanished ids are kept"`
		MaxConnections     int      `toml:"max-connections" doc:"sessions at once"`
		MaxConnectionsByIP int      `toml:"max-connections-by-ip" doc:"sessions at once of one address"`
		IdleTimeout        int64    `toml:"idle-timeout" doc:"seconds without a command after which a session ends; RFC 3501 asks for 1800 at least"`
	} `toml:"imap"`
	Limits struct {
		Time  int64 `toml:"time" doc:"milliseconds that a script may run"`
		Steps int64 `toml:"steps" doc:"commands, tests and calls of one run"`
		Ops   int64 `toml:"ops" doc:"store and network operations of one run"`
		// Concurrent bounds the server, not a run.
		Concurrent int64 `toml:"concurrent" doc:"runs of scripts at once in the server; others wait in turn, which is not part of their time; 0: four for each processor"`
	} `toml:"limits"`
	Explain struct {
		Record string `toml:"record" doc:"how much of each run sluice explain can tell: off, summary (plan and time) or full (also calls and branches)"`
	} `toml:"explain"`
	Scripts    ScriptsConfig    `toml:"scripts"`
	JavaScript JavaScriptConfig `toml:"javascript"`
	Sieve      SieveConfig      `toml:"sieve"`
	Actions    ActionsConfig    `toml:"actions"`
	Compat     CompatConfig     `toml:"compat"`
	DNS        DNSConfig        `toml:"dns"`
	HTTPClient HTTPClientConfig `toml:"http-client"`
	Script     []ScriptConfig   `toml:"script" doc:"a filter script; they run in the order of the file"`
}

// StoreConfig is one [store."id"].
type StoreConfig struct {
	Type         string   `toml:"type" doc:"sqlite, memory (lost at the end), redis, postgres, mysql, memcached, rocksdb"`
	Path         string   `toml:"path" doc:"sqlite: the file; rocksdb: the directory"`
	URLs         []string `toml:"urls" doc:"redis://host:port/db, rediss:// (TLS) or unix:///socket?db=n, several for cluster or sentinels; postgres://user@host/db; mysql://user@host/db; memcached://host:port, memcacheds:// (TLS) or unix:///socket; never with a password"`
	Mode         string   `toml:"mode" doc:"redis: single, cluster or sentinel"`
	Master       string   `toml:"master" doc:"redis: the name of the master that the sentinels watch"`
	Username     string   `toml:"username" doc:"over the one in the URL"`
	PasswordFile string   `toml:"password-file" doc:"file that holds the password"`
	TLSCA        string   `toml:"tls-ca" doc:"PEM file with the authorities that sign the server's certificate; turns TLS on; empty: the URL and the system decide"`
	Namespace    string   `toml:"namespace" doc:"keeps several users of one server apart: start of its keys (redis, memcached), schema (postgres), start of its tables (mysql)"`
	Timeout      int64    `toml:"timeout" doc:"milliseconds that a call of one key to a server, or a statement, may take"`
	Pool         int64    `toml:"pool" doc:"connections to a server at most"`
	Cache        int64    `toml:"cache" doc:"octets of the cache in front of it; 0: none"`
	User         bool     `toml:"user" doc:"whether users' scripts may use it"`
	SQL          bool     `toml:"sql" doc:"sqlite, postgres, mysql: it is a database that sql_query asks, and keeps no keys"`
	Write        bool     `toml:"write" doc:"sql: whether statements may change it"`
	MaxRows      int64    `toml:"max-rows" doc:"sql: rows of a result at most"`
	MaxSize      int64    `toml:"max-size" doc:"sql: octets of a result at most"`
	Purge        struct {
		Frequency string `toml:"frequency" doc:"when expired rows are removed; <minute> <hour> <week-day>"`
	} `toml:"purge"`
}

// ScriptConfig is one [[script]].
type ScriptConfig struct {
	Path         string   `toml:"path" doc:"the file; its suffix is the language: .sieve .expr .js"`
	Stage        string   `toml:"stage" doc:"when it runs: connect ehlo mail rcpt data deliver"`
	Accounts     []string `toml:"accounts" doc:"account names, or * for all"`
	Trust        string   `toml:"trust" doc:"admin or user"`
	Namespace    string   `toml:"namespace" doc:"key space of an administrator's script"`
	OnError      string   `toml:"on-error" doc:"accept, tempfail or reject, when the script fails before delivery"`
	OnStoreError string   `toml:"on-store-error" doc:"accept, tempfail or reject, when a store cannot be reached, or a question to the network fails for a while"`
}

// Default returns the configuration of an empty file, with its data below dir.
func Default(dir string) *Config {
	c := &Config{}
	c.Server.Hostname = "localhost"
	if h, err := os.Hostname(); err == nil && h != "" {
		c.Server.Hostname = h
	}
	c.Server.Control = filepath.Join(dir, "control.sock")
	c.Server.LogFormat, c.Server.LogLevel = "text", "info"
	c.Database.DBPath = dir
	c.Database.BlobNestedLevels = 2
	c.Database.BlobTempTTL = 3600
	c.Database.MaxChangelogEntries = 10000
	c.Database.MinFree = 100 << 20
	c.Housekeeper.SchedulePurgeAccounts = "0 3 *"
	c.Housekeeper.SchedulePurgeBlobs = "30 3 *"
	c.Housekeeper.ScheduleSnapshotLog = "45 3 *"
	c.Storage.Lookup = "main"
	c.Storage.Prefix = map[string]string{}
	c.Store = map[string]StoreConfig{"main": defaultStore(dir)}
	c.LMTP.Listen = []string{"127.0.0.1:2424"}
	// beside the data directory, which is closed to the MTA's user
	c.LMTP.Socket = filepath.Clean(dir) + ".run/lmtp.sock"
	c.LMTP.MaxMessageSize = 50 << 20
	c.HTTP.Listen = []string{"127.0.0.1:2480"}
	c.Relay.TLS, c.Relay.Lifetime = "starttls", 5*24*3600
	c.IMAP.Listen = []string{"127.0.0.1:1143"}
	c.IMAP.ListenTLS = []string{}
	c.IMAP.CachePurgeEvery = "0 3 *"
	c.IMAP.CacheRemovedIDTTL = 2592000
	c.IMAP.MaxConnections, c.IMAP.MaxConnectionsByIP = 10000, 500
	c.IMAP.IdleTimeout = 1800
	c.Limits.Time, c.Limits.Steps, c.Limits.Ops = 2000, 1_000_000, 100
	c.JavaScript = JavaScriptConfig{User: true, Memory: procs.DefaultMemory}
	c.Explain.Record = "summary"
	c.Scripts = defaultScripts()
	c.Sieve = defaultSieve()
	c.Actions = defaultActions()
	c.DNS, c.HTTPClient = defaultDNS(), defaultHTTPClient()
	return c
}

func defaultStore(dir string) StoreConfig {
	s := StoreConfig{Type: "sqlite", Path: filepath.Join(dir, "kv.db"), URLs: []string{}, Mode: "single", Namespace: "sluice", Timeout: 200, Pool: 16, Cache: 16 << 20, MaxRows: 1000, MaxSize: 1 << 20}
	s.Purge.Frequency = "0 3 *"
	return s
}

// defaultScript is what a [[script]] that names only its path is.
func defaultScript() ScriptConfig {
	return ScriptConfig{Stage: "deliver", Accounts: []string{"*"}, Trust: "admin", Namespace: "admin",
		OnError: "accept", OnStoreError: "accept"}
}
