package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-mail/sluice/mailstore"
)

func changes(t *testing.T, s mailstore.Store) {
	ctx := t.Context()
	a := account(t, s, "alice")
	_, start := byPath(t, a)
	same, err := a.EmailChanges(ctx, start, 0)
	if err != nil || same.New != start || same.More {
		t.Fatalf("nothing happened, yet %+v, %v", same, err)
	}
	m, err := a.CreateMailbox(ctx, "Short", "")
	if err != nil {
		t.Fatal(err)
	}
	kept, gone := file(t, a, "kept", "INBOX"), file(t, a, "gone", "Short")
	_, middle := byPath(t, a)
	if err := a.DeleteMailbox(ctx, m.ID); err != nil {
		t.Fatal(err)
	}
	boxes, end := byPath(t, a)

	tests := []struct {
		name  string
		since mailstore.State
		email bool
		want  mailstore.Changes
	}{
		{"Emails made and destroyed in between are not told", start, true, mailstore.Changes{Created: []mailstore.ID{kept.ID}}},
		{"an Email destroyed after the state is", middle, true, mailstore.Changes{Destroyed: []mailstore.ID{gone.ID}}},
		{"a mailbox that got mail is updated", start, false, mailstore.Changes{Updated: []mailstore.ID{boxes["INBOX"].ID}}},
		{"a mailbox that was deleted is destroyed", middle, false, mailstore.Changes{Destroyed: []mailstore.ID{m.ID}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			get := a.MailboxChanges
			if tt.email {
				get = a.EmailChanges
			}
			got, err := get(ctx, tt.since, 0)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Old, tt.want.New = tt.since, end
			if d := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func pages(t *testing.T, s mailstore.Store) {
	ctx := t.Context()
	a := account(t, s, "alice")
	_, st := byPath(t, a)
	var want []mailstore.ID
	for i := range 5 {
		// Two Emails in one commit: a page may end between them.
		emails, _, err := a.Import(ctx, mailstore.Import{
			Raw: fmt.Append(nil, i), Mailboxes: []mailstore.Filing{{Path: "INBOX"}, {Path: "Archive"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, emails[0].ID, emails[1].ID)
	}
	var got []mailstore.ID
	for range 20 {
		ch, err := a.EmailChanges(ctx, st, 3)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(ch.Created) + len(ch.Updated) + len(ch.Destroyed); n > 3 {
			t.Errorf("a page of 3 has %d ids", n)
		}
		got = append(got, ch.Created...)
		st = ch.New
		if !ch.More {
			break
		}
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); d != "" {
		t.Error(d)
	}
	if _, now := byPath(t, a); st != now {
		t.Errorf("the last page leads to %s, not %s", st, now)
	}
}

func strangeStates(t *testing.T, s mailstore.Store) {
	a := account(t, s, "alice")
	for _, st := range []mailstore.State{"", "x", "-1", "999999999", "99999999999999999999999", "1.0", "01", "1.x"} {
		if _, err := a.EmailChanges(t.Context(), st, 0); !errors.Is(err, mailstore.ErrCannotCalculateChanges) {
			t.Errorf("%q: %v", st, err)
		}
	}
}
