package local

import (
	"context"
	"fmt"
	"sync"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// Backend is an account as the IMAP bridge wants it: imapbridge.Backend. It is a type
// of its own since JMAP and IMAP give the same names to other methods. Many goroutines
// may use it, as long as the account is not released.
type Backend struct{ a *Account }

// Backend returns the account as the IMAP bridge wants it.
func (a *Account) Backend() *Backend { return &Backend{a} }

// Account returns the account as JMAP sees it.
func (b *Backend) Account() *Account { return b.a }

// Mailboxes returns all mailboxes, INBOX first, then ordered by path.
func (b *Backend) Mailboxes(ctx context.Context) ([]idmap.Mailbox, error) {
	list, err := b.a.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]idmap.Mailbox, len(list))
	for i, l := range list {
		out[i] = l.Mailbox
	}
	return out, nil
}

// CreateMailbox makes a mailbox and those above it that are missing. A separator at
// the end of the path is left out (RFC 3501, section 6.3.3).
func (b *Backend) CreateMailbox(ctx context.Context, path, role string) (idmap.Mailbox, error) {
	return b.a.createMailbox(ctx, path, role)
}

// RenameMailbox moves the mailbox and all below it. Renaming INBOX moves its messages
// to a new mailbox and leaves what is below it (RFC 3501, section 6.3.5).
func (b *Backend) RenameMailbox(ctx context.Context, from, to string) error {
	from, err := cleanPath(from)
	if err == nil {
		to, err = cleanPath(to)
	}
	if err != nil {
		return b.a.wrap("rename mailbox", err)
	}
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		m, err := idmap.Find(tx.Conn, from)
		if err != nil {
			return err
		}
		if m.Role != "inbox" {
			return b.a.rename(c, tx, m, to)
		}
		n, err := b.a.make(c, tx, to, "")
		if err != nil {
			return err
		}
		_, _, err = c.Move(m.Number, nil, n.Number)
		return err
	})
	return b.a.wrap("rename mailbox", err)
}

// DeleteMailbox removes the mailbox with its messages. It returns ErrForbidden for
// INBOX and ErrHasChild if there are mailboxes below it.
func (b *Backend) DeleteMailbox(ctx context.Context, path string) error {
	path, err := cleanPath(path)
	if err != nil {
		return b.a.wrap("delete mailbox", err)
	}
	return b.a.deleteMailbox(ctx, func(c *sqlite.Conn) (idmap.Mailbox, error) { return idmap.Find(c, path) })
}

// SetSubscribed keeps subscriptions by path, also for a mailbox that is not there.
func (b *Backend) SetSubscribed(ctx context.Context, path string, subscribed bool) error {
	path, err := cleanPath(path)
	if err != nil {
		return b.a.wrap("subscribe", err)
	}
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		if subscribed {
			var n int
			if err := tx.QueryRow(`SELECT count(*) FROM subscription`).Scan(&n); err != nil {
				return err
			}
			if n >= 2*b.a.s.o.MaxMailboxes {
				return fmt.Errorf("%w: %d subscriptions", mailstore.ErrLimit, n)
			}
		}
		return subscribe(c, tx, path, subscribed)
	})
	return b.a.wrap("subscribe", err)
}

// Subscriptions returns the subscribed paths in the order of Mailboxes.
func (b *Backend) Subscriptions(ctx context.Context) (paths []string, err error) {
	err = b.a.read(ctx, func(c *sqlite.Conn) (err error) {
		paths, err = idmap.Subscriptions(c)
		return err
	})
	return paths, b.a.wrap("subscriptions", err)
}

// Status reads one mailbox's counters from its row.
func (b *Backend) Status(ctx context.Context, mailbox int64) (s idmap.Status, err error) {
	err = b.a.read(ctx, func(c *sqlite.Conn) (err error) {
		s, err = idmap.ReadStatus(c, mailbox)
		return err
	})
	return s, b.a.wrap("status", err)
}

// View returns the mailbox as it is now. Readers share it. \Recent stands on the
// entries that no session took yet.
func (b *Backend) View(ctx context.Context, mailbox int64) (*idmap.View, error) {
	if b.a.hidden.Load() {
		return nil, b.a.wrap("view", mailstore.ErrNotFound)
	}
	v, err := b.a.views.Get(ctx, mailbox)
	return v, b.a.wrap("view", err)
}

// TakeRecent returns the UIDs that no session was told as \Recent yet and marks them
// told. It writes only if there are some.
func (b *Backend) TakeRecent(ctx context.Context, mailbox int64) (set imap.UIDSet, err error) {
	s, err := b.Status(ctx, mailbox)
	if err != nil || s.Recent == 0 {
		return nil, err
	}
	err = b.a.change(ctx, func(c *idmap.Change, _ *sqlite.Tx) (err error) {
		set, err = c.TakeRecent(mailbox)
		return err
	})
	return set, b.a.wrap("take recent", err)
}

// Watch returns a channel that gets a value after each commit that touches the
// mailbox, until cancel is called. Commits that come before the value is taken are one.
func (b *Backend) Watch(mailbox int64) (changed <-chan struct{}, cancel func()) {
	a := b.a
	ch := make(chan struct{}, 1)
	a.watchMu.Lock()
	defer a.watchMu.Unlock()
	if a.watchers[mailbox] == nil {
		a.watchers[mailbox] = make(map[chan struct{}]bool)
	}
	a.watchers[mailbox][ch] = true
	return ch, sync.OnceFunc(func() {
		a.watchMu.Lock()
		defer a.watchMu.Unlock()
		delete(a.watchers[mailbox], ch)
		if len(a.watchers[mailbox]) == 0 {
			delete(a.watchers, mailbox)
		}
	})
}

// Emails returns what FETCH needs of these rows, in their order; a row that is gone
// has Row 0.
func (b *Backend) Emails(ctx context.Context, rows []int64) (out []idmap.Email, err error) {
	err = b.a.read(ctx, func(c *sqlite.Conn) (err error) {
		out, err = idmap.Emails(c, rows)
		return err
	})
	return out, b.a.wrap("read emails", err)
}

// Blob returns a message's exact octets.
func (b *Backend) Blob(ctx context.Context, id string) ([]byte, error) {
	return b.a.Blob(ctx, mailstore.ID(id))
}

// Append files messages, all or none.
func (b *Backend) Append(ctx context.Context, mailbox int64, msgs []idmap.Append) (uids []imap.UID, modseq uint64, err error) {
	a := b.a
	if _, err := b.Status(ctx, mailbox); err != nil {
		return nil, 0, err // before anything is written
	}
	raws := make([][]byte, len(msgs))
	for i, m := range msgs {
		raws[i] = m.Raw
	}
	ready, release, err := a.stage(ctx, raws)
	if err != nil {
		return nil, 0, a.wrap("append", err)
	}
	defer func() { release(err == nil) }()
	err = a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		uids = uids[:0]
		for i, m := range msgs {
			cid, err := ready[i].content(c, tx)
			if err != nil {
				return err
			}
			e := idmap.NewEmail{
				ID: a.s.newID('e'), ThreadID: ready[i].thread, Content: cid,
				Received: received(m.Received, a.s.o.Now()), Flags: m.Flags, Keywords: m.Keywords,
			}
			if e.ThreadID == "" {
				e.ThreadID = "t" + e.ID[1:]
			}
			uid, _, err := c.Add(mailbox, e)
			if err != nil {
				return err
			}
			uids = append(uids, uid)
		}
		modseq, err = current(c, tx, mailbox)
		return err
	})
	if err != nil {
		return nil, 0, a.wrap("append", err)
	}
	a.s.stats.imports.Add(int64(len(uids)))
	return uids, modseq, nil
}

// Copy copies messages and returns the pairs of UIDs. Each copy is an Email of its own
// on the same blob.
func (b *Backend) Copy(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error) {
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		src, dst, err = c.Copy(from, uids, to, func() string { return b.a.s.newID('e') })
		if err != nil {
			return err
		}
		modseq, err = current(c, tx, to)
		return err
	})
	if err != nil {
		return nil, nil, 0, b.a.wrap("copy", err)
	}
	return src, dst, modseq, nil
}

// Move moves messages in one commit; an Email keeps its id. It returns the pairs of UIDs.
func (b *Backend) Move(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error) {
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		src, dst, err = c.Move(from, append([]imap.UID{}, uids...), to) // nil would be all
		if err != nil {
			return err
		}
		modseq, err = current(c, tx, from)
		return err
	})
	if err != nil {
		return nil, nil, 0, b.a.wrap("move", err)
	}
	return src, dst, modseq, nil
}

// Store changes flags; see idmap.Change.Store.
func (b *Backend) Store(ctx context.Context, mailbox int64, uids []imap.UID, f idmap.FlagChange) (modified []imap.UID, modseq uint64, err error) {
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		if modified, err = c.Store(mailbox, uids, f); err != nil {
			return err
		}
		modseq, err = current(c, tx, mailbox)
		return err
	})
	if err != nil {
		return nil, 0, b.a.wrap("store", err)
	}
	return modified, modseq, nil
}

// Expunge takes the messages with \Deleted out of the mailbox, only those among uids
// unless uids is nil, and returns them ascending.
func (b *Backend) Expunge(ctx context.Context, mailbox int64, uids []imap.UID) (gone []imap.UID, modseq uint64, err error) {
	err = b.a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		if gone, err = c.Expunge(mailbox, uids); err != nil {
			return err
		}
		modseq, err = current(c, tx, mailbox)
		return err
	})
	if err != nil {
		return nil, 0, b.a.wrap("expunge", err)
	}
	return gone, modseq, nil
}

// Vanished returns the ranges that vanished after modseq, and ok=false if the history
// that far back was purged.
func (b *Backend) Vanished(ctx context.Context, mailbox int64, modseq uint64) (ranges []idmap.Range, ok bool, err error) {
	err = b.a.read(ctx, func(c *sqlite.Conn) (err error) {
		ranges, ok, err = idmap.Vanished(c, mailbox, modseq)
		return err
	})
	return ranges, ok, b.a.wrap("vanished", err)
}

// current returns the MODSEQ that the running commit took, or the mailbox's highest if
// it changed nothing.
func current(c *idmap.Change, tx *sqlite.Tx, mailbox int64) (uint64, error) {
	if n := c.Taken(); n != 0 {
		return n, nil
	}
	s, err := idmap.ReadStatus(tx.Conn, mailbox)
	return s.HighestModSeq, err
}
