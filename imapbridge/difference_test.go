package imapbridge

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// entriesOf makes a list of entries from the UIDs and MODSEQs of a model.
func entriesOf(model map[imap.UID]uint64) []idmap.Entry {
	var out []idmap.Entry
	for uid := imap.UID(1); uid < 40; uid++ {
		if modseq, ok := model[uid]; ok {
			out = append(out, idmap.Entry{UID: uid, ModSeq: modseq, Flags: idmap.Flags(modseq) & 0x1f})
		}
	}
	return out
}

func TestCompareAndMergeAgreeWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uids := rapid.MapOf(rapid.Custom(func(t *rapid.T) imap.UID {
			return imap.UID(rapid.IntRange(1, 30).Draw(t, "uid"))
		}), rapid.Uint64Range(1, 5))
		before, after := uids.Draw(t, "before"), uids.Draw(t, "after")
		old, now := entriesOf(before), entriesOf(after)
		d := compare(old, now)
		gone, changed, fresh := 0, 0, 0
		all := map[imap.UID]uint64{}
		for uid, modseq := range before {
			all[uid] = modseq
			switch other, ok := after[uid]; {
			case !ok:
				gone++
			case other != modseq:
				changed++
			}
		}
		for uid, modseq := range after {
			all[uid] = modseq
			if _, ok := before[uid]; !ok {
				fresh++
			}
		}
		if len(d.gone) != gone || len(d.changed) != changed || d.fresh != fresh {
			t.Fatalf("got %+v, want %d gone, %d changed, %d fresh", d, gone, changed, fresh)
		}
		if diff := cmp.Diff(entriesOf(all), merge(old, now, d)); diff != "" && len(all) > 0 {
			t.Fatal(diff)
		}
	})
}

func TestSessionsShareADifference(t *testing.T) {
	var ds differences
	views := make([]*idmap.View, differencesMax+2)
	for i := range views {
		views[i] = &idmap.View{Entries: []idmap.Entry{{UID: imap.UID(i + 1)}}}
	}
	var wg sync.WaitGroup
	got := make([]*difference, 50)
	for i := range got {
		wg.Go(func() { got[i] = ds.between(views[0], views[1]) })
	}
	wg.Wait()
	for _, d := range got {
		if d != got[0] || len(d.gone) != 1 || d.fresh != 1 {
			t.Fatalf("got %+v and %+v", d, got[0])
		}
	}
	for i := range len(views) - 1 {
		ds.between(views[i], views[i+1])
	}
	if len(ds.known) != differencesMax || len(ds.order) != differencesMax {
		t.Errorf("keeps %d differences", len(ds.known))
	}
}

func TestALostMessageDoesNotHideTheOthers(t *testing.T) {
	m := newMemory()
	msgs := []idmap.Append{{Raw: []byte("Subject: one\r\n\r\n")}, {Raw: []byte("Subject: two\r\n\r\n")}}
	if _, _, err := m.Append(t.Context(), 1, msgs); err != nil {
		t.Fatal(err)
	}
	for _, e := range m.emails {
		if string(m.blobs[e.BlobID]) == string(msgs[0].Raw) {
			delete(m.blobs, e.BlobID)
		}
	}
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	c.send("c FETCH 1:2 BODY.PEEK[]\r\nd SEARCH SUBJECT t\r\n")
	for _, want := range []string{"* 2 FETCH", "c NO [SERVERBUG]", "* SEARCH 2", "d OK"} {
		if got := c.line(); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestWireFormsThatWereNotKeptAreMadeAnew(t *testing.T) {
	m := newMemory()
	if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: []byte("Subject: one\r\n\r\n")}}); err != nil {
		t.Fatal(err)
	}
	for row, e := range m.emails {
		e.Envelope, e.BodyStructure, e.Body = nil, nil, nil
		m.emails[row] = e
	}
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	c.send("c FETCH 1 (ENVELOPE BODY)\r\n")
	if got := c.line(); !strings.HasPrefix(got, `* 1 FETCH (ENVELOPE (NIL "one" `) || !strings.Contains(got, ` BODY ("text" `) {
		t.Error(got)
	}
	m.mu.Lock()
	m.fail = func(call string) error {
		if call == "emails" {
			return errors.New("no")
		}
		return nil
	}
	m.mu.Unlock()
	if got := c.do("d", "FETCH 1 ENVELOPE"); got != "d NO [SERVERBUG] server error" {
		t.Error(got)
	}
}
