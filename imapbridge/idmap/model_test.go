package idmap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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

// model is the mailboxes as brute force has them.
type model struct {
	db     *sqlite.DB
	views  *Views
	now    time.Time
	ids    int
	modseq uint64 // the last one seen
	valid  map[uint32]bool
	boxes  map[int64]*modelBox
	emails map[int64]*modelEmail
	old    []oldView
}

type modelBox struct {
	next   imap.UID
	uids   map[imap.UID]modelPlace
	gone   map[imap.UID]uint64 // with the MODSEQ of the removal
	floor  uint64
	recent imap.UID
}

type modelPlace struct {
	eid     int64
	deleted bool
	modseq  uint64
}

type modelEmail struct {
	flags Flags
	words []string
	size  int64
}

// oldView is a view that some session still holds, and what it showed.
type oldView struct {
	view    *View
	entries []Entry
}

func openTest(t testing.TB) *sqlite.DB {
	t.Helper()
	dir := t.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "idmap"); err == nil { // memory, where there is some
		dir = shm
		t.Cleanup(func() {
			if err := os.RemoveAll(shm); err != nil {
				t.Error(err)
			}
		})
	}
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "test.db"), sqlite.Options{Schema: []string{Schema}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newModel(db *sqlite.DB) *model {
	return &model{
		db: db, views: NewViews(db), now: time.Unix(1_000_000, 0),
		valid: map[uint32]bool{}, boxes: map[int64]*modelBox{}, emails: map[int64]*modelEmail{},
	}
}

// do runs fn as one commit and checks what holds for every commit.
func (m *model) do(rt *rapid.T, fn func(*Change) error) uint64 {
	rt.Helper()
	var r Result
	err := m.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		c := NewChange(tx, m.now)
		if err := fn(c); err != nil {
			return err
		}
		var err error
		r, err = c.Finish()
		tx.OnCommit(func() { m.views.Changed(r.Touched) })
		return err
	})
	if err != nil {
		rt.Fatal(err)
	}
	if r.ModSeq != 0 && r.ModSeq <= m.modseq {
		rt.Fatalf("MODSEQ %d behind %d", r.ModSeq, m.modseq)
	}
	m.modseq = max(m.modseq, r.ModSeq)
	return r.ModSeq
}

func (m *model) newID() string {
	m.ids++
	return fmt.Sprint("id", m.ids)
}

func (m *model) box(rt *rapid.T) (int64, *modelBox) {
	n := rapid.SampledFrom(slices.Sorted(maps.Keys(m.boxes))).Draw(rt, "mailbox")
	return n, m.boxes[n]
}

// some draws UIDs of a mailbox, among them some that are gone or were never given.
func (b *modelBox) some(rt *rapid.T) []imap.UID {
	if b.next > 1 && rapid.Bool().Draw(rt, "run of UIDs") {
		lo := rapid.Uint32Range(1, uint32(b.next)).Draw(rt, "lo")
		hi := rapid.Uint32Range(lo, min(lo+5, uint32(b.next)+1)).Draw(rt, "hi")
		var out []imap.UID
		for u := lo; u <= hi; u++ {
			out = append(out, imap.UID(u))
		}
		return out
	}
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) imap.UID {
		return imap.UID(rapid.Uint32Range(1, uint32(b.next)+1).Draw(rt, "uid"))
	}), 0, 6).Draw(rt, "uids")
}

func (m *model) create(rt *rapid.T) {
	if len(m.boxes) >= 4 {
		return
	}
	var b Mailbox
	m.do(rt, func(c *Change) (err error) {
		b, err = c.CreateMailbox(m.newID(), m.newID(), "")
		return err
	})
	if m.boxes[b.Number] != nil {
		rt.Fatalf("mailbox number %d twice", b.Number)
	}
	m.boxes[b.Number] = &modelBox{next: 1, uids: map[imap.UID]modelPlace{}, gone: map[imap.UID]uint64{}, recent: 1}
	s := m.status(rt, b.Number)
	if m.valid[s.UIDValidity] {
		rt.Fatalf("UIDVALIDITY %d twice", s.UIDValidity)
	}
	m.valid[s.UIDValidity] = true
}

func (m *model) remove(rt *rapid.T) {
	n, b := m.box(rt)
	if len(m.boxes) < 2 {
		return
	}
	m.do(rt, func(c *Change) error { return c.RemoveMailbox(n) })
	delete(m.boxes, n)
	for _, p := range b.uids {
		m.orphan(p.eid)
	}
	if _, err := m.views.Get(context.Background(), n); !errors.Is(err, ErrNotFound) {
		rt.Fatalf("view of a removed mailbox: %v", err)
	}
}

// orphan forgets an Email that is nowhere any more.
func (m *model) orphan(eid int64) {
	for _, b := range m.boxes {
		for _, p := range b.uids {
			if p.eid == eid {
				return
			}
		}
	}
	delete(m.emails, eid)
}

func (m *model) status(rt *rapid.T, n int64) (s Status) {
	if err := m.db.Read(context.Background(), func(c *sqlite.Conn) (err error) { s, err = ReadStatus(c, n); return err }); err != nil {
		rt.Fatal(err)
	}
	return s
}

func drawFlags(rt *rapid.T) (Flags, []string) {
	f := Flags(rapid.Uint8Range(0, 63).Draw(rt, "flags"))
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"$Forwarded", "work", "Work", "x", "$seen"}), 0, 3).Draw(rt, "keywords")
	return f, words
}

// fold is what a set of keywords comes to: the first spelling ever used counts.
func fold(words []string) []string {
	first := map[string]string{}
	for _, w := range words {
		if k := strings.ToLower(w); k != "$seen" {
			first[k] = k
		}
	}
	return slices.Sorted(maps.Values(first))
}

func (m *model) give(rt *rapid.T, b *modelBox, uid imap.UID, p modelPlace) {
	if uid != b.next {
		rt.Fatalf("UID %d was given, want %d", uid, b.next)
	}
	b.next++
	b.uids[uid] = p
}

func (m *model) add(rt *rapid.T) {
	n, b := m.box(rt)
	flags, words := drawFlags(rt)
	size := rapid.Int64Range(0, 1000).Draw(rt, "size")
	var uid imap.UID
	var eid int64
	seq := m.do(rt, func(c *Change) error {
		cid, err := c.AddContent(Content{BlobID: m.newID(), Size: size})
		if err != nil {
			return err
		}
		uid, eid, err = c.Add(n, NewEmail{ID: m.newID(), Content: cid, Received: m.now, Flags: flags, Keywords: words})
		return err
	})
	if slices.Contains(words, "$seen") {
		flags |= Seen
	}
	m.emails[eid] = &modelEmail{flags: flags &^ (Deleted | Recent), words: fold(words), size: size}
	m.give(rt, b, uid, modelPlace{eid, flags&Deleted != 0, seq})
}

func (m *model) place(rt *rapid.T) {
	if len(m.emails) == 0 {
		return
	}
	n, b := m.box(rt)
	eid := rapid.SampledFrom(slices.Sorted(maps.Keys(m.emails))).Draw(rt, "email")
	var uid imap.UID
	seq := m.do(rt, func(c *Change) (err error) { uid, err = c.Place(n, eid); return err })
	m.give(rt, b, uid, modelPlace{eid, false, seq})
}

func (m *model) copyOrMove(rt *rapid.T) {
	from, a := m.box(rt)
	to, b := m.box(rt)
	uids := a.some(rt)
	move := rapid.Bool().Draw(rt, "move")
	var src, dst []imap.UID
	var eids []int64
	seq := m.do(rt, func(c *Change) (err error) {
		if move {
			src, dst, err = c.Move(from, uids, to)
			return err
		}
		src, dst, err = c.Copy(from, uids, to, m.newID)
		if err != nil {
			return err
		}
		for _, u := range dst {
			rows, err := c.pick(to, []imap.UID{u})
			if err != nil {
				return err
			}
			eids = append(eids, rows[0].eid)
		}
		return nil
	})
	var want []imap.UID
	for _, u := range slices.Compact(slices.Sorted(slices.Values(uids))) {
		if _, ok := a.uids[u]; ok {
			want = append(want, u)
		}
	}
	if d := cmp.Diff(want, src, cmpopts.EquateEmpty()); d != "" {
		rt.Fatal(d)
	}
	if len(src) != len(dst) {
		rt.Fatalf("%d source and %d target UIDs", len(src), len(dst))
	}
	for i, u := range src {
		p := a.uids[u]
		if move {
			delete(a.uids, u)
			a.gone[u] = seq
			m.give(rt, b, dst[i], modelPlace{p.eid, p.deleted, seq})
			continue
		}
		e := *m.emails[p.eid]
		m.emails[eids[i]] = &e
		m.give(rt, b, dst[i], modelPlace{eids[i], p.deleted, seq})
	}
}

func (m *model) expunge(rt *rapid.T) {
	n, b := m.box(rt)
	all := rapid.Bool().Draw(rt, "all")
	var uids, got []imap.UID
	if !all {
		uids = append([]imap.UID{}, b.some(rt)...)
	}
	seq := m.do(rt, func(c *Change) (err error) { got, err = c.Expunge(n, uids); return err })
	var want []imap.UID
	for _, u := range slices.Sorted(maps.Keys(b.uids)) {
		if b.uids[u].deleted && (all || slices.Contains(uids, u)) {
			want = append(want, u)
		}
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		rt.Fatal(d)
	}
	for _, u := range got {
		eid := b.uids[u].eid
		delete(b.uids, u)
		b.gone[u] = seq
		m.orphan(eid)
	}
}
