package sieve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

// TestKnownPeerDefects are the known faults of go-sieve, which TestDifferential leaves out. A
// case that fails says that go-sieve has mended one.
func TestKnownPeerDefects(t *testing.T) {
	const require = `require ["fileinto", "envelope", "variables", "copy", "imap4flags", "relational", "subaddress", "comparator-i;ascii-numeric"];` + "\n"
	for _, tt := range []struct {
		name, reason    string
		script, message string
		ours, theirs    []string
	}{
		{
			"a captured text is expanded a second time", "RFC 5229, section 3: what a message brings is no script",
			`set "secret" "x"; if header :matches "subject" "*" { if string :is "x" "${1}" { discard; } }`, "Subject: ${secret}\r\n\r\n",
			[]string{`implicit keep "" copy=false []`}, []string{`discard "" copy=false []`},
		},
		{
			"letters beyond ASCII are changed by :lower", "RFC 5229, section 4.1: ASCII letters only",
			"set :lower \"a\" \"\u00c4\"; if string :is \"${a}\" \"\u00e4\" { discard; }", "\r\n",
			[]string{`implicit keep "" copy=false []`}, []string{`discard "" copy=false []`},
		},
		{
			"a character beyond ASCII does not match itself", "RFC 5228, section 2.7.1: a key is text in UTF-8",
			"if header :matches \"subject\" \"\u00a9\" { discard; }", "Subject: \u00a9\r\n\r\n",
			[]string{`discard "" copy=false []`}, []string{`implicit keep "" copy=false []`},
		},
		{
			"? matches no end of a line", "RFC 5228, section 2.7.1: ? is any one character",
			`require "body"; if body :raw :matches "*y??" { discard; }`, "\r\nbody\r\n",
			[]string{`discard "" copy=false []`}, []string{`implicit keep "" copy=false []`},
		},
		{
			"a field that cannot be read ends the test of addresses", "RFC 5228, section 5.1: the other fields are there all the same",
			`if address :is ["from", "to"] "b@example.org" { discard; }`, "From: <<<\r\nTo: b@example.org\r\n\r\n",
			[]string{`discard "" copy=false []`}, []string{`implicit keep "" copy=false []`},
		},
		{
			":count without a comparator is numeric", "RFC 5231, section 4.2: it is i;ascii-casemap unless another is named",
			`if header :count "gt" "subject" "10" { discard; }`, "Subject: a\r\nSubject: b\r\n\r\n",
			[]string{`discard "" copy=false []`}, []string{`implicit keep "" copy=false []`},
		},
		{
			"numbers have 64 bits", "RFC 4790, section 9.1: i;ascii-numeric has no upper limit",
			`if header :value "gt" :comparator "i;ascii-numeric" "subject" "99999999999999999999" { discard; }`, "Subject: 100000000000000000000\r\n\r\n",
			[]string{`discard "" copy=false []`}, []string{`implicit keep "" copy=false []`},
		},
		{
			"flags that differ in case are two", "RFC 9051, section 2.3.2: flags have no case",
			`setflag ["$A"]; removeflag "$a"; keep;`, "\r\n",
			[]string{`keep "" copy=false []`}, []string{`keep "" copy=false [$a]`},
		},
		{
			"discard clears the flags", "RFC 5232, section 3: only setflag and removeflag do",
			`setflag "$a"; discard; keep;`, "\r\n",
			[]string{`discard "" copy=false []`, `keep "" copy=false [$a]`}, []string{`discard "" copy=false []`, `keep "" copy=false []`},
		},
		{
			"a second fileinto to one mailbox is left out with its flags", "RFC 5228, section 2.10.3; RFC 5232, section 5: it is one store, with the flags of both",
			`fileinto "A"; setflag "$a"; fileinto "A";`, "\r\n",
			[]string{`fileinto "A" copy=false []`, `fileinto "A" copy=false [$a]`}, []string{`fileinto "A" copy=false []`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, err := ourActions(testLanguage(), require+tt.script, tt.message, "a@example.org")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.ours, ours); diff != "" {
				t.Errorf("%s\nours: %s", tt.reason, diff)
			}
			theirs, err := peerActions(require+tt.script, tt.message, "a@example.org")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.theirs, theirs); diff != "" {
				t.Errorf("go-sieve: %s", diff)
			}
		})
	}
}

// TestScriptsThatThePeerTakes are wrong scripts that go-sieve takes as a whole.
func TestScriptsThatThePeerTakes(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"else without if", `else { keep; }`, "t:1:1: else without an if or elsif before it"},
		{"elsif without if", `keep; elsif true { stop; }`, "t:1:7: elsif without an if or elsif before it"},
		{"require behind a command", `keep; require "fileinto";`, "t:1:7: require must stand before all other commands, at the top of the script"},
		{"two address parts", `if address :domain :localpart "from" "x" { keep; }`, `t:1:20: ":domain" and ":localpart" exclude each other`},
		{"an address that is none", `redirect "nobody at all";`, `t:1:10: redirect: "nobody at all" is no mail address`},
		{"anyof without a list", `if anyof true { keep; }`, `t:1:4: expected a list of tests in parentheses after "anyof"`},
		{"a brace too many, and what follows it", "keep; } stop nothing", `t:1:7: unexpected "}": no block is open here`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testLanguage().Compile("t", []byte(tt.script), runtime.CompileOptions{})
			if err == nil {
				t.Fatal("we take it")
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if diff := cmp.Diff(tt.want, first); diff != "" {
				t.Error(diff)
			}
			if _, err := peerActions(tt.script, "\r\n", "a@example.org"); err != nil {
				t.Errorf("go-sieve refuses it now: %v", err)
			}
		})
	}
}
