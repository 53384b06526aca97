package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mailstore"
)

func metadata(t *testing.T, s mailstore.Store) {
	a, other := account(t, s, "1"), account(t, s, "2")
	boxes, _ := byPath(t, a)
	inbox, drafts := boxes["INBOX"].ID, boxes["Drafts"].ID
	set := func(mailbox mailstore.ID, name, value string) {
		t.Helper()
		if err := a.SetMetadata(t.Context(), mailbox, name, &value); err != nil {
			t.Fatal(err)
		}
	}
	want := func(a mailstore.Account, mailbox mailstore.ID, want map[string]string, names ...string) {
		t.Helper()
		got, err := a.Metadata(t.Context(), mailbox, names...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	set(inbox, "/private/Comment", "mine")
	set(inbox, "/shared/comment", "a\x00\xff")
	set("", "/private/color", "")
	want(a, inbox, map[string]string{"/private/comment": "mine", "/shared/comment": "a\x00\xff"})
	want(a, inbox, map[string]string{"/private/comment": "mine"}, "/PRIVATE/comment", "/private/none")
	want(a, "", map[string]string{"/private/color": ""})
	want(a, drafts, map[string]string{})
	want(other, "", map[string]string{})
	set(inbox, "/private/comment", "yours")
	if err := a.SetMetadata(t.Context(), inbox, "/shared/Comment", nil); err != nil {
		t.Error(err)
	}
	want(a, inbox, map[string]string{"/private/comment": "yours"})

	made, err := a.CreateMailbox(t.Context(), "Short", "")
	if err != nil {
		t.Fatal(err)
	}
	set(made.ID, "/private/comment", "gone soon")
	if err := a.DeleteMailbox(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Metadata(t.Context(), made.ID); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("metadata of a mailbox that is gone: %v", err)
	}
	value := "x"
	if err := a.SetMetadata(t.Context(), made.ID, "/private/comment", &value); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("set metadata of a mailbox that is gone: %v", err)
	}
	for _, name := range []string{"", "/", "/private", "/private/", "/vendor/x", "/private//x", "/private/x/", "/private/*", "/private/a%", "/private/ä", "/private/a\n", "/private/" + strings.Repeat("x", 300)} {
		if err := a.SetMetadata(t.Context(), inbox, name, &value); !errors.Is(err, mailstore.ErrInvalidName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	large := strings.Repeat("x", 64<<10+1)
	if err := a.SetMetadata(t.Context(), inbox, "/private/x", &large); !errors.Is(err, mailstore.ErrLimit) {
		t.Errorf("a large value: %v", err)
	}
}
