package idmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/sqlite"
)

// commit runs fn as one commit.
func commit(t testing.TB, db *sqlite.DB, now time.Time, fn func(*Change) error) (r Result, err error) {
	t.Helper()
	err = db.Write(context.Background(), func(tx *sqlite.Tx) error {
		c := NewChange(tx, now)
		if err := fn(c); err != nil {
			return err
		}
		var err error
		r, err = c.Finish()
		return err
	})
	return r, err
}

func mustCommit(t testing.TB, db *sqlite.DB, fn func(*Change) error) Result {
	t.Helper()
	r, err := commit(t, db, time.Unix(1000, 0), fn)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mailboxWith makes a mailbox with n messages.
func mailboxWith(t testing.TB, db *sqlite.DB, path string, n int) (mb int64) {
	t.Helper()
	mustCommit(t, db, func(c *Change) error {
		m, err := c.CreateMailbox("id of "+path, path, "")
		if err != nil {
			return err
		}
		mb = m.Number
		for i := range n {
			cid, err := c.AddContent(Content{BlobID: fmt.Sprint(path, i), Size: 10})
			if err != nil {
				return err
			}
			if _, _, err := c.Add(mb, NewEmail{ID: fmt.Sprint("email ", path, i), Content: cid}); err != nil {
				return err
			}
		}
		return nil
	})
	return mb
}

func TestOneCommitTakesOneModSeqAndTellsEachObjectOnce(t *testing.T) {
	db := openTest(t)
	a, b := mailboxWith(t, db, "a", 3), mailboxWith(t, db, "b", 0)
	r := mustCommit(t, db, func(c *Change) error {
		if _, err := c.Store(a, []imap.UID{1, 2}, FlagChange{Op: FlagsAdd, Flags: Seen | Deleted}); err != nil {
			return err
		}
		if _, _, err := c.Move(a, []imap.UID{1}, b); err != nil {
			return err
		}
		_, err := c.Expunge(a, nil)
		return err
	})
	want := Result{
		ModSeq: 3, Touched: []int64{a, b},
		Emails:    []Event{{"email a0", Updated}, {"email a1", Destroyed}},
		Mailboxes: []Event{{"id of a", Updated}, {"id of b", Updated}},
	}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	err := db.Read(t.Context(), func(c *sqlite.Conn) error {
		ranges, ok, err := Vanished(c, a, 0)
		if d := cmp.Diff([]Range{{1, 2, 3}}, ranges); d != "" || !ok {
			t.Errorf("one run is not one range: %s", d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingChangedTakesNoModSeq(t *testing.T) {
	db := openTest(t)
	mb := mailboxWith(t, db, "a", 2)
	for name, fn := range map[string]func(*Change) error{
		"STORE of flags that are there": func(c *Change) error {
			_, err := c.Store(mb, []imap.UID{1}, FlagChange{Op: FlagsRemove, Flags: Seen, Keywords: []string{"unknown"}})
			return err
		},
		"STORE of UIDs that are not there": func(c *Change) error {
			_, err := c.Store(mb, []imap.UID{7}, FlagChange{Op: FlagsAdd, Flags: Seen})
			return err
		},
		"STORE of \\Recent": func(c *Change) error {
			_, err := c.Store(mb, []imap.UID{1}, FlagChange{Op: FlagsAdd, Flags: Recent})
			return err
		},
		"EXPUNGE of nothing": func(c *Change) error { _, err := c.Expunge(mb, nil); return err },
		"COPY of nothing":    func(c *Change) error { _, _, err := c.Copy(mb, []imap.UID{9}, mb, nil); return err },
	} {
		if r := mustCommit(t, db, fn); r.ModSeq != 0 || len(r.Touched) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestConditionalStore(t *testing.T) {
	db := openTest(t)
	mb := mailboxWith(t, db, "a", 3) // MODSEQ 1
	mustCommit(t, db, func(c *Change) error {
		_, err := c.Store(mb, []imap.UID{2}, FlagChange{Op: FlagsAdd, Flags: Seen}) // 2
		return err
	})
	for _, tt := range []struct {
		since uint64
		want  []imap.UID
	}{{2, nil}, {1, []imap.UID{2}}, {0, []imap.UID{1, 2, 3}}} {
		var got []imap.UID
		_, err := commit(t, db, time.Unix(1, 0), func(c *Change) (err error) {
			got, err = c.Store(mb, []imap.UID{3, 2, 1}, FlagChange{Op: FlagsAdd, Flags: Flagged, Conditional: true, UnchangedSince: tt.since})
			if err == nil {
				err = errors.New("look, but do not keep")
			}
			return err
		})
		if d := cmp.Diff(tt.want, got); d != "" || err == nil {
			t.Errorf("since %d: %s %v", tt.since, d, err)
		}
	}
}

func TestLastUIDIsAnError(t *testing.T) {
	db := openTest(t)
	mb := mailboxWith(t, db, "a", 1)
	mustCommit(t, db, func(c *Change) error {
		b, err := c.box(mb)
		b.uidnext, b.dirty = math.MaxUint32-1, true
		return err
	})
	_, err := commit(t, db, time.Unix(1, 0), func(c *Change) error {
		_, dst, err := c.Copy(mb, []imap.UID{1}, mb, func() string { return "one more" })
		if err == nil && dst[0] != math.MaxUint32-1 {
			t.Errorf("UID is %d", dst[0])
		}
		if err == nil {
			_, _, err = c.Copy(mb, []imap.UID{1}, mb, func() string { return "one too many" })
		}
		return err
	})
	if !errors.Is(err, ErrFull) {
		t.Errorf("error is %v", err)
	}
}

func TestUIDValidityFollowsTheClock(t *testing.T) {
	db := openTest(t)
	var last uint32
	for i, tt := range []struct {
		now  int64
		want uint32
	}{{1000, 1000}, {1000, 1001}, {500, 1002}, {2000, 2000}, {1 << 40, math.MaxUint32}} {
		var s Status
		_, err := commit(t, db, time.Unix(tt.now, 0), func(c *Change) error {
			m, err := c.CreateMailbox(fmt.Sprint(i), fmt.Sprint(i), "")
			if err == nil {
				s, err = ReadStatus(c.tx.Conn, m.Number)
			}
			return err
		})
		if err != nil || s.UIDValidity != tt.want || s.UIDValidity <= last {
			t.Errorf("at %d it is %d behind %d, want %d (%v)", tt.now, s.UIDValidity, last, tt.want, err)
		}
		last = s.UIDValidity
	}
	if _, err := commit(t, db, time.Unix(1, 0), func(c *Change) error { _, err := c.CreateMailbox("x", "x", ""); return err }); err == nil {
		t.Error("a UIDVALIDITY above 32 bits was given")
	}
}

func TestListIsInOrder(t *testing.T) {
	db := openTest(t)
	for _, p := range []string{"b", "INBOX/z", "a b", "a/b", "a", "INBOX", "B", "INBOXES"} {
		mailboxWith(t, db, p, 0)
	}
	var got []string
	err := db.Read(t.Context(), func(c *sqlite.Conn) error {
		list, err := List(c)
		for _, l := range list {
			got = append(got, l.Path)
		}
		return err
	})
	if d := cmp.Diff([]string{"INBOX", "INBOX/z", "B", "INBOXES", "a", "a/b", "a b", "b"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestUpstreamStatesMoveWithTheChange(t *testing.T) {
	db := openTest(t)
	_, err := commit(t, db, time.Unix(1, 0), func(c *Change) error {
		if err := c.SetStates("e1", "m1"); err != nil {
			return err
		}
		return errors.New("undone")
	})
	if err == nil {
		t.Fatal("no error")
	}
	states := func() (e, m string) {
		if err := db.Read(t.Context(), func(c *sqlite.Conn) (err error) { e, m, err = States(c); return err }); err != nil {
			t.Fatal(err)
		}
		return e, m
	}
	if e, m := states(); e != "" || m != "" {
		t.Errorf("states are %q, %q", e, m)
	}
	mustCommit(t, db, func(c *Change) error { return c.SetStates("e2", "m2") })
	if e, m := states(); e != "e2" || m != "m2" {
		t.Errorf("states are %q, %q", e, m)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, harm := range []string{
		`UPDATE mailbox SET unseen = unseen + 1`,
		`UPDATE mailbox SET uidnext = 1`,
		`UPDATE mailbox SET highestmodseq = 0`,
		`UPDATE account SET modseq = 0`,
		`UPDATE account SET uidvalidity = 0`,
		`INSERT INTO vanished VALUES (1, 1, 1, 2, 0)`,
		`INSERT INTO vanished VALUES (1, 1, 7, 9, 0), (1, 2, 9, 9, 0)`,
		`INSERT INTO vanished VALUES (9, 1, 7, 9, 0)`,
		`UPDATE uid SET flags = 3 WHERE uid = 1`,
		`DELETE FROM uid WHERE uid = 1`,
		`DELETE FROM email WHERE eid = 1`,
		`DELETE FROM content WHERE cid = 1`,
		`UPDATE content SET dead = 1`,
		`INSERT INTO content (blob, size, envelope, bodystructure, body) VALUES ('b', 1, '', '', '')`,
		`UPDATE email SET kwset = x'07'`,
	} {
		t.Run(harm, func(t *testing.T) {
			db := openTest(t)
			mailboxWith(t, db, "a", 3)
			check := func() (problems []string) {
				if err := db.Read(t.Context(), func(c *sqlite.Conn) (err error) { problems, err = Check(c); return err }); err != nil {
					t.Fatal(err)
				}
				return problems
			}
			if p := check(); len(p) > 0 {
				t.Fatal(p)
			}
			err := db.Write(t.Context(), func(tx *sqlite.Tx) error { _, err := tx.Exec(harm); return err })
			if err != nil {
				t.Fatal(err)
			}
			if p := check(); len(p) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}

func TestKeywords(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": true, "$Forwarded": true, `\Seen`: false, "a b": false, "a(b": false, "a%": false, `a"`: false, "ä": false,
		"a]": false, "a}": true, "\x7f": false, strings.Repeat("k", MaxKeyword): true, strings.Repeat("k", MaxKeyword+1): false,
	} {
		if got := ValidKeyword(name); got != want {
			t.Errorf("%.20q is valid: %v, want %v", name, got, want)
		}
	}
	flags, rest := SplitKeywords([]string{"$SEEN", "x", "$draft", "$answeredx"})
	if flags != Seen|Draft || !slices.Equal(rest, []string{"x", "$answeredx"}) {
		t.Errorf("split is %v, %v", flags, rest)
	}
	if got := JoinKeywords(Seen|Deleted|Flagged, []string{"Zeta", "$A"}); !slices.Equal(got, []string{"$a", "$flagged", "$seen", "zeta"}) {
		t.Errorf("joined is %v", got)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 2, 0x80})
	f.Add(binary.AppendUvarint(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, set []byte) {
		ids := unpack(set)
		if len(ids) > MaxKeywordsOfEmail {
			return
		}
		again, err := pack(slices.Clone(ids))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		if got := unpack([]byte(again)); !slices.Equal(got, slices.Compact(ids)) {
			t.Errorf("%v became %v", ids, got)
		}
	})
}
