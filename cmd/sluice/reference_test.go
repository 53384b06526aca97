package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite generated documents")

// configReference renders every setting as the page that users read.
func configReference() []byte {
	c := Default("data")
	c.Server.Hostname = "the machine's name"
	c.Script = []ScriptConfig{defaultScript()}
	c.Storage.Prefix = map[string]string{"PREFIX": ""}
	c.Sieve.List = []ListConfig{{}}
	var b bytes.Buffer
	fmt.Fprint(&b, "# Configuration\n\nMade from the settings by `go test ./cmd/sluice -run Reference -update`.\n\n"+
		"One TOML file, given with `--config`. Every setting has a default that works; without a file `sluice serve` runs on\n"+
		"embedded SQLite below `./data`, on loopback. Unknown settings are errors. A variable of the environment overrides the file; lists are\n"+
		"parted by commas. `sluice config show --origin` prints what is in force and where it comes from.\n\n"+
		"What lies below the data directory by default follows it: `--data` names it, else `SLUICE_DATABASE_DB_PATH`, else `db-path`. A path that is not\n"+
		"absolute counts from the directory that the command is started in: use absolute ones where commands are started elsewhere than the server.\n\n"+
		"Numbers are whole. Secrets are files of their own. `store` tables are named, as in `[store.\"main\"]`; `[[script]]` and `[[sieve.list]]` may stand many times. Scripts, `[relay]` (but for its lifetime) and the files\n"+
		"of `[tls]` are read again on SIGHUP, with everything or nothing taken over; all else needs a restart.\n")
	table := ""
	c.walk(func(path string, f reflect.Value, doc string) {
		i := strings.LastIndexByte(path, '.')
		if t := path[:i]; t != table {
			table = t
			fmt.Fprintf(&b, "\n## %s\n\n| setting | default | variable | meaning |\n| --- | --- | --- | --- |\n", tomlHead(t))
		}
		variable := "`" + envName(path) + "`"
		if strings.HasPrefix(path, "script.") || strings.HasPrefix(path, "sieve.list.") || strings.HasPrefix(path, "storage.prefix.") {
			variable = ""
		}
		value := "`" + tomlValue(f.Interface()) + "`"
		if path == "server.hostname" {
			value = "the machine's name"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", path[i+1:], value, variable, strings.NewReplacer("|", "\\|", "<", "\\<").Replace(doc))
	})
	return b.Bytes()
}

func TestReferenceOfSettings(t *testing.T) {
	const page = "CONFIG.md"
	got := configReference()
	if *update {
		if err := os.WriteFile(page, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil || !bytes.Equal(want, got) {
		t.Errorf("%s is not what the settings say (%v); run with -update", page, err)
	}
}
