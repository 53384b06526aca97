package scripts

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

// words is a language in which every script compiles but one that says broken.
type words struct{}

func (words) Name() string   { return "words" }
func (words) Suffix() string { return ".words" }
func (words) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	if strings.Contains(string(source), "broken") {
		return nil, fmt.Errorf("%s:1:2: it is broken", name)
	}
	return program{name, string(source), o}, nil
}

type program struct {
	name, source string
	options      runtime.CompileOptions
}

func (p program) Language() string                         { return "words" }
func (p program) Name() string                             { return p.name }
func (p program) Run(*runtime.Task) (runtime.Value, error) { return nil, nil }
func (p program) Sites() []runtime.Site                    { return nil }
func library(o Options) *Library                           { o.Engine = runtime.NewEngine(words{}); return New(o) }
func source(path, stage string, accounts ...string) Source {
	return Source{Path: path, Code: []byte("x"), Stage: stage, Accounts: accounts}
}
func rcpt(account, name, address string) runtime.Recipient {
	return runtime.Recipient{Path: runtime.Path{Address: address}, Account: account, Name: name}
}

func paths(scripts []Script) []string {
	out := []string{}
	for _, s := range scripts {
		out = append(out, s.Path)
	}
	return out
}

func TestForChoosesByStageAndAccount(t *testing.T) {
	l := library(Options{})
	user := source("user.words", "deliver")
	user.Trust = "user"
	err := l.Load([]Source{
		source("all.words", "deliver"),
		source("anna.words", "deliver", "anna"),
		source("domain.words", "deliver", "*@example.org"),
		source("several.words", "deliver", "x", "A*a"),
		source("rcpt.words", "rcpt", "*"),
		source("connect.words", "connect", "*"),
		source("never.words", "connect", "anna"),
		user,
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		stage runtime.Stage
		rcpt  runtime.Recipient
		want  []string
	}{
		{"a name, in the order of the sources", "deliver", rcpt("1", "anna", "anna@example.org"),
			[]string{"all.words", "anna.words", "domain.words", "several.words", "user.words"}},
		{"another name at the domain", "deliver", rcpt("2", "ben@example.org", "ben@example.org"), []string{"all.words", "domain.words", "user.words"}},
		{"no case", "deliver", rcpt("1", "ANNA", "anna@other.example"), []string{"all.words", "anna.words", "several.words", "user.words"}},
		{"no account: no user script", "deliver", rcpt("", "", ""), []string{"all.words"}},
		{"another stage", "rcpt", rcpt("1", "anna", "anna@example.org"), []string{"rcpt.words"}},
		{"a stage without recipient takes * only", "connect", runtime.Recipient{}, []string{"connect.words"}},
		{"a stage without scripts", "data", runtime.Recipient{}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := l.For(&runtime.Transaction{Stage: tt.stage, Rcpt: tt.rcpt})
			if diff := cmp.Diff(tt.want, paths(got)); diff != "" {
				t.Errorf("scripts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamespaces(t *testing.T) {
	l := library(Options{})
	shared, own, user := source("a.words", ""), source("b.words", ""), source("c.words", "")
	own.Namespace, user.Trust, user.Namespace = "greylist", "user", "admin"
	if err := l.Load([]Source{shared, own, user}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range l.For(&runtime.Transaction{Stage: "deliver", Rcpt: rcpt("42", "anna", "anna@localhost")}) {
		got = append(got, s.Namespace)
	}
	if diff := cmp.Diff([]string{"a:admin", "a:greylist", "u:42"}, got); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

func TestUsersScriptsMayNameUsersStoresOnly(t *testing.T) {
	l := library(Options{Stores: []string{"main", "shared"}, UserStores: []string{"shared"}})
	user := source("user.words", "")
	user.Trust = "user"
	if err := l.Load([]Source{source("admin.words", ""), user}); err != nil {
		t.Fatal(err)
	}
	all := l.All()
	if diff := cmp.Diff([]string{"main", "shared"}, all[0].Program.(program).options.Stores); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"shared"}, all[1].Program.(program).options.Stores); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"shared"}, all[1].Stores); diff != "" {
		t.Error(diff)
	}
}

func TestLoadIsAllOrNothing(t *testing.T) {
	l := library(Options{ReadFile: func(path string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}})
	if err := l.Load([]Source{source("old.words", "")}); err != nil {
		t.Fatal(err)
	}
	bad := Source{Path: "bad.words", Code: []byte("broken")}
	settings := Source{Path: "set.words", Code: []byte("x"), Stage: "never", Trust: "god", OnError: "cry", OnStoreError: "wait", Namespace: "a\x00b"}
	early := Source{Path: "early.words", Code: []byte("x"), Stage: "connect", Trust: "user"}
	huge := Source{Path: "huge.words", Code: make([]byte, maxSource+1)}
	err := l.Load([]Source{source("new.words", ""), bad, settings, early, huge, {Path: "gone.words"}, {Path: "a.lua", Code: []byte("x")}, {}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"bad.words:1:2: it is broken", `set.words: stage "never"`, `set.words: trust "god"`, `set.words: on-error "cry"`,
		`set.words: on-store-error "wait"`, `set.words: namespace "a\x00b"`, `early.words: stage "connect"`,
		"huge.words: script of 1048577 octets", "gone.words", `a.lua: no language has the suffix ".lua"`, "a script has no path",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %s:\n%v", want, err)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("error does not wrap the cause")
	}
	if diff := cmp.Diff([]string{"old.words"}, paths(l.All())); diff != "" {
		t.Errorf("after a refused set (-want +got):\n%s", diff)
	}
}

func TestReloadWhileInUse(t *testing.T) {
	l := library(Options{})
	sets := [][]Source{
		{source("a1.words", ""), source("a2.words", "")},
		{source("b1.words", ""), source("b2.words", ""), source("b3.words", "")},
	}
	if err := l.Load(sets[0]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				got := l.For(&runtime.Transaction{Stage: "deliver", Rcpt: rcpt("1", "anna", "")})
				if first := got[0].Path[0]; len(got) != map[byte]int{'a': 2, 'b': 3}[first] {
					t.Errorf("a mixed set: %v", paths(got))
				}
			}
		})
	}
	for i := range 200 {
		if err := l.Load(sets[i%2]); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"*", "a"}, {"a*b*c", "aXbYc"}, {"*@x", "y@x"}, {"", ""}, {"**a", "a"}, {"a*", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 200 || len(name) > 200 {
			return
		}
		got := match(pattern, name)
		if got != slow(strings.ToLower(pattern), strings.ToLower(name)) {
			t.Errorf("match(%q, %q) = %v", pattern, name, got)
		}
	})
}

// slow says whether the name is the pattern's pieces in order.
func slow(pattern, name string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == name
	}
	last := pieces[len(pieces)-1]
	name, ok := strings.CutPrefix(name, pieces[0])
	if !ok || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[:len(name)-len(last)]
	for _, p := range pieces[1 : len(pieces)-1] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return true
}
