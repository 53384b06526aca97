package sieve

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func TestIHave(t *testing.T) {
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	const head = "require \"ihave\";\n"
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"what is there is turned on", head + `if ihave ["fileinto", "copy"] { say "yes"; fileinto :copy "x"; } fileinto "y";`, []string{`say "yes"`}},
		{"what is not there may be used where it is known false",
			head + `if ihave "no.such" { no_such :thing "x"; say "never"; } else { say "else"; }`, []string{`say "else"`}},
		{"all must be there", head + `if ihave ["fileinto", "no.such"] { fileinto "x"; } elsif true { say "elsif"; }`, []string{`say "elsif"`}},
		{"tests behind a known one are not looked at",
			head + `if allof (ihave "no.such", no_such "x") { no_such; } if anyof (not ihave "no.such", no_such "x") { say "yes"; }`, []string{`say "yes"`}},
		{"branches behind one that is always taken are not looked at",
			head + `if not ihave "no.such" { say "yes"; } elsif no_such { no_such; } else { no_such; }`, []string{`say "yes"`}},
		{"what follows an end that is always reached is not looked at",
			head + `if not ihave "no.such" { say "yes"; stop; } no_such "x";`, []string{`say "yes"`}},
		{"the same with else", head + `if ihave "no.such" {} else { stop; } no_such "x";`, []string{}},
		{"an end that may not be reached leaves the rest as it is",
			head + `if header :contains "subject" "x" { stop; } no_such "x";`, []string{`refused 2:45: unknown command "no_such"`}},
		{"tests that are not known leave their branches as they are",
			head + `if anyof (ihave "no.such", exists "x") { no_such; }`, []string{`refused 2:42: unknown command "no_such"`}},
		{"a nested known false", head + `if not anyof (not ihave "no.such", exists "x") { no_such; }`, []string{}},
		{"without ihave nothing is passed over", `if false { no_such; }`, []string{`refused 1:12: unknown command "no_such"`}},
		{"extensions that change strings", head + `if ihave "variables" { say "never"; } if ihave "encoded-character" { say "never"; }`, []string{}},
		{"unless they are on already", "require [\"variables\", \"ihave\"];\n" + `if ihave "variables" { say "yes"; }`, []string{`say "yes"`}},
		{"an extension that is not for this stage", head + `if ihave "imapsieve" { say "never"; }`, []string{}},
		{"names are constant", "require [\"variables\", \"ihave\"];\n" + `if ihave "${a}" {}`, []string{"refused 2:10: the name of an extension must be constant; it cannot hold variables"}},
		{"error ends the script", "require [\"variables\", \"ihave\"];\nset \"a\" \"that\";\n say \"x\"; error \"not ${a}\"; say \"y\";", []string{`say "x"`, `error 3:11: not that`}},
		{"ihave needs its require", `if ihave "fileinto" {}`, []string{`refused 1:4: test "ihave" needs require "ihave"; add it at the top of the script`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{}, tt.script, tx, nil)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
