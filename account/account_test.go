package account

import (
	"crypto/sha256"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv/memory"
)

// clock is a clock that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is a directory with a store and a clock, and with a cheap hash in place of
// argon2id.
type fixture struct {
	*Directory
	kv    *memory.Store
	clock *clock
	path  string
}

func open(t *testing.T, o Options) fixture {
	t.Helper()
	f := fixture{clock: &clock{now: time.Unix(1_700_000_000, 0)}, path: filepath.Join(t.TempDir(), "directory.db")}
	f.kv = memory.New(memory.Options{Now: f.clock.Now})
	o.Now, o.KV = f.clock.Now, f.kv
	if o.Hostname == "" {
		o.Hostname = "mail.example.org"
	}
	var err error
	if f.Directory, err = Open(t.Context(), f.path, o); err != nil {
		t.Fatal(err)
	}
	f.argon = cheap
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func cheap(password []byte, a argon2id) []byte {
	sum := sha256.Sum256(append(append([]byte(nil), a.salt...), password...))
	return sum[:]
}

func (f fixture) add(t *testing.T, name string) Account {
	t.Helper()
	a, err := f.Add(t.Context(), name, "secret of "+name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f fixture) alias(t *testing.T, name, alias string) {
	t.Helper()
	if err := f.Alias(t.Context(), name, alias); err != nil {
		t.Fatal(err)
	}
}

func TestAddressesResolve(t *testing.T) {
	f := open(t, Options{})
	for _, name := range []string{"bob", "bob+lists", "Ann@Example.COM", "host@mail.example.org", "ünal@exämple.org"} {
		f.add(t, name)
	}
	f.alias(t, "bob", "sales@example.com")
	f.alias(t, "bob", "postmaster")
	f.alias(t, "Ann@Example.COM", "sales+urgent@example.com")
	for _, tt := range []struct{ name, address, account, detail string }{
		{"a local part is valid alone", "bob", "bob", ""},
		{"at the host name", "bob@mail.example.org", "bob", ""},
		{"at localhost", "bob@localhost", "bob", ""},
		{"nowhere else", "bob@example.com", "", ""},
		{"an address is valid as it is", "Ann@Example.COM", "Ann@Example.COM", ""},
		{"its domain without case", "Ann@EXAMPLE.com", "Ann@Example.COM", ""},
		{"its local part without case", "aNN@example.com", "Ann@Example.COM", ""},
		{"not without its domain", "ann", "", ""},
		{"an address at the host name is valid alone", "host", "host@mail.example.org", ""},
		{"and at localhost", "host@localhost", "host@mail.example.org", ""},
		{"without a detail, which keeps its case", "bob+Shop@mail.example.org", "bob", "Shop"},
		{"an empty detail is none", "bob+@localhost", "bob", ""},
		{"only the first plus divides", "bob+a+b", "bob", "a+b"},
		{"exact is before a detail", "bob+lists", "bob+lists", ""},
		{"a detail of what has one", "bob+lists+x", "bob", "lists+x"},
		{"an alias", "sales@example.com", "bob", ""},
		{"an alias without case", "SALES@Example.com", "bob", ""},
		{"an alias with a detail", "sales+x@example.com", "bob", "x"},
		{"an exact alias before one with a detail", "sales+urgent@example.com", "Ann@Example.COM", ""},
		{"a local part as alias", "postmaster@localhost", "bob", ""},
		{"the domain may end with a dot", "ann@example.com.", "Ann@Example.COM", ""},
		{"quotes that are not needed", `"ann"@example.com`, "Ann@Example.COM", ""},
		{"quotes around a foreign at sign", `"ann@example.com"@else.where`, "", ""},
		{"non-ASCII letters without case", "ÜNAL@EXÄMPLE.ORG", "ünal@exämple.org", ""},
		{"composed otherwise", "u\u0308nal@exa\u0308mple.org", "ünal@exämple.org", ""},
		{"a detail alone is nobody", "+bob", "", ""},
		{"an empty address is nobody", "", "", ""},
		{"no local part is nobody", "@mail.example.org", "", ""},
		{"a quote that is not closed is nobody", `"bob`, "", ""},
		{"SQL is a name like others", "bob' OR '1'='1", "", ""},
		{"LIKE is not used", "b%", "", ""},
		{"a very long address is nobody", strings.Repeat("a", 5000) + "@localhost", "", ""},
		{"NUL is nobody", "bob\x00", "", ""},
	} {
		a, err := f.Resolve(t.Context(), tt.address)
		if tt.account == "" {
			if !errors.Is(err, ErrUnknown) {
				t.Errorf("%s: %q is %+v %v, want ErrUnknown", tt.name, tt.address, a, err)
			}
			continue
		}
		if err != nil || a.Name != tt.account || a.Detail != tt.detail {
			t.Errorf("%s: %q is %+v %v, want %s %s", tt.name, tt.address, a, err, tt.account, tt.detail)
		}
		if got, err := f.Get(t.Context(), a.ID); err != nil || got.Name != a.Name {
			t.Errorf("get %s: %+v %v", a.ID, got, err)
		}
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	f := open(t, Options{})
	for name, why := range map[string]string{
		"":                                    "is empty",
		"a\x00b":                              "NUL",
		"a/b":                                 `'/'`,
		`a\b`:                                 `'\\'`,
		"a\nb":                                "control character",
		"a\x7fb":                              "control character",
		"a\u0085b":                            "control character",
		"a\u200bb":                            "control character",
		"a b":                                 "blank",
		"\xff":                                "not UTF-8",
		"a@b@c":                               "more than one @",
		"@b":                                  "in front of the @",
		"a@":                                  "no domain",
		"a@b..c":                              "empty label",
		"a@b.":                                "empty label",
		".":                                   "dot",
		"..":                                  "dot",
		"a..b":                                "dot",
		"+a":                                  "begins with +",
		"<a@b>":                               `'<'`,
		`"a"@b`:                               `'"'`,
		"a,b":                                 `','`,
		strings.Repeat("a", 255):              "longer than 254",
		"a@" + strings.Repeat("é.", 84) + "e": "longer than 254",
	} {
		_, err := f.Add(t.Context(), name, "x")
		if !errors.Is(err, ErrName) || !strings.Contains(err.Error(), why) {
			t.Errorf("add %.40q: %v, want %q", name, err, why)
		}
	}
	f.add(t, "bob")
	if err := f.Alias(t.Context(), "bob", "a/b"); !errors.Is(err, ErrName) {
		t.Errorf("alias: %v", err)
	}
	for password, why := range map[string]string{"": "empty", "a\x00b": "control", strings.Repeat("x", 1025): "longer", "\xff": "UTF-8"} {
		if _, err := f.Add(t.Context(), "new", password); !errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), why) {
			t.Errorf("password %.10q: %v", password, err)
		}
		if err := f.Passwd(t.Context(), "bob", password); !errors.Is(err, ErrPassword) || strings.Contains(err.Error(), "xxxx") {
			t.Errorf("password %.10q: %v", password, err)
		}
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	f.add(t, "ann@mail.example.org")
	f.add(t, "eve@example.com")
	f.alias(t, "bob", "info")
	for _, name := range []string{"bob", "BOB", "bob@localhost", "bob@mail.example.org", "ann", "eve@EXAMPLE.com", "info", "info@localhost"} {
		if _, err := f.Add(t.Context(), name, "x"); !errors.Is(err, ErrTaken) {
			t.Errorf("add %s: %v", name, err)
		}
	}
	for _, alias := range []string{"bob", "ann@localhost", "Info", "bob+x", "eve+x@example.com"} {
		if err := f.Alias(t.Context(), "eve@example.com", alias); !errors.Is(err, ErrTaken) {
			t.Errorf("alias %s: %v", alias, err)
		}
	}
	if _, err := f.Add(t.Context(), "eve", "x"); err != nil {
		t.Errorf("the local part of an address elsewhere is free: %v", err)
	}
}

func TestAliasesAreNoNames(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	f.alias(t, "bob", "info")
	for act, err := range map[string]error{
		"remove":  f.Remove(t.Context(), "info"),
		"passwd":  f.Passwd(t.Context(), "info", "x"),
		"alias":   f.Alias(t.Context(), "info", "more"),
		"unalias": f.Unalias(t.Context(), "info", "info"),
	} {
		if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "alias of bob") {
			t.Errorf("%s by alias: %v", act, err)
		}
	}
	if err := f.Unalias(t.Context(), "bob", "nothing"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unalias: %v", err)
	}
	if err := f.Unalias(t.Context(), "bob@localhost", "INFO"); err != nil {
		t.Errorf("unalias: %v", err)
	}
	if a, err := f.Resolve(t.Context(), "info"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an alias that was taken away is %v", a)
	}
}

func TestARemovedAccountIsGoneAtOnceAndItsNameFree(t *testing.T) {
	f := open(t, Options{})
	first := f.add(t, "bob")
	f.alias(t, "bob", "info")
	if err := f.SetDue(t.Context(), first.ID, "purge", f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Hour)
	if err := f.Remove(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"bob", "info"} {
		if a, err := f.Resolve(t.Context(), address); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s is %v", address, a)
		}
	}
	if a, err := f.Get(t.Context(), first.ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("its id is %v", a)
	}
	if _, err := f.Verify(t.Context(), "bob", "secret of bob", noIP); !errors.Is(err, ErrCredentials) {
		t.Errorf("login: %v", err)
	}
	if err := f.Remove(t.Context(), "bob"); !errors.Is(err, ErrUnknown) {
		t.Errorf("remove again: %v", err)
	}
	if ids, err := f.Due(t.Context(), "purge", f.clock.Now(), 10); err != nil || len(ids) != 0 {
		t.Errorf("due: %v %v", ids, err)
	}
	if err := f.SetDue(t.Context(), first.ID, "purge", f.clock.Now()); !errors.Is(err, ErrUnknown) {
		t.Errorf("set due: %v", err)
	}
	second := f.add(t, "bob")
	if second.ID == first.ID {
		t.Error("an id was used twice")
	}
	want := []Info{{Account: first, Created: time.Unix(1_700_000_000, 0), Removed: f.clock.Now()}}
	got, err := f.Removed(t.Context())
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("removed: %v\n%s", err, d)
	}
	if err := f.Forget(t.Context(), second.ID); !errors.Is(err, ErrTaken) {
		t.Errorf("an account that lives can be forgotten: %v", err)
	}
	if err := f.Forget(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Removed(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("removed: %v %v", got, err)
	}
}

func TestAccountsAreListedByName(t *testing.T) {
	f := open(t, Options{})
	b, a := f.add(t, "b@example.com"), f.add(t, "A@example.com")
	f.alias(t, "b@example.com", "z")
	f.alias(t, "b@example.com", "Y")
	got, err := f.List(t.Context())
	want := []Info{{Account: a, Created: f.clock.Now()}, {Account: b, Aliases: []string{"Y", "z"}, Created: f.clock.Now()}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestJobsAreDueByAccount(t *testing.T) {
	f := open(t, Options{})
	a, b := f.add(t, "a"), f.add(t, "b")
	at := f.clock.Now()
	due := func(want ...string) {
		t.Helper()
		got, err := f.Due(t.Context(), "fold", at.Add(time.Minute), 10)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	due()
	must(f.DueBy(t.Context(), a.ID, "fold", at.Add(time.Second)))
	must(f.SetDue(t.Context(), b.ID, "fold", at))
	must(f.SetDue(t.Context(), b.ID, "other", at))
	due(b.ID, a.ID)
	must(f.DueBy(t.Context(), a.ID, "fold", at.Add(time.Hour))) // later than it is
	must(f.SetDue(t.Context(), b.ID, "fold", at.Add(time.Hour)))
	due(a.ID)
	must(f.DueBy(t.Context(), b.ID, "fold", at))
	due(b.ID, a.ID)
	must(f.SetDue(t.Context(), a.ID, "fold", time.Time{}))
	due(b.ID)
	if got, err := f.Due(t.Context(), "fold", at.Add(-time.Millisecond), 10); err != nil || got != nil {
		t.Errorf("before its time: %v %v", got, err)
	}
	if err := f.DueBy(t.Context(), "nobody", "fold", at); !errors.Is(err, ErrUnknown) {
		t.Errorf("for nobody: %v", err)
	}
}

func TestEverythingSurvivesReopening(t *testing.T) {
	f := open(t, Options{})
	a := f.add(t, "bob")
	f.alias(t, "bob", "info")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.argon = cheap
	defer func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := again.Verify(t.Context(), "info", "secret of bob", noIP)
	if err != nil || got != a {
		t.Errorf("%+v %v, want %+v", got, err, a)
	}
}
