package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sqlstore"
)

func TestDatabasesAreNobodyElses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(dir, "link.db")); err != nil {
		t.Fatal(err)
	}
	keys := "[store.keys]\ntype = \"sqlite\"\npath = \"" + file + "\"\n[store.server]\ntype = \"postgres\"\nurls = [\"postgres://a@h/x\"]\n"
	for text, want := range map[string]string{
		`type = "sqlite"` + "\n" + `path = "` + dir + `/link.db"`:                        `:10: store.sql.path: is the file of [store."keys"] too`,
		`type = "sqlite"` + "\n" + `path = "` + dir + `/./keys.db"`:                      `is the file of`,
		`type = "sqlite"` + "\n" + `path = "` + dir + `/data/outbox.db"`:                 `:10: store.sql.path: is a file of the server's own`,
		`type = "postgres"` + "\n" + `urls = ["postgres://a@H:5432/x?pool_max_conns=1"]`: `:10: store.sql.urls: is that of [store."server"], which keeps keys`,
		`type = "mysql"` + "\n" + `urls = ["mysql://a@h/x?allowAllFiles=true"]`:          `:10: store.sql.urls: sqlstore: open: invalid argument: url has an unknown parameter`,
	} {
		_, err := sieveConfig(t, keys+"[store.sql]\nsql = true\n"+text+"\n[database]\ndb-path = \""+dir+"/data\"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestDatabasesKeepNoKeys(t *testing.T) {
	_, err := sieveConfig(t, `[storage]
lookup = "crm"
relaxed = "crm"
[storage.prefix]
KV_GREYLIST = "crm"
[store."crm"]
type = "sqlite"
sql = true
path = "crm.db"
user = true
cache = 0
[store."cache"]
type = "redis"
sql = true
urls = ["redis://localhost"]
[store."plain"]
type = "postgres"
urls = ["postgres://a@localhost/x"]
write = true
[store."beside"]
type = "postgres"
sql = true
urls = ["postgres://a@localhost/x"]
namespace = "a"
timeout = 5000
max-rows = 0
[[sieve.list]]
name = "tag:a"
store = "crm"
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`:2: storage.lookup: [store."crm"] has sql = true and keeps no keys`,
		`:3: storage.relaxed: [store."crm"] has sql = true and keeps no keys`,
		`:5: storage.prefix.KV_GREYLIST: [store."crm"] has sql = true and keeps no keys`,
		`:10: store.crm.user: means nothing for a store of type sqlite with sql = true`,
		`:11: store.crm.cache: means nothing for a store of type sqlite with sql = true`,
		`:14: store.cache.sql: a store of type redis has no SQL`,
		`:19: store.plain.write: means nothing for a store of type postgres`,
		`:23: store.beside.urls: is that of [store."plain"], which keeps keys`,
		`:24: store.beside.namespace: means nothing for a store of type postgres with sql = true`,
		`:25: store.beside.timeout: 5000 is not below limits.time`,
		`:26: store.beside.max-rows: 0 is not from 1`,
		`sieve.list.0.store: [store."crm"] has sql = true and keeps no keys`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 12 {
		t.Errorf("%d errors:\n%v", n, err)
	}
}

func TestTheNameOfADatabaseIsCheckedWhenAScriptIsCompiled(t *testing.T) {
	c, err := sieveConfig(t, "[store.\"crm\"]\ntype = \"sqlite\"\nsql = true\npath = \"crm.db\"\n")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for source, want := range map[string]string{
		`sql_query("crm", "SELECT 1")`:  "",
		`sql_query("main", "SELECT 1")`: `1:1: sql_query: there is no store "main" with sql = true`,
		`sql_query("", "SELECT 1")`:     `1:1: sql_query: there is no store "" with sql = true`,
		`key_get("crm", "a")`:           `1:1: key_get: store "crm" has sql = true and keeps no keys`,
		`key_get("main", "a")`:          "",
	} {
		path := filepath.Join(dir, "a.expr")
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Script = []ScriptConfig{defaultScript()}
		c.Script[0].Path = path
		err := newLibrary(func() *Config { return c }, newEngine(c)).Load(sourcesOf(c))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", source, err, want)
		}
		c.Script[0].Trust = "user"
		if err := newLibrary(func() *Config { return c }, newEngine(c)).Load(sourcesOf(c)); strings.HasPrefix(source, "sql") && err == nil {
			t.Errorf("%s: a user's script may ask a database", source)
		}
	}
}

func TestScriptsReachTheConfiguredDatabases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(sqlstore.Options{Type: "sqlite", Path: path, Write: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, q := range []string{"CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1), (2), (3)"} {
		if _, err := s.Query(t.Context(), q, nil); err != nil {
			t.Fatal(err)
		}
	}
	c, err := sieveConfig(t, "[limits]\ntime = 60000\n[store.\"crm\"]\ntype = \"sqlite\"\nsql = true\npath = \""+path+"\"\nmax-rows = 2\ntimeout = 20000\n"+
		"[store.\"gone\"]\ntype = \"postgres\"\nsql = true\nurls = [\"postgres://u@localhost/x?host="+t.TempDir()+"\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(c)
	defer n.close()
	if err := n.openSQL(c); err != nil {
		t.Fatal(err)
	}
	e := newEngine(c)
	for source, want := range map[string]string{
		`sql_query("crm", "SELECT a FROM t WHERE a > ?", 2)`: `[{"a": 3}]`,
		`sql_query("crm", "SELECT a FROM t")`:                `sql_query: store "crm": the result is too large: more than 2 rows`,
		`sql_query("crm", "DELETE FROM t")`:                  `sql_query: store "crm": the store is read-only, and DELETE would change it`,
		`sql_query("main", "SELECT 1")`:                      `sql_query: there is no store "main" with sql = true`,
		`sql_query("gone", "SELECT 1")`:                      `sql_query: store "gone": store unavailable: no connection`,
	} {
		p, err := e.Compile("a.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin})
		if err != nil {
			t.Fatal(err)
		}
		live := &runtime.Live{}
		n.into(live)
		r := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: live, Trust: runtime.Admin, Namespace: "a:admin", Limits: limitsOf(c, runtime.Admin, "expr")})
		got := runtime.ValueText(r.Value)
		if r.Err != nil {
			got = runtime.WithoutPlace(r.Err)
		}
		if got != want && !strings.HasPrefix(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", source, got, want)
		}
		if (r.StoreErr != nil) != strings.Contains(source, "gone") {
			t.Errorf("%s: the store is told as unreachable: %v", source, r.StoreErr)
		}
		live.NoNetwork = true
		if r := e.Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{Host: live, Trust: runtime.Admin, Namespace: "a:admin"}); r.Err == nil || !strings.Contains(r.Err.Error(), "refused in a dry run") {
			t.Errorf("%s in a dry run: %v", source, r.Err)
		}
	}
}
