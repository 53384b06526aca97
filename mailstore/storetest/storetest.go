// Package storetest is the contract of package mailstore as tests. Every store runs it.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-mail/sluice/mailstore"
)

// Run tests the store that open makes, which has to be empty and is used by one test.
func Run(t *testing.T, open func(t *testing.T) mailstore.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, mailstore.Store)
	}{
		{"a new account has an inbox and the usual mailboxes with their roles", newAccount},
		{"a message comes back octet by octet", octets},
		{"each filing is an Email of its own on one blob", filings},
		{"a mailbox is made only if asked", create},
		{"a key makes an import idempotent, and nothing else does", keys},
		{"many imports at once are all there", concurrent},
		{"an account does not see another's Emails or blobs", isolation},
		{"a mailbox is created, renamed with what is below it, and deleted", mailboxes},
		{"names are checked", names},
		{"changes lead from one state to the next", changes},
		{"changes come in pages", pages},
		{"a strange state cannot be calculated from", strangeStates},
		{"keywords are lower case and sorted", keywords},
		{"annotations are kept by mailbox and account", metadata},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func account(t *testing.T, s mailstore.Store, id string) mailstore.Account {
	t.Helper()
	a, release, err := s.Account(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return a
}

func file(t *testing.T, a mailstore.Account, raw, path string) mailstore.Email {
	t.Helper()
	emails, _, err := a.Import(t.Context(), mailstore.Import{Raw: []byte(raw), Mailboxes: []mailstore.Filing{{Path: path}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(emails) != 1 {
		t.Fatalf("import made %d Emails, want 1", len(emails))
	}
	return emails[0]
}

func byPath(t *testing.T, a mailstore.Account) (map[string]mailstore.Mailbox, mailstore.State) {
	t.Helper()
	list, st, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]mailstore.Mailbox)
	for _, b := range list {
		m[b.Path] = b
	}
	return m, st
}

func newAccount(t *testing.T, s mailstore.Store) {
	got := make(map[string]string)
	boxes, _ := byPath(t, account(t, s, "alice"))
	for p, b := range boxes {
		got[p] = b.Role
		if b.Total != 0 || b.Unread != 0 || b.ID == "" || !b.Subscribed {
			t.Errorf("new mailbox is %+v", b)
		}
	}
	want := map[string]string{"INBOX": "inbox", "Drafts": "drafts", "Sent": "sent", "Trash": "trash", "Junk": "junk", "Archive": "archive"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func octets(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	for _, raw := range []string{
		"Subject: x\r\n\r\nbody\r\n", "", "\x00\r\r\n\xff", "no header at all\n", "From: a\nbare LF\n\n.\n",
		string(bytes.Repeat([]byte("long line "), 100_000)),
	} {
		e := file(t, a, raw, "INBOX")
		got, err := a.Blob(t.Context(), e.BlobID)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != raw {
			t.Errorf("%d octets came back, want %d of %.20q", len(got), len(raw), raw)
		}
		if e.Size != int64(len(raw)) {
			t.Errorf("size is %d, want %d", e.Size, len(raw))
		}
	}
	if _, err := a.Blob(t.Context(), "absent"); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("an absent blob is %v", err)
	}
}

func filings(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	emails, st, err := a.Import(t.Context(), mailstore.Import{
		Raw: []byte("Subject: x\r\n\r\n"), ReceivedAt: at,
		Mailboxes: []mailstore.Filing{{Path: "inbox", Keywords: []string{"$seen"}}, {Path: "Archive"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(emails) != 2 || emails[0].ID == emails[1].ID || emails[0].BlobID != emails[1].BlobID {
		t.Fatalf("two filings made %+v", emails)
	}
	boxes, now := byPath(t, a)
	if now != st {
		t.Errorf("state is %s behind the import, which said %s", now, st)
	}
	for i, path := range []string{"INBOX", "Archive"} {
		if d := cmp.Diff([]mailstore.ID{boxes[path].ID}, emails[i].MailboxIDs); d != "" {
			t.Error(d)
		}
		if !emails[i].ReceivedAt.Equal(at) {
			t.Errorf("received at %v, want %v", emails[i].ReceivedAt, at)
		}
	}
	if b := boxes["INBOX"]; b.Total != 1 || b.Unread != 0 {
		t.Errorf("INBOX is %+v", b)
	}
	if b := boxes["Archive"]; b.Total != 1 || b.Unread != 1 {
		t.Errorf("Archive is %+v", b)
	}
	got, err := a.Emails(t.Context(), []mailstore.ID{emails[1].ID, "absent", emails[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(got)
	if d := cmp.Diff(emails, got, cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal)); d != "" {
		t.Error(d)
	}
}

func create(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	im := mailstore.Import{Raw: []byte("x"), Mailboxes: []mailstore.Filing{{Path: "INBOX"}, {Path: "Lists/go/dev"}}}
	if _, _, err := a.Import(t.Context(), im); !errors.Is(err, mailstore.ErrNotFound) {
		t.Fatalf("import to an absent mailbox: %v", err)
	}
	boxes, _ := byPath(t, a)
	if boxes["INBOX"].Total != 0 {
		t.Error("a failed import left an Email")
	}
	im.Mailboxes[1].Create = true
	if _, _, err := a.Import(t.Context(), im); err != nil {
		t.Fatal(err)
	}
	boxes, _ = byPath(t, a)
	b := boxes["Lists/go/dev"]
	if b.Total != 1 || b.Name != "dev" || b.ParentID != boxes["Lists/go"].ID || boxes["Lists/go"].ParentID != boxes["Lists"].ID {
		t.Errorf("the new mailboxes are %+v", boxes)
	}
}

func keys(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	im := func(key, raw string) mailstore.Email {
		t.Helper()
		e, _, err := a.Import(t.Context(), mailstore.Import{Key: key, Raw: []byte(raw), Mailboxes: []mailstore.Filing{{Path: "INBOX"}}})
		if err != nil {
			t.Fatal(err)
		}
		return e[0]
	}
	one, again := im("k", "Message-ID: <1>\r\n\r\n"), im("k", "Message-ID: <1>\r\n\r\n")
	if d := cmp.Diff(one, again, cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal)); d != "" {
		t.Error(d)
	}
	ids := map[mailstore.ID]bool{
		one.ID:                                           true,
		im("", "Message-ID: <1>\r\n\r\n").ID:             true, // the same octets
		im("", "Message-ID: <1>\r\n\r\n").ID:             true,
		im("other", "Message-ID: <1>\r\n\r\nnew\r\n").ID: true, // the same Message-ID
	}
	if boxes, _ := byPath(t, a); len(ids) != 4 || boxes["INBOX"].Total != 4 {
		t.Errorf("%d Emails, %d in the inbox; want 4", len(ids), boxes["INBOX"].Total)
	}
}

func concurrent(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	const workers, each = 8, 10
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				_, _, err := a.Import(t.Context(), mailstore.Import{
					Key: fmt.Sprint("same", i), Raw: fmt.Appendf(nil, "%d\r\n", i), Mailboxes: []mailstore.Filing{{Path: "INBOX"}},
				})
				if err != nil {
					t.Error(err)
				}
				_, _, err = a.Import(t.Context(), mailstore.Import{
					Raw: fmt.Appendf(nil, "%d %d\r\n", w, i), Mailboxes: []mailstore.Filing{{Path: "Made", Create: true}},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	boxes, _ := byPath(t, a)
	if boxes["INBOX"].Total != each || boxes["Made"].Total != workers*each {
		t.Errorf("INBOX has %d, want %d; Made has %d, want %d", boxes["INBOX"].Total, each, boxes["Made"].Total, workers*each)
	}
}

func isolation(t *testing.T, s mailstore.Store) {
	a, b := account(t, s, "alice"), account(t, s, "bob")
	mine := file(t, a, "a secret\r\n", "INBOX")
	if _, err := b.Blob(t.Context(), mine.BlobID); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("another account's blob: %v", err)
	}
	theirs := file(t, b, "a secret\r\n", "INBOX")
	if theirs.BlobID == mine.BlobID || theirs.ID == mine.ID {
		t.Error("two accounts have the same id")
	}
	got, err := b.Emails(t.Context(), []mailstore.ID{mine.ID})
	if err != nil || len(got) != 0 {
		t.Errorf("another account's Email: %v %v", got, err)
	}
	raw, err := b.Blob(t.Context(), theirs.BlobID)
	if err != nil || string(raw) != "a secret\r\n" {
		t.Errorf("got %q, %v", raw, err)
	}
}

func mailboxes(t *testing.T, s mailstore.Store) {
	ctx := t.Context()
	a := account(t, s, "alice")
	top, err := a.CreateMailbox(ctx, "a/b", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateMailbox(ctx, "a/b", ""); !errors.Is(err, mailstore.ErrExists) {
		t.Errorf("creating it twice: %v", err)
	}
	if _, err := a.CreateMailbox(ctx, "a/b/c", ""); err != nil {
		t.Fatal(err)
	}
	e := file(t, a, "x", "a/b/c")
	if err := a.RenameMailbox(ctx, top.ID, "z/y"); err != nil {
		t.Fatal(err)
	}
	boxes, _ := byPath(t, a)
	if boxes["z/y"].ID != top.ID || boxes["z/y/c"].Total != 1 || boxes["a/b"].ID != "" || boxes["a"].ID == "" || boxes["z"].ID == "" {
		t.Errorf("after the rename there are %v", boxes)
	}
	fail := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	fail("rename below itself", a.RenameMailbox(ctx, top.ID, "z/y/c/d"), mailstore.ErrInvalidName)
	fail("rename onto another", a.RenameMailbox(ctx, top.ID, "Sent"), mailstore.ErrExists)
	fail("delete with children", a.DeleteMailbox(ctx, top.ID), mailstore.ErrHasChild)
	fail("delete the inbox", a.DeleteMailbox(ctx, boxes["INBOX"].ID), mailstore.ErrForbidden)
	fail("rename the inbox", a.RenameMailbox(ctx, boxes["INBOX"].ID, "q"), mailstore.ErrForbidden)
	fail("delete what is not there", a.DeleteMailbox(ctx, "absent"), mailstore.ErrNotFound)
	fail("a role that is taken", second(a.CreateMailbox(ctx, "Gone", "trash")), mailstore.ErrExists)
	fail("a role that is none", second(a.CreateMailbox(ctx, "Gone", "cellar")), mailstore.ErrForbidden)
	if err := a.DeleteMailbox(ctx, boxes["z/y/c"].ID); err != nil {
		t.Fatal(err)
	}
	got, err := a.Emails(ctx, []mailstore.ID{e.ID})
	if err != nil || len(got) != 0 {
		t.Errorf("the Email of a deleted mailbox: %v %v", got, err)
	}
	again, err := a.CreateMailbox(ctx, "z/y/c", "")
	if err != nil || again.ID == boxes["z/y/c"].ID {
		t.Errorf("made again it is %+v, %v", again, err)
	}
	if err := a.SetSubscribed(ctx, again.ID, true); err != nil {
		t.Fatal(err)
	}
	if boxes, _ := byPath(t, a); !boxes["z/y/c"].Subscribed {
		t.Error("the subscription was not kept")
	}
}

func second(_ mailstore.Mailbox, err error) error { return err }

func names(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	for _, bad := range []string{"", "/", "/a", "a//b", "a\x00b", "a\nb", "\xff", "a/" + string(bytes.Repeat([]byte("x"), 300))} {
		if _, err := a.CreateMailbox(t.Context(), bad, ""); !errors.Is(err, mailstore.ErrInvalidName) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	for _, good := range []string{"a b", "Ärger", "日本/語", "%*", "INBOX/below", "a.b&c"} {
		if _, err := a.CreateMailbox(t.Context(), good, ""); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if _, err := a.CreateMailbox(t.Context(), "inBox", ""); !errors.Is(err, mailstore.ErrExists) {
		t.Errorf("a second inbox: %v", err)
	}
	if m, err := a.CreateMailbox(t.Context(), "inbox/Child", ""); err != nil || m.Path != "INBOX/Child" {
		t.Errorf("below the inbox: %+v, %v", m, err)
	}
}

func keywords(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	emails, _, err := a.Import(t.Context(), mailstore.Import{
		Raw: []byte("x"), Mailboxes: []mailstore.Filing{{Path: "INBOX", Keywords: []string{"Work", "$Flagged", "$seen", "work"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Emails(t.Context(), []mailstore.ID{emails[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []mailstore.Email{emails[0], got[0]} {
		if d := cmp.Diff([]string{"$flagged", "$seen", "work"}, e.Keywords); d != "" {
			t.Error(d)
		}
	}
}
