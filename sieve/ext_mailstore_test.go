package sieve

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// boxes is a mail store of the tests: mailboxes with their special use, id and annotations.
type boxes map[string]box

type box struct {
	use, id string
	notes   map[string]string
}

func (b boxes) SpecialUse(_ context.Context, _, mailbox, use string) (bool, error) {
	for name, one := range b {
		if (mailbox == "" || mailbox == name) && one.use == use {
			return true, nil
		}
	}
	return false, nil
}

func (b boxes) MailboxID(_ context.Context, _, id string) (bool, error) {
	for _, one := range b {
		if one.id == id {
			return true, nil
		}
	}
	return false, nil
}

func (b boxes) Metadata(_ context.Context, _, mailbox, name string) (string, bool, error) {
	s, ok := b[mailbox].notes[name]
	return s, ok, nil
}

func TestMailStoreTests(t *testing.T) {
	store := boxes{"": {notes: map[string]string{"/shared/motd": "hello"}}, "INBOX": {id: "m1", use: `\Inbox`},
		"Spam": {id: "m2", use: `\Junk`, notes: map[string]string{"/private/color": "red", "/private/empty": ""}}}
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	const head = "require [\"special-use\", \"mailboxid\", \"mboxmetadata\", \"servermetadata\", \"variables\", \"relational\"];\n"
	yes := func(test string) string { return "if " + test + ` { say "yes"; } else { say "no"; } ` }
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"a special use of any mailbox", yes(`specialuse_exists "\\Junk"`) + yes(`specialuse_exists ["\\Junk", "\\Sent"]`), []string{`say "yes"`, `say "no"`}},
		{"a special use of one mailbox", yes(`specialuse_exists "Spam" "\\Junk"`) + yes(`specialuse_exists "INBOX" ["\\Junk"]`), []string{`say "yes"`, `say "no"`}},
		{"what is no special use", `if specialuse_exists "Junk" {}`, []string{`refused 2:22: "Junk" is no special use of a mailbox; expected one such as "\\Junk"`}},
		{"what is no special use in a variable", `set "u" "Junk"; ` + yes(`specialuse_exists "${u}"`), []string{`say "no"`, `problem "Junk" is no special use of a mailbox`}},
		{"what is no mailbox", yes(`specialuse_exists "" "\\Junk"`), []string{`say "no"`, `problem mailbox name is empty`}},
		{"ids", yes(`mailboxidexists ["m1", "m2"]`) + yes(`mailboxidexists ["m1", "m3"]`), []string{`say "yes"`, `say "no"`}},
		{"annotations", yes(`metadata "Spam" "/private/color" "RED"`) + yes(`metadata :contains "Spam" "/private/empty" ""`) + yes(`metadata :contains "Spam" "/private/none" ""`) +
			yes(`metadata :matches "None" "/private/color" "*"`) + yes(`metadata :count "eq" "Spam" "/private/color" "1"`) + yes(`metadata :count "eq" "Spam" "/private/none" "0"`),
			[]string{`say "yes"`, `say "yes"`, `say "no"`, `say "no"`, `say "yes"`, `say "yes"`}},
		{"annotations that exist", yes(`metadataexists "Spam" ["/private/color", "/private/empty"]`) + yes(`metadataexists "Spam" ["/private/color", "/private/none"]`),
			[]string{`say "yes"`, `say "no"`}},
		{"annotations of the server", yes(`servermetadata :matches "/shared/motd" "h*"`) + yes(`servermetadataexists "/shared/motd"`) + yes(`servermetadataexists "/private/color"`),
			[]string{`say "yes"`, `say "yes"`, `say "no"`}},
		{"what is no annotation is noted", yes(`metadata :contains "Spam" "/color" ""`) + yes(`servermetadataexists "/private/*"`),
			[]string{`say "no"`, `say "no"`, `problem "/color" is no name of an annotation; expected one such as "/private/comment"`,
				`problem "/private/*" is no name of an annotation; expected one such as "/private/comment"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{}, head+tt.script, tx, &runtime.Live{MailStore: store})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFileIntoBySpecialUseAndID(t *testing.T) {
	l := New(Options{})
	script := `require ["fileinto", "special-use", "mailboxid", "mailbox", "variables"]; set "u" "\\Sent";
fileinto :specialuse "\\Junk" "Spam"; fileinto :create :specialuse "${u}" "Sent"; fileinto :mailboxid "m7" "Old"; set "u" "no"; fileinto :specialuse "${u}" "X";`
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := &runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	res := runtime.NewEngine(l).Run(t.Context(), p, tx, runtime.RunOptions{Seed: 1})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	want := []runtime.Action{
		{Kind: runtime.FileInto, Mailbox: "Spam", SpecialUse: `\Junk`},
		{Kind: runtime.FileInto, Mailbox: "Sent", SpecialUse: `\Sent`, Create: true},
		{Kind: runtime.FileInto, Mailbox: "Old", MailboxID: "m7"},
		{Kind: runtime.FileInto, Mailbox: "X"},
	}
	if diff := cmp.Diff(want, res.Plan.Actions); diff != "" {
		t.Error(diff)
	}
}
