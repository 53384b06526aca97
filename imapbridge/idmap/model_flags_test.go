package idmap

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/sqlite"
)

func (m *model) store(rt *rapid.T) {
	n, b := m.box(rt)
	uids := b.some(rt)
	flags, words := drawFlags(rt)
	f := FlagChange{
		Op: FlagOp(rapid.IntRange(0, 2).Draw(rt, "op")), Flags: flags, Keywords: words,
		Conditional: rapid.Bool().Draw(rt, "conditional"),
	}
	f.UnchangedSince = rapid.Uint64Range(0, m.modseq+1).Draw(rt, "unchangedsince")
	var modified []imap.UID
	seq := m.do(rt, func(c *Change) (err error) { modified, err = c.Store(n, uids, f); return err })

	if slices.Contains(words, "$seen") {
		flags |= Seen
	}
	ids := fold(words)
	before := maps.Clone(b.uids)
	var want []imap.UID
	changed := false
	for _, u := range slices.Compact(slices.Sorted(slices.Values(uids))) {
		p, ok := b.uids[u]
		if !ok {
			continue
		}
		if f.Conditional && before[u].modseq > f.UnchangedSince {
			want = append(want, u)
			continue
		}
		e := m.emails[p.eid]
		nf, nw, nd := e.flags, e.words, p.deleted
		switch f.Op {
		case FlagsReplace:
			nf, nw, nd = flags&^(Deleted|Recent), ids, flags&Deleted != 0
		case FlagsAdd:
			nf, nd = nf|flags&^(Deleted|Recent), nd || flags&Deleted != 0
			nw = slices.Compact(slices.Sorted(slices.Values(slices.Concat(nw, ids))))
		case FlagsRemove:
			nf, nd = nf&^flags, nd && flags&Deleted == 0
			nw = slices.DeleteFunc(slices.Clone(nw), func(w string) bool { return slices.Contains(ids, w) })
		}
		if nf == e.flags && slices.Equal(nw, e.words) {
			if nd != p.deleted {
				b.uids[u] = modelPlace{p.eid, nd, seq}
				changed = true
			}
			continue
		}
		changed = true
		e.flags, e.words = nf, nw
		b.uids[u] = modelPlace{p.eid, nd, seq}
		for _, o := range m.boxes {
			for v, q := range o.uids {
				if q.eid == p.eid {
					o.uids[v] = modelPlace{q.eid, q.deleted, seq}
				}
			}
		}
	}
	if d := cmp.Diff(want, modified, cmpopts.EquateEmpty()); d != "" {
		rt.Fatalf("modified: %s", d)
	}
	if changed != (seq != 0) {
		rt.Fatalf("changed is %v, the MODSEQ taken %d", changed, seq)
	}
}

func (m *model) takeRecent(rt *rapid.T) {
	n, b := m.box(rt)
	var set imap.UIDSet
	seq := m.do(rt, func(c *Change) (err error) { set, err = c.TakeRecent(n); return err })
	if seq != 0 {
		rt.Fatal("taking \\Recent took a MODSEQ")
	}
	var want imap.UIDSet
	for u := range b.uids {
		if u >= b.recent {
			want.AddNum(u)
		}
	}
	if set.String() != want.String() {
		rt.Fatalf("recent is %s, want %s", set, want)
	}
	b.recent = b.next
}

func (m *model) purge(rt *rapid.T) {
	limit := rapid.IntRange(1, 5).Draw(rt, "limit")
	before := m.now.Add(-time.Duration(rapid.IntRange(0, 50).Draw(rt, "age")) * time.Second)
	err := m.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		_, touched, _, err := PurgeVanished(tx, before, limit)
		tx.OnCommit(func() { m.views.Changed(touched) })
		return err
	})
	if err != nil {
		rt.Fatal(err)
	}
	// How far the floor moved is the purge's business; that it tells the truth is ours.
	err = m.db.Read(context.Background(), func(c *sqlite.Conn) error {
		for n, b := range m.boxes {
			var floor uint64
			if err := c.QueryRow(`SELECT vanished_floor FROM mailbox WHERE mb = ?`, n).Scan(&floor); err != nil {
				return err
			}
			if floor < b.floor {
				rt.Fatalf("floor went from %d to %d", b.floor, floor)
			}
			b.floor = floor
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}

// check compares everything with the model.
func (m *model) check(rt *rapid.T) {
	err := m.db.Read(context.Background(), func(c *sqlite.Conn) error {
		problems, err := Check(c)
		if len(problems) > 0 {
			rt.Fatalf("%s", strings.Join(problems, "\n"))
		}
		return err
	})
	if err != nil {
		rt.Fatal(err)
	}
	for n, b := range m.boxes {
		m.checkBox(rt, n, b)
	}
	for _, o := range m.old {
		if d := cmp.Diff(o.entries, o.view.Entries); d != "" {
			rt.Fatalf("a view that was handed out changed: %s", d)
		}
	}
}

func (m *model) checkBox(rt *rapid.T, n int64, b *modelBox) {
	rt.Helper()
	want := Status{UIDNext: b.next}
	entries := []Entry{}
	for _, u := range slices.Sorted(maps.Keys(b.uids)) {
		p := b.uids[u]
		e := m.emails[p.eid]
		f := e.flags
		want.Messages++
		want.Octets += e.size
		if f&Seen == 0 {
			want.Unseen++
		}
		if p.deleted {
			want.Deleted++
			f |= Deleted
		}
		if u >= b.recent {
			want.Recent++
			f |= Recent
		}
		entries = append(entries, Entry{UID: u, Email: p.eid, ModSeq: p.modseq, Size: e.size, Flags: f, Keywords: e.words})
	}
	got := m.status(rt, n)
	want.UIDValidity, want.HighestModSeq = got.UIDValidity, got.HighestModSeq
	if d := cmp.Diff(want, got); d != "" {
		rt.Fatalf("status of %d: %s", n, d)
	}
	if rapid.IntRange(0, 2).Draw(rt, "look") > 0 { // views skip commits too
		v, err := m.views.Get(context.Background(), n)
		if err != nil {
			rt.Fatal(err)
		}
		seen := slices.Clone(v.Entries)
		for i := range seen {
			seen[i].Keywords = fold(seen[i].Keywords)
		}
		if d := cmp.Diff(entries, seen, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("view of %d: %s", n, d)
		}
		if v.HighestModSeq != got.HighestModSeq || v.UIDNext != b.next || v.VanishedFloor != b.floor {
			rt.Fatalf("view is %d %d %d", v.HighestModSeq, v.UIDNext, v.VanishedFloor)
		}
		if len(m.old) < 10 {
			m.old = append(m.old, oldView{v, slices.Clone(v.Entries)})
		}
	}
	m.checkVanished(rt, n, b)
}

func (m *model) checkVanished(rt *rapid.T, n int64, b *modelBox) {
	since := rapid.Uint64Range(0, m.modseq).Draw(rt, "since")
	err := m.db.Read(context.Background(), func(c *sqlite.Conn) error {
		ranges, ok, err := Vanished(c, n, since)
		if err != nil {
			return err
		}
		if ok != (since >= b.floor) {
			rt.Fatalf("vanished since %d is %v, the floor is %d", since, ok, b.floor)
		}
		got := map[imap.UID]uint64{}
		for _, r := range ranges {
			for u := r.First; u <= r.Last; u++ {
				got[u] = r.ModSeq
			}
		}
		want := map[imap.UID]uint64{}
		for u, seq := range b.gone {
			if ok && seq > since {
				want[u] = seq
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("vanished since %d: %s", since, d)
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	if n := imap.UID(len(b.uids) + len(b.gone) + 1); n != b.next {
		rt.Fatalf("%d UIDs live or are gone, %d were given", n-1, b.next-1)
	}
}

func TestModel(t *testing.T) {
	db := openTest(t)
	clean := func(rt *rapid.T) {
		err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
			for _, table := range []string{"mailbox", "content", "email", "uid", "vanished", "keyword"} {
				if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
					return err
				}
			}
			_, err := tx.Exec(`UPDATE account SET modseq = 0`)
			return err
		})
		if err != nil {
			rt.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		clean(rt)
		m := newModel(db)
		m.create(rt)
		step := func(f func(*rapid.T)) func(*rapid.T) {
			return func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "seconds")) * time.Second)
				f(rt)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": step(m.create), "remove": step(m.remove), "add": step(m.add), "add more": step(m.add),
			"place": step(m.place), "copy or move": step(m.copyOrMove), "store": step(m.store), "store more": step(m.store),
			"expunge": step(m.expunge), "recent": step(m.takeRecent), "purge": step(m.purge),
			"": m.check,
		})
	})
}
