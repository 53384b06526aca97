package sieve

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/stalwart"
)

// extensionsPage renders the registry as the page that users read.
func extensionsPage() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, "# Sieve extensions\n\nMade from the registry by `go test ./sieve -run ExtensionsPage -update`.\n\n"+
		"The base language is RFC 5228: the commands `require` `if` `elsif` `else` `stop` `keep` `discard` `redirect`, the tests\n"+
		"`address` `allof` `anyof` `exists` `false` `header` `not` `size` `true`, the match types `:is` `:contains` `:matches`,\n"+
		"and the address parts `:all` `:localpart` `:domain`.\n\n"+
		"Limits of a source: 1 MiB, 200,000 tokens, 32 nested blocks, 32 nested tests, 256 KiB a string, 32 arguments, names of 32 characters.\n\n"+
		"| `require` | adds | specification | status | limits |\n|---|---|---|---|---|\n")
	for _, e := range New(Options{Expressions: fakeExpressions{}, Stalwart: stalwartExpressions{}, Enabled: []string{"*"}, PipeFolder: "/", FilterFolder: "/", ExecuteFolder: "/"}).Extensions() {
		status, limits := e.Status, e.Limits
		if e.Always {
			status += "; needs no `require`"
		}
		if e.Off {
			status += "; off by default"
		}
		if limits == "" {
			limits = "–"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.Name, adds(e), e.Spec, status, limits)
	}
	fmt.Fprint(&b, "\n## Where the language of Stalwart differs on purpose\n\nOf `vnd.stalwart.expressions`, `vnd.stalwart.while` and, with `[compat] stalwart = true`, of `.expr` files.\n\n"+
		"| what | in Stalwart | here |\n|---|---|---|\n")
	for _, d := range stalwart.Differences {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", d.What, d.Stalwart, d.Here)
	}
	fmt.Fprint(&b, "\nTest files may require `vnd.dovecot.testsuite` besides: see [testsuite/TESTFILES.md](testsuite/TESTFILES.md).\n")
	return b.Bytes()
}

func adds(e Extension) string {
	var b bytes.Buffer
	item := func(format string, name string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, format, name)
	}
	for _, c := range e.Commands {
		item("`%s`", c.Name)
	}
	for _, t := range e.Tests {
		item("test `%s`", t.Name)
	}
	for _, t := range e.Tags {
		item("`:%s`", t.Name)
	}
	for _, m := range e.MatchTypes {
		item("`:%s`", m.Name)
	}
	for _, p := range e.AddressParts {
		item("`:%s`", p.Name)
	}
	for _, c := range e.Comparators {
		item("`%s`", c.Name)
	}
	for _, m := range e.Modifiers {
		item("`:%s`", m.Name)
	}
	if e.Rewrite != nil {
		item("%s", "`${hex:...}` `${unicode:...}`")
	}
	return b.String()
}

func TestExtensionsPage(t *testing.T) {
	const page = "EXTENSIONS.md"
	if *update {
		if err := os.WriteFile(page, extensionsPage(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(extensionsPage()), string(have)); diff != "" {
		t.Errorf("%s is not what the registry says; run with -update:\n%s", page, diff)
	}
}

// TestDeclarations checks that every extension says what users ask first.
func TestDeclarations(t *testing.T) {
	for _, e := range New(Options{Expressions: fakeExpressions{}, Stalwart: stalwartExpressions{}, Enabled: []string{"*"}, PipeFolder: "/", FilterFolder: "/", ExecuteFolder: "/"}).Extensions() {
		if e.Spec == "" || e.Status == "" {
			t.Errorf("%s lacks its specification or status", e.Name)
		}
	}
}
