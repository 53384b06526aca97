package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
)

// sieveConfig loads a configuration.
func sieveConfig(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := loadConfig(path, "", nil)
	return c, err
}

func TestSieveSettingsAreChecked(t *testing.T) {
	_, err := sieveConfig(t, `[sieve]
zone = "Mars/Olympus"
environment = ["color"]
postmaster = "nobody"
redirect-from = "me"
[sieve.user]
disabled = ["fileintoo"]
captures = 1
[sieve.spamtest]
header = "X-Spam: ("
max = "many"
[sieve.virustest]
header = "X-Virus"
type = "text"
[sieve.programs]
pipe = "bin"
[[sieve.list]]
file = "x"
[[sieve.list]]
name = "tag:a"
store = "mian"
[[sieve.list]]
name = "tag:a"
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`:2: sieve.zone: unknown time zone "Mars/Olympus"`, `:3: sieve.environment: "color" is no name=value`, `:4: sieve.postmaster: "nobody" is no address`,
		`:5: sieve.redirect-from: "me" is not one of sender`, `:7: sieve.user.disabled: unknown capability "fileintoo"; is "fileinto" meant?`,
		`:8: sieve.user.captures: 1 is not from 9 to 100`, `:10: sieve.spamtest.header: max "many": expected a number over 0`,
		`:13: sieve.virustest.header: texts: expected the verdicts in their order`, `:16: sieve.programs.pipe: "bin" is no absolute path`,
		`sieve.list.0.name: must not be empty`, `:21: sieve.list.1.store: there is no store "mian"; is "main" meant?`, `:23: sieve.list.2.name: "tag:a" is the name of two lists`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %s:\n%v", want, err)
		}
	}
}

func TestSieveFollowsTheTrust(t *testing.T) {
	c, err := sieveConfig(t, `[limits]
steps = 500
[sieve]
environment = ["X-Own=1=2"]
[sieve.user]
disabled = ["redirect-dsn", "reject"]
variables = 1
script-size = 200
redirects = 2
actions = 3
outgoing = 1
time = 50
[sieve.admin]
enabled = ["imapflags"]
steps = 7
`)
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(c)
	for _, tt := range []struct {
		name, script string
		trust        runtime.Trust
		want         string
	}{
		{"a disabled capability", `require "reject"; reject "no";`, runtime.User, `a.sieve:1:9: unknown`},
		{"which administrators have", `require "reject"; reject "no";`, runtime.Admin, ""},
		{"an enabled capability", `require "imapflags"; mark;`, runtime.Admin, ""},
		{"which users have not", `require "imapflags"; mark;`, runtime.User, `"imapflags"`},
		{"variables", `require "variables"; set "a" ""; set "b" "";`, runtime.User, "too many variables, at most 1"},
		{"script-size", "keep; #" + strings.Repeat("x", 200), runtime.User, "200"},
		{"script-size of administrators", "keep; #" + strings.Repeat("x", 200), runtime.Admin, ""},
	} {
		_, err := e.Compile("a.sieve", []byte(tt.script), runtime.CompileOptions{Trust: tt.trust})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	user, admin, other := limitsOf(c, runtime.User, "sieve"), limitsOf(c, runtime.Admin, "sieve"), limitsOf(c, runtime.User, "expr")
	if user.Redirects != 2 || user.Actions != 3 || user.Outgoing != 1 || user.Time.Milliseconds() != 50 || user.Steps != 500 {
		t.Errorf("limits of users: %+v", user)
	}
	if admin.Steps != 7 || admin.Redirects != 4 || admin.Time.Milliseconds() != 2000 || other.Redirects != 0 || other.Steps != 500 {
		t.Errorf("limits of others: %+v, %+v", admin, other)
	}
	if got := c.sieveOptions(runtime.User).Environment; got["x-own"] != "1=2" {
		t.Errorf("environment is %v", got)
	}
}

func TestProgramsAreForUsersOnlyByName(t *testing.T) {
	c := Default(t.TempDir())
	c.Sieve.Programs.Pipe, c.Sieve.Programs.Execute = "/opt/pipe", "/opt/execute"
	c.Sieve.User.Enabled = []string{"vnd.dovecot.execute"}
	user, admin := c.sieveOptions(runtime.User), c.sieveOptions(runtime.Admin)
	got := []string{user.PipeFolder, user.ExecuteFolder, admin.PipeFolder, admin.ExecuteFolder}
	if diff := cmp.Diff([]string{"", "/opt/execute", "/opt/pipe", "/opt/execute"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestIncludedScriptsLieInTheirFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"main.sieve": "", "a.sieve": "personal", "global/a.sieve": "global", "secret.sieve": "secret"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.sieve", filepath.Join(dir, "global", "link.sieve")); err != nil {
		t.Fatal(err)
	}
	c := Default(dir)
	include := includeOf(c)(filepath.Join(dir, "main.sieve"))
	if _, _, err := include("global", "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	c.Sieve.Scripts = filepath.Join(dir, "global")
	for location, want := range map[string]string{"personal": "personal", "global": "global"} {
		file, source, err := include(location, "a")
		if string(source) != want || err != nil || filepath.Base(file) != "a.sieve" {
			t.Errorf("%s: %s, %q, %v", location, file, source, err)
		}
	}
	if _, _, err := include("personal", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a script that is not there: %v", err)
	}
	for _, name := range []string{"../secret", "link", ".."} {
		if _, source, err := include("global", name); err == nil {
			t.Errorf("%s leads to %q", name, source)
		}
	}
}

func TestListsOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "friends"), []byte("bob@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := memory.New(memory.Options{})
	if err := store.Set(t.Context(), runtime.ScriptKey(kv.Script, "a:admin", "vip/eve@example.org"), []byte{0xf5}, 0); err != nil {
		t.Fatal(err)
	}
	c := Default(dir)
	c.Sieve.List = []ListConfig{{Name: "tag:friends", File: filepath.Join(dir, "friends"), User: true}, {Name: "tag:vip", Prefix: "vip/"}}
	all := newLists(c)
	stores := func(string) (kv.Store, error) { return store, nil }
	for _, tt := range []struct {
		trust       runtime.Trust
		list, value string
		known, want bool
	}{
		{runtime.User, "tag:friends", "Bob@example.org", true, true}, {runtime.User, "tag:vip", "eve@example.org", false, false},
		{runtime.Admin, "tag:vip", "eve@example.org", true, true}, {runtime.Admin, "tag:vip", "bob@example.org", true, false},
		{runtime.Admin, "tag:none", "x", false, false},
	} {
		l, err := all.of(tt.trust, stores)(tt.list)
		if err != nil || (l != nil) != tt.known {
			t.Errorf("%s: %v, %v", tt.list, l, err)
			continue
		}
		if l == nil {
			continue
		}
		if ok, err := l.Has(t.Context(), tt.value); ok != tt.want || err != nil {
			t.Errorf("%s of %s: %v, %v", tt.value, tt.list, ok, err)
		}
	}
}
