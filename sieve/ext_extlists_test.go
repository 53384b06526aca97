package sieve

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// friends is a list of the tests.
type friends []string

func (f friends) Has(_ context.Context, v string) (bool, error) {
	return slices.ContainsFunc(f, func(s string) bool { return strings.EqualFold(s, v) }), nil
}

func (f friends) Entries(_ context.Context, most int) ([]string, error) {
	return f[:min(len(f), most)], nil
}

func listHost() *runtime.Live {
	return &runtime.Live{Lists: func(name string) (runtime.ExtList, error) {
		switch name {
		case "tag:friends":
			return friends{"bob@example.org", "Eve@example.net"}, nil
		case "tag:odd":
			return friends{"eve@example.net", "nobody", "EVE@EXAMPLE.NET", "bob@example.org"}, nil
		case "tag:broken":
			return nil, errors.New("list: the disk is on fire")
		}
		return nil, nil
	}}
}

func TestExternalLists(t *testing.T) {
	const message = "From: Eve <EVE@example.net>\r\nTo: x@example.com, bob@example.org\r\nSubject: s\r\n\r\n"
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
	const head = "require [\"extlists\", \"variables\", \"copy\"];\n"
	yes := func(test string) string { return "if " + test + ` { say "yes"; } else { say "no"; } ` }
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"a value that is in a list", yes(`address :list "from" "tag:friends"`) + yes(`header :list "subject" ["tag:odd", "tag:friends"]`), []string{`say "yes"`, `say "no"`}},
		{"the value is captured", `if address :list ["to", "from"] "tag:friends" { say "${0}"; }`, []string{`say "bob@example.org"`}},
		{"a field that is not there", yes(`address :list "cc" "tag:friends"`), []string{`say "no"`}},
		{"a list by a variable", `set "l" "friends"; ` + yes(`address :list "from" "tag:${l}"`) + yes(`string :list "bob@example.org" "tag:${l}"`), []string{`say "yes"`, `say "yes"`}},
		{"a list that is not there is noted", yes(`address :list "from" ["tag:none", "tag:friends"]`), []string{`say "yes"`, `problem there is no list "tag:none"`}},
		{"a list that cannot be read is noted", yes(`address :list "from" "tag:broken"`),
			[]string{`say "no"`, `problem ext_list_find: list: the disk is on fire`}},
		{"lists that there are", yes(`valid_ext_list "tag:friends"`) + yes(`valid_ext_list ["tag:friends", "tag:none"]`), []string{`say "yes"`, `say "no"`}},
		{"a redirect to a list that is not there", `redirect :list "tag:none";`, []string{`error 2:1: there is no list "tag:none"`}},
		{"entries that are no addresses are noted", `redirect :list "tag:odd";`, []string{`problem redirect: "nobody" is no mail address`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{}, head+tt.script, tx, listHost())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRedirectToAList(t *testing.T) {
	p, err := New(Options{}).Compile("t", []byte(`require ["extlists", "copy"]; redirect :copy :list "tag:odd";`), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := &runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Seed: 1, Host: listHost()})
	var got []string
	for _, a := range res.Settle(nil, runtime.Limits{}).Actions {
		got = append(got, actionLine(a))
	}
	want := []string{"redirect eve@example.net copy", "redirect EVE@EXAMPLE.NET copy", "redirect bob@example.org copy", "keep implicit"}
	if diff := cmp.Diff(want, got); diff != "" || res.Err != nil {
		t.Error(diff, res.Err)
	}
}
