package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sluice-mail/sluice/"

// mayImport is the whole architecture: every room and the rooms it may look into.
var mayImport = map[string][]string{
	"mail":                {},
	"mailauth":            {"mail"},
	"html":                {},
	"bayes":               {"mail", "html"},
	"sqlite":              {},
	"sqlstore":            {"kv", "kv/mysql"},
	"kv":                  {},
	"corpus":              {}, // mail for tests
	"kv/kvtest":           {"kv"},
	"kv/memory":           {"kv"},
	"kv/overlay":          {"kv", "kv/memory"},
	"kv/sqlite":           {"kv", "sqlite"},
	"kv/redis":            {"kv"},
	"kv/postgres":         {"kv"},
	"kv/mysql":            {"kv"},
	"kv/memcached":        {"kv"},
	"kv/rocksdb":          {"kv"},
	"kv/dump":             {"kv"},
	"kv/engine":           {"kv", "kv/memory", "kv/sqlite"},
	"kv/bars":             {"kv", "kv/engine", "kv/memory", "kv/sqlite", "kv/redis", "sqlite", "peers"}, // a program that measures
	"peers":               {},                                                                           // real servers for tests
	"account":             {"kv", "sqlite"},
	"runtime":             {"kv", "mail", "html", "bayes"},
	"runtime/js":          {"runtime", "mail"},
	"runtime/procs":       {"runtime"},
	"runtime/langtest":    {"runtime", "mail", "mailauth", "sqlstore", "kv", "kv/memory"},
	"expr":                {"runtime", "mail"},
	"stalwart":            {"runtime", "mail", "html"},
	"sieve":               {"runtime", "mail", "html"},
	"sieve/testsuite":     {"sieve", "runtime", "mail", "kv", "kv/memory"},
	"scripts":             {"runtime"},
	"gateway":             {"scripts", "runtime", "mailstore", "kv", "mail"},
	"gateway/lmtp":        {"gateway", "scripts", "runtime", "mailstore", "kv", "mail"},
	"gateway/pipe":        {"gateway", "scripts", "runtime", "mailstore", "kv", "mail"},
	"outbox":              {"mail", "sqlite"},
	"dns":                 {},
	"fetch":               {},
	"housekeeping":        {"kv"},
	"mailstore":           {},
	"mailstore/storetest": {"mailstore"},
	"mailstore/local":     {"mailstore", "imapbridge/idmap", "mail", "sqlite"},
	"imapbridge/wire":     {},
	"imapbridge/idmap":    {"sqlite"},
	"mailbox":             {"mail", "imapbridge/wire"},
	"mailbox/bars":        {"corpus", "peers"}, // a program that measures
	"imapbridge":          {"imapbridge/wire", "imapbridge/idmap", "mailstore", "mail"},
	"cmd/sluice":          {"*"},
	"examples":            {"*"},
	".ci/tally":           {},
}

// onlyIn says which rooms may import a module outside of tests: it is their reason to be.
var onlyIn = map[string][]string{
	"github.com/expr-lang/expr":          {"expr"},
	"github.com/dop251/goja":             {"runtime/js"},
	"blitiri.com.ar/go/spf":              {"mailauth"},
	"github.com/emersion/go-msgauth":     {"mailauth"},
	"github.com/foxcpp/go-sieve":         {},
	"github.com/mattn/go-sqlite3":        {"sqlite", "sqlstore", "kv/bars"},
	"github.com/dgraph-io/ristretto":     {"kv/engine"},
	"github.com/spf13/cobra":             {"cmd/sluice"},
	"github.com/redis/go-redis":          {"kv/redis", "kv/bars"},
	"github.com/jackc/pgx":               {"kv/postgres", "sqlstore"},
	"github.com/go-sql-driver/mysql":     {"kv/mysql", "sqlstore"},
	"github.com/bradfitz/gomemcache":     {"kv/memcached"},
	"github.com/linxGnu/grocksdb":        {"kv/rocksdb"},
	"github.com/abadojack/whatlanggo":    {"runtime"},
	"github.com/gabriel-vasile/mimetype": {"runtime"},
	"github.com/pelletier/go-toml":       {"cmd/sluice", "expr"},
	"github.com/miekg/dns":               {"dns"},
}

func TestCorridors(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		room := strings.TrimPrefix(f[0], module)
		allowed, ok := mayImport[room]
		if !ok {
			t.Errorf("%s is a new room: give it a line in mayImport and in README's map", room)
		}
		for _, imp := range f[1:] {
			to, ours := strings.CutPrefix(imp, module)
			if ours && !slices.Contains(allowed, to) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s, which is not one of its corridors %v", room, to, allowed)
			}
			for dep, rooms := range onlyIn {
				if strings.HasPrefix(imp+"/", dep+"/") && !slices.Contains(rooms, room) {
					t.Errorf("%s imports %s, which is for %v alone", room, imp, rooms)
				}
			}
		}
	}
}
