package local

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
)

type imapUID = imap.UID

func TestRenamingTheInboxMovesItsMessages(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	b := a.Backend()
	if _, err := b.CreateMailbox(t.Context(), "INBOX/child", ""); err != nil {
		t.Fatal(err)
	}
	e := importTo(t, a, "x", "INBOX")
	if err := b.RenameMailbox(t.Context(), "inbox", "Old/mail"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{"INBOX": 0, "Old/mail": 1, "Old": 0, "INBOX/child": 0} {
		st, err := b.Status(t.Context(), number(t, a, path))
		if err != nil || st.Messages != want {
			t.Errorf("%s has %d messages, want %d (%v)", path, st.Messages, want, err)
		}
	}
	got, err := a.Emails(t.Context(), []mailstore.ID{e.ID})
	if err != nil || len(got) != 1 {
		t.Errorf("the Email is %v, %v", got, err)
	}
	wantClean(t, s, "alice")
}

func TestUIDValidityIsNeverGivenTwice(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	b := openAccount(t, s, "alice").Backend()
	seen := make(map[uint32]bool)
	for range 5 {
		m, err := b.CreateMailbox(t.Context(), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		st, err := b.Status(t.Context(), m.Number)
		if err != nil {
			t.Fatal(err)
		}
		if seen[st.UIDValidity] || st.UIDNext != 1 {
			t.Errorf("status is %+v", st)
		}
		seen[st.UIDValidity] = true
		if err := b.RenameMailbox(t.Context(), "x", "y"); err != nil {
			t.Fatal(err)
		}
		if again, err := b.Status(t.Context(), m.Number); err != nil || again.UIDValidity != st.UIDValidity {
			t.Errorf("after the rename it is %+v, %v", again, err)
		}
		if err := b.DeleteMailbox(t.Context(), "y"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.View(t.Context(), m.Number); !errors.Is(err, mailstore.ErrNotFound) {
			t.Errorf("view of a deleted mailbox: %v", err)
		}
	}
}

func TestSubscriptionsOutliveMailboxes(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	b := openAccount(t, s, "alice").Backend()
	for _, p := range []string{"absent", "Sent/inbox", "inbox/x"} {
		if err := b.SetSubscribed(t.Context(), p, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.SetSubscribed(t.Context(), "Junk", false); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteMailbox(t.Context(), "Trash"); err != nil {
		t.Fatal(err)
	}
	got, err := b.Subscriptions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"INBOX", "INBOX/x", "Archive", "Drafts", "Sent", "Sent/inbox", "Trash", "absent"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	m, err := b.CreateMailbox(t.Context(), "absent", "")
	if err != nil || !m.Subscribed {
		t.Errorf("made later it is %+v, %v", m, err)
	}
}

func TestWatchersAreToldAfterTheCommit(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	inbox := number(t, a, "INBOX")
	changed, cancel := a.Backend().Watch(inbox)
	other, cancelOther := a.Backend().Watch(number(t, a, "Sent"))
	defer cancelOther()
	importTo(t, a, "1", "INBOX")
	importTo(t, a, "2", "INBOX") // does not block, though nobody reads
	select {
	case <-changed:
	default:
		t.Fatal("Import returned and nobody was told")
	}
	v, err := a.Backend().View(t.Context(), inbox)
	if err != nil || len(v.Entries) != 2 {
		t.Errorf("the view is %+v, %v", v, err)
	}
	cancel()
	cancel()
	importTo(t, a, "3", "INBOX")
	select {
	case <-changed:
		t.Error("told after cancel")
	case <-other:
		t.Error("told of another mailbox")
	default:
	}
}

func TestViewsAreShared(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	inbox := number(t, a, "INBOX")
	importTo(t, a, "1", "INBOX")
	view := func() *idmap.View {
		v, err := a.Backend().View(t.Context(), inbox)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	one, two := view(), view()
	if one != two {
		t.Error("an unchanged mailbox has two views")
	}
	importTo(t, a, "2", "INBOX")
	if three := view(); three == one || len(one.Entries) != 1 || len(three.Entries) != 2 {
		t.Errorf("views have %d and %d entries", len(one.Entries), len(three.Entries))
	}
}

func TestAppendIsAllOrNone(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	b := a.Backend()
	inbox := number(t, a, "INBOX")
	bad := []idmap.Append{{Raw: []byte("good")}, {Raw: []byte("bad"), Keywords: []string{"no atom"}}}
	if _, _, err := b.Append(t.Context(), inbox, bad); !errors.Is(err, mailstore.ErrInvalidKeyword) {
		t.Errorf("error is %v", err)
	}
	if st, err := b.Status(t.Context(), inbox); err != nil || st.Messages != 0 || st.UIDNext != 1 {
		t.Errorf("status is %+v, %v", st, err)
	}
	if files := blobFiles(t, s); len(files) > 0 {
		t.Errorf("left are %v", files)
	}
	if _, _, err := b.Append(t.Context(), 999, []idmap.Append{{Raw: []byte("x")}}); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("an absent mailbox: %v", err)
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", -5*3600))
	uids, modseq, err := b.Append(t.Context(), inbox, []idmap.Append{
		{Raw: []byte("1"), Flags: idmap.Seen | idmap.Deleted, Keywords: []string{"Work"}, Received: at}, {Raw: []byte("1")}, {Raw: []byte("2")},
	})
	if err != nil || modseq == 0 {
		t.Fatal(modseq, err)
	}
	if d := cmp.Diff([]imap.UID{1, 2, 3}, uids); d != "" {
		t.Error(d)
	}
	v, err := b.View(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	want := idmap.Entry{UID: 1, Email: v.Entries[0].Email, ModSeq: modseq, Size: 1, Flags: idmap.Seen | idmap.Deleted | idmap.Recent, Keywords: []string{"Work"}}
	if d := cmp.Diff(want, v.Entries[0]); d != "" {
		t.Error(d)
	}
	emails, err := b.Emails(t.Context(), []int64{v.Entries[0].Email})
	if err != nil || emails[0].Received.Format(time.RFC3339) != at.Format(time.RFC3339) {
		t.Errorf("received %v, %v", emails[0].Received, err)
	}
}

func TestKeywordLimits(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	inbox := number(t, a, "INBOX")
	var many []string
	for i := range idmap.MaxKeywordsOfEmail + 1 {
		many = append(many, fmt.Sprint("k", i))
	}
	_, _, err := a.Backend().Append(t.Context(), inbox, []idmap.Append{{Raw: []byte("x"), Keywords: many}})
	if !errors.Is(err, mailstore.ErrLimit) {
		t.Errorf("too many keywords: %v", err)
	}
	_, _, err = a.Backend().Append(t.Context(), inbox, []idmap.Append{{Raw: []byte("x"), Keywords: []string{strings.Repeat("k", 256)}}})
	if !errors.Is(err, mailstore.ErrInvalidKeyword) {
		t.Errorf("a long keyword: %v", err)
	}
	// A delivery does not fail for its keywords.
	emails, _, err := a.Import(t.Context(), mailstore.Import{
		Raw: []byte("y"), Mailboxes: []mailstore.Filing{{Path: "INBOX", Keywords: append([]string{"no atom", `\Flagged`}, many...)}},
	})
	if err != nil || len(emails[0].Keywords) != idmap.MaxKeywordsOfEmail+1 {
		t.Errorf("import: %d keywords, %v", len(emails[0].Keywords), err)
	}
	wantClean(t, s, "alice")
}

func TestMailboxLimit(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{MaxMailboxes: 8})
	b := openAccount(t, s, "alice").Backend()
	if _, err := b.CreateMailbox(t.Context(), "a/b/c", ""); !errors.Is(err, mailstore.ErrLimit) {
		t.Errorf("a mailbox too many: %v", err)
	}
	if _, err := b.CreateMailbox(t.Context(), "a/b/", ""); err != nil {
		t.Error(err)
	}
	boxes, err := b.Mailboxes(t.Context())
	if err != nil || len(boxes) != 8 {
		t.Errorf("%d mailboxes, %v", len(boxes), err)
	}
}

func TestMoveKeepsTheEmailAndCopyMakesOne(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	b := a.Backend()
	inbox, sent := number(t, a, "INBOX"), number(t, a, "Sent")
	e := importTo(t, a, "x", "INBOX")
	src, dst, _, err := b.Copy(t.Context(), inbox, []imap.UID{1, 7}, inbox)
	if err != nil || len(src) != 1 || dst[0] != 2 {
		t.Fatalf("copy into the same mailbox: %v %v %v", src, dst, err)
	}
	if _, _, err := b.Store(t.Context(), inbox, dst, idmap.FlagChange{Op: idmap.FlagsAdd, Flags: idmap.Flagged}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := b.Move(t.Context(), inbox, []imap.UID{1}, sent); err != nil {
		t.Fatal(err)
	}
	got, err := a.Emails(t.Context(), []mailstore.ID{e.ID})
	if err != nil || len(got) != 1 || len(got[0].Keywords) != 0 || len(got[0].MailboxIDs) != 1 {
		t.Errorf("the moved Email is %+v, %v", got, err)
	}
	before, err := b.Status(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	_, modseq, err := b.Store(t.Context(), inbox, dst, idmap.FlagChange{Op: idmap.FlagsAdd, Flags: idmap.Flagged})
	if err != nil || modseq != before.HighestModSeq {
		t.Errorf("a STORE that changes nothing answers MODSEQ %d, want %d (%v)", modseq, before.HighestModSeq, err)
	}
	if src, _, _, err := b.Move(t.Context(), inbox, nil, sent); err != nil || len(src) != 0 {
		t.Errorf("moving no UIDs moved %v, %v", src, err)
	}
	wantClean(t, s, "alice")
}
