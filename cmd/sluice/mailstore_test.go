package main

import (
	"testing"

	"github.com/sluice-mail/sluice/mailstore/local"
)

func TestScriptsAskTheMailStore(t *testing.T) {
	store, err := local.Open(t.Context(), t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	a, release, err := store.OpenAccount(t.Context(), "a1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	list, _, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	red, motd := "red", "hello"
	if err := a.SetMetadata(t.Context(), list[0].ID, "/private/Color", &red); err != nil {
		t.Fatal(err)
	}
	if err := a.SetMetadata(t.Context(), "", "/shared/motd", &motd); err != nil {
		t.Fatal(err)
	}
	b := boxes{store}
	yes := func(want bool) func(ok bool, err error) {
		t.Helper()
		return func(ok bool, err error) {
			t.Helper()
			if ok != want || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		}
	}
	yes(true)(b.Exists(t.Context(), "a1", "inbox"))
	yes(false)(b.Exists(t.Context(), "a1", "None"))
	yes(false)(b.Exists(t.Context(), "", "INBOX"))
	yes(true)(b.SpecialUse(t.Context(), "a1", "", `\Junk`))
	yes(true)(b.SpecialUse(t.Context(), "a1", "Junk", `\JUNK`))
	yes(false)(b.SpecialUse(t.Context(), "a1", "Sent", `\Junk`))
	yes(true)(b.MailboxID(t.Context(), "a1", string(list[0].ID)))
	yes(false)(b.MailboxID(t.Context(), "a1", "none"))
	for _, tt := range []struct{ mailbox, name, want string }{
		{"INBOX", "/PRIVATE/color", "red"}, {"", "/shared/motd", "hello"}, {"Junk", "/private/color", ""}, {"None", "/private/color", ""}, {"", "/private/color", ""},
	} {
		s, ok, err := b.Metadata(t.Context(), "a1", tt.mailbox, tt.name)
		if s != tt.want || ok != (tt.want != "") || err != nil {
			t.Errorf("%s of %q: %q, %v, %v", tt.name, tt.mailbox, s, ok, err)
		}
	}
}
