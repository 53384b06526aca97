package imapbridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
)

// memory is a Backend without a disk. fail, if set, is asked before each call.
type memory struct {
	mu         sync.Mutex
	fail       func(call string) error
	modseq     uint64
	row        int64
	boxes      []*memoryBox
	emails     map[int64]idmap.Email
	blobs      map[string][]byte
	subscribed map[string]bool
	watchers   map[chan struct{}]int64
}

type memoryBox struct {
	idmap.Mailbox
	view     *idmap.View
	told     imap.UID // UIDs below it were told as \Recent
	vanished []idmap.Range
}

var _ Backend = (*memory)(nil)

// newMemory returns an account with the usual mailboxes.
func newMemory() *memory {
	m := &memory{
		emails: map[int64]idmap.Email{}, blobs: map[string][]byte{}, subscribed: map[string]bool{},
		watchers: map[chan struct{}]int64{},
	}
	for _, path := range []string{"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"} {
		if _, err := m.CreateMailbox(context.Background(), path, strings.ToLower(path)); err != nil {
			panic(err)
		}
		m.subscribed[path] = true
	}
	return m
}

// enter locks the account, unless the call is to fail.
func (m *memory) enter(call string) (leave func(), err error) {
	if m.fail != nil {
		if err := m.fail(call); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func (m *memory) box(number int64) (*memoryBox, error) {
	for _, b := range m.boxes {
		if b.Number == number {
			return b, nil
		}
	}
	return nil, mailstore.ErrNotFound
}

func (m *memory) find(path string) *memoryBox {
	for _, b := range m.boxes {
		if b.Path == path {
			return b
		}
	}
	return nil
}

// change gives a box its next view and tells the watchers.
func (m *memory) change(b *memoryBox, entries []idmap.Entry, next imap.UID) uint64 {
	b.view = &idmap.View{
		Mailbox: b.Number, UIDValidity: b.view.UIDValidity, UIDNext: next, HighestModSeq: m.modseq, Entries: entries,
	}
	for ch, n := range m.watchers {
		if n == b.Number {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
	return m.modseq
}

func (m *memory) Mailboxes(context.Context) ([]idmap.Mailbox, error) {
	leave, err := m.enter("mailboxes")
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []idmap.Mailbox
	for _, b := range m.boxes {
		mb := b.Mailbox
		mb.Subscribed = m.subscribed[mb.Path]
		out = append(out, mb)
	}
	slices.SortFunc(out, func(a, b idmap.Mailbox) int { return strings.Compare(inboxFirst(a.Path), inboxFirst(b.Path)) })
	return out, nil
}

// inboxFirst makes paths sort level by level, INBOX before all.
func inboxFirst(path string) string {
	if path == "INBOX" || strings.HasPrefix(path, "INBOX/") {
		path = "\x00" + path
	}
	return strings.ReplaceAll(path, "/", "\x01")
}

func (m *memory) CreateMailbox(_ context.Context, path, role string) (idmap.Mailbox, error) {
	leave, err := m.enter("create")
	if err != nil {
		return idmap.Mailbox{}, err
	}
	defer leave()
	return m.create(path, role)
}

func (m *memory) create(path, role string) (idmap.Mailbox, error) {
	switch {
	case path == "" || strings.Contains(path, "//"):
		return idmap.Mailbox{}, mailstore.ErrInvalidName
	case m.find(path) != nil:
		return idmap.Mailbox{}, mailstore.ErrExists
	}
	if i := strings.LastIndex(path, "/"); i > 0 && m.find(path[:i]) == nil {
		if _, err := m.create(path[:i], ""); err != nil {
			return idmap.Mailbox{}, err
		}
	}
	m.row++
	m.modseq++
	b := &memoryBox{Mailbox: idmap.Mailbox{Number: m.row, ID: fmt.Sprint("m", m.row), Path: path, Role: role}, told: 1}
	b.view = &idmap.View{Mailbox: m.row, UIDValidity: 1000 + uint32(m.row), UIDNext: 1, HighestModSeq: m.modseq}
	m.boxes = append(m.boxes, b)
	return b.Mailbox, nil
}

func (m *memory) RenameMailbox(ctx context.Context, from, to string) error {
	leave, err := m.enter("rename")
	if err != nil {
		return err
	}
	defer leave()
	b := m.find(from)
	switch {
	case b == nil:
		return mailstore.ErrNotFound
	case m.find(to) != nil:
		return mailstore.ErrExists
	case strings.HasPrefix(to, from+"/") && from != "INBOX":
		return mailstore.ErrInvalidName
	}
	if from == "INBOX" {
		n, err := m.create(to, "")
		if err != nil {
			return err
		}
		var all []imap.UID
		for _, e := range b.view.Entries {
			all = append(all, e.UID)
		}
		_, _ = m.copy(b, all, m.find(n.Path))
		m.modseq++
		m.change(b, nil, b.view.UIDNext)
		return nil
	}
	if i := strings.LastIndex(to, "/"); i > 0 && m.find(to[:i]) == nil {
		if _, err := m.create(to[:i], ""); err != nil {
			return err
		}
	}
	for _, b := range m.boxes {
		if b.Path == from || strings.HasPrefix(b.Path, from+"/") {
			b.Path = to + b.Path[len(from):]
		}
	}
	return nil
}

func (m *memory) DeleteMailbox(_ context.Context, path string) error {
	leave, err := m.enter("delete")
	if err != nil {
		return err
	}
	defer leave()
	if path == "INBOX" {
		return mailstore.ErrForbidden
	}
	for _, b := range m.boxes {
		if strings.HasPrefix(b.Path, path+"/") {
			return mailstore.ErrHasChild
		}
	}
	b := m.find(path)
	if b == nil {
		return mailstore.ErrNotFound
	}
	m.boxes = slices.DeleteFunc(m.boxes, func(o *memoryBox) bool { return o == b })
	m.change(b, nil, b.view.UIDNext)
	return nil
}

func (m *memory) SetSubscribed(_ context.Context, path string, subscribed bool) error {
	leave, err := m.enter("subscribe")
	if err != nil {
		return err
	}
	defer leave()
	delete(m.subscribed, path)
	if subscribed {
		m.subscribed[path] = true
	}
	return nil
}

func (m *memory) Subscriptions(context.Context) ([]string, error) {
	leave, err := m.enter("subscriptions")
	if err != nil {
		return nil, err
	}
	defer leave()
	out := sortedNames(m.subscribed)
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(inboxFirst(a), inboxFirst(b)) })
	return out, nil
}

func (m *memory) Status(_ context.Context, mailbox int64) (st idmap.Status, err error) {
	leave, err := m.enter("status")
	if err != nil {
		return st, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return st, err
	}
	st = idmap.Status{UIDValidity: b.view.UIDValidity, UIDNext: b.view.UIDNext, HighestModSeq: b.view.HighestModSeq}
	for _, e := range b.view.Entries {
		st.Messages++
		st.Octets += e.Size
		if e.Flags&idmap.Seen == 0 {
			st.Unseen++
		}
		if e.Flags&idmap.Deleted != 0 {
			st.Deleted++
		}
		if e.UID >= b.told {
			st.Recent++
		}
	}
	return st, nil
}

func (m *memory) View(_ context.Context, mailbox int64) (*idmap.View, error) {
	leave, err := m.enter("view")
	if err != nil {
		return nil, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, err
	}
	return b.view, nil
}

func (m *memory) TakeRecent(_ context.Context, mailbox int64) (set imap.UIDSet, err error) {
	leave, err := m.enter("recent")
	if err != nil {
		return nil, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, err
	}
	entries := slices.Clone(b.view.Entries)
	for i := range entries {
		if entries[i].UID >= b.told {
			set.AddNum(entries[i].UID)
			entries[i].Flags &^= idmap.Recent
		}
	}
	b.told = b.view.UIDNext
	next := *b.view
	next.Entries = entries
	b.view = &next
	return set, nil
}

func (m *memory) Watch(mailbox int64) (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan struct{}, 1)
	m.watchers[ch] = mailbox
	return ch, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, ch)
	}
}

func (m *memory) Emails(_ context.Context, rows []int64) ([]idmap.Email, error) {
	leave, err := m.enter("emails")
	if err != nil {
		return nil, err
	}
	defer leave()
	out := make([]idmap.Email, len(rows))
	for i, row := range rows {
		out[i] = m.emails[row]
	}
	return out, nil
}

func (m *memory) Blob(_ context.Context, id string) ([]byte, error) {
	leave, err := m.enter("blob")
	if err != nil {
		return nil, err
	}
	defer leave()
	raw, ok := m.blobs[id]
	if !ok {
		return nil, mailstore.ErrNotFound
	}
	return raw, nil
}

func (m *memory) Append(_ context.Context, mailbox int64, msgs []idmap.Append) (uids []imap.UID, modseq uint64, err error) {
	leave, err := m.enter("append")
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, 0, err
	}
	m.modseq++
	entries, next := slices.Clip(b.view.Entries), b.view.UIDNext
	for _, a := range msgs {
		if a.Received.IsZero() {
			a.Received = time.Now()
		}
		m.row++
		e := idmap.Email{Row: m.row, ID: fmt.Sprint("e", m.row), BlobID: fmt.Sprint("b", m.row), Size: int64(len(a.Raw)), Received: a.Received}
		e.Envelope, e.BodyStructure, e.Body = Describe(mail.New(a.Raw))
		m.emails[e.Row], m.blobs[e.BlobID] = e, a.Raw
		entries = append(entries, idmap.Entry{
			UID: next, Email: e.Row, ModSeq: m.modseq, Size: e.Size,
			Flags: a.Flags | idmap.Recent, Keywords: a.Keywords,
		})
		uids = append(uids, next)
		next++
	}
	return uids, m.change(b, entries, next), nil
}

// copy gives each message a new Email on the same blob.
func (m *memory) copy(from *memoryBox, uids []imap.UID, to *memoryBox) (src, dst []imap.UID) {
	m.modseq++
	source := from.view.Entries
	entries, next := slices.Clip(to.view.Entries), to.view.UIDNext
	for _, uid := range uids {
		i, ok := findUID(source, uid)
		if !ok {
			continue
		}
		e := source[i]
		email := m.emails[e.Email]
		m.row++
		email.Row = m.row
		m.emails[m.row] = email
		e.Email, e.UID, e.ModSeq = m.row, next, m.modseq
		e.Flags |= idmap.Recent
		entries = append(entries, e)
		src, dst = append(src, uid), append(dst, next)
		next++
	}
	m.change(to, entries, next)
	return src, dst
}

func (m *memory) Copy(_ context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error) {
	leave, err := m.enter("copy")
	if err != nil {
		return nil, nil, 0, err
	}
	defer leave()
	f, err := m.box(from)
	if err != nil {
		return nil, nil, 0, err
	}
	t, err := m.box(to)
	if err != nil {
		return nil, nil, 0, err
	}
	src, dst = m.copy(f, uids, t)
	return src, dst, m.modseq, nil
}

func (m *memory) Move(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error) {
	if src, dst, _, err = m.Copy(ctx, from, uids, to); err != nil {
		return nil, nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.box(from)
	if err != nil {
		return nil, nil, 0, err
	}
	_, modseq = m.remove(b, func(e idmap.Entry) bool { return slices.Contains(src, e.UID) })
	return src, dst, modseq, nil
}

// remove takes entries out of a box.
func (m *memory) remove(b *memoryBox, which func(e idmap.Entry) bool) (gone []imap.UID, modseq uint64) {
	m.modseq++
	var rest []idmap.Entry
	for _, e := range b.view.Entries {
		if !which(e) {
			rest = append(rest, e)
			continue
		}
		gone = append(gone, e.UID)
		delete(m.emails, e.Email)
		b.vanished = append(b.vanished, idmap.Range{First: e.UID, Last: e.UID, ModSeq: m.modseq})
	}
	return gone, m.change(b, rest, b.view.UIDNext)
}

func (m *memory) Store(_ context.Context, mailbox int64, uids []imap.UID, c idmap.FlagChange) (modified []imap.UID, modseq uint64, err error) {
	leave, err := m.enter("store")
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, 0, err
	}
	m.modseq++
	entries := slices.Clone(b.view.Entries)
	for i := range entries {
		e := &entries[i]
		if !slices.Contains(uids, e.UID) {
			continue
		}
		if c.Conditional && e.ModSeq > c.UnchangedSince {
			modified = append(modified, e.UID)
			continue
		}
		flags, keywords := applyFlags(e, &c)
		slices.Sort(keywords)
		e.Flags, e.Keywords = flags|e.Flags&idmap.Recent, slices.Clip(keywords)
		e.ModSeq = m.modseq
	}
	return modified, m.change(b, entries, b.view.UIDNext), nil
}

func (m *memory) Expunge(_ context.Context, mailbox int64, uids []imap.UID) (gone []imap.UID, modseq uint64, err error) {
	leave, err := m.enter("expunge")
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, 0, err
	}
	gone, modseq = m.remove(b, func(e idmap.Entry) bool {
		return e.Flags&idmap.Deleted != 0 && (uids == nil || slices.Contains(uids, e.UID))
	})
	return gone, modseq, nil
}

func (m *memory) Vanished(_ context.Context, mailbox int64, modseq uint64) (ranges []idmap.Range, ok bool, err error) {
	leave, err := m.enter("vanished")
	if err != nil {
		return nil, false, err
	}
	defer leave()
	b, err := m.box(mailbox)
	if err != nil {
		return nil, false, err
	}
	for _, r := range b.vanished {
		if r.ModSeq > modseq {
			ranges = append(ranges, r)
		}
	}
	return ranges, true, nil
}
