package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// tables are this package's own, beside those of idmap.
const tables = `
CREATE TABLE local (
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	created   INTEGER NOT NULL,          -- when this file was made, Unix seconds
	log_floor INTEGER NOT NULL DEFAULT 0 -- changes up to this MODSEQ are folded
);

CREATE TABLE changelog (
	modseq INTEGER NOT NULL,
	n      INTEGER NOT NULL, -- within the commit, from 1
	type   INTEGER NOT NULL, -- 1 Email, 2 mailbox
	op     INTEGER NOT NULL, -- idmap.Op
	id     TEXT    NOT NULL,
	PRIMARY KEY (modseq, n)
) WITHOUT ROWID;

CREATE TABLE applied (               -- keys of imports, see mailstore.Import
	key    TEXT    NOT NULL,
	n      INTEGER NOT NULL,         -- which filing
	email  TEXT    NOT NULL,
	blob   TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (key, n)
) WITHOUT ROWID;
`

var schema = []string{idmap.Schema + tables, metadataTable}

// usual are the mailboxes that a new account has, subscribed.
var usual = []struct{ path, role string }{
	{"INBOX", "inbox"}, {"Drafts", "drafts"}, {"Sent", "sent"}, {"Trash", "trash"}, {"Junk", "junk"}, {"Archive", "archive"},
}

// Account is one account's mail. Many goroutines may use it. As JMAP sees it, it is a
// mailstore.Account; as IMAP sees it, it is its Backend.
type Account struct {
	id      string
	s       *Store
	db      *sqlite.DB
	views   *idmap.Views
	created time.Time
	hidden  atomic.Bool // removed; nothing works any more

	watchMu  sync.Mutex
	watchers map[int64]map[chan struct{}]bool
}

var _ mailstore.Account = (*Account)(nil)

func (s *Store) openAccount(ctx context.Context, id string) (*Account, error) {
	if s.wasRemoved(id) {
		return nil, fmt.Errorf("account was removed: %w", mailstore.ErrNotFound)
	}
	return s.openFile(ctx, id)
}

// openFile opens the account's database, and makes it ready if it is new.
func (s *Store) openFile(ctx context.Context, id string) (*Account, error) {
	db, err := sqlite.Open(ctx, s.dbPath(id), sqlite.Options{Schema: schema, Logger: s.log})
	if err != nil {
		return nil, err
	}
	s.stats.opened.Add(1)
	a := &Account{id: id, s: s, db: db, views: idmap.NewViews(db), watchers: make(map[int64]map[chan struct{}]bool)}
	if err := a.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// prepare makes the mailboxes of a new account and reads when it was made.
func (a *Account) prepare(ctx context.Context) error {
	var created int64
	read := func(c *sqlite.Conn) error { return c.QueryRow(`SELECT created FROM local WHERE id = 1`).Scan(&created) }
	err := a.db.ReadOnce(ctx, read)
	if errors.Is(err, sqlite.ErrNoRows) {
		err = a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
			if _, err := tx.Exec(`INSERT INTO local (id, created) VALUES (1, ?)`, a.s.o.Now().Unix()); err != nil {
				return err
			}
			for _, m := range usual {
				if _, err := c.CreateMailbox(a.s.newID('m'), m.path, m.role); err != nil {
					return err
				}
				if _, err := idmap.SetSubscribed(tx, m.path, true); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = a.db.ReadOnce(ctx, read)
		}
	}
	a.created = time.Unix(created, 0)
	return err
}

func (a *Account) close() error { return a.db.Close() }

// ID returns the account's id.
func (a *Account) ID() string { return a.id }

// change runs fn in one commit. When it returns nil, the commit is on disk, the change
// log has it, and whoever watches a mailbox that it touched is told.
func (a *Account) change(ctx context.Context, fn func(*idmap.Change, *sqlite.Tx) error) error {
	if a.hidden.Load() {
		return fmt.Errorf("account was removed: %w", mailstore.ErrNotFound)
	}
	return a.db.Write(ctx, func(tx *sqlite.Tx) error {
		c := idmap.NewChange(tx, a.s.o.Now())
		if err := fn(c, tx); err != nil {
			return err
		}
		r, err := c.Finish()
		if err != nil {
			return err
		}
		if err := logChanges(tx, r); err != nil {
			return err
		}
		if len(r.Touched) > 0 {
			tx.OnCommit(func() { a.notify(r.Touched) })
		}
		return nil
	})
}

// read runs fn on a snapshot.
func (a *Account) read(ctx context.Context, fn func(*sqlite.Conn) error) error {
	if a.hidden.Load() {
		return fmt.Errorf("account was removed: %w", mailstore.ErrNotFound)
	}
	return a.db.Read(ctx, fn)
}

// notify makes the views of mailboxes stale and wakes their watchers.
func (a *Account) notify(mailboxes []int64) {
	a.views.Changed(mailboxes)
	a.watchMu.Lock()
	defer a.watchMu.Unlock()
	for _, mb := range mailboxes {
		for ch := range a.watchers[mb] {
			select {
			case ch <- struct{}{}:
			default: // it has a wake-up waiting
			}
		}
	}
}

// wrap names the room and the act, and turns idmap's errors into mailstore's.
func (a *Account) wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	for _, p := range translations {
		if errors.Is(err, p.from) {
			return fmt.Errorf("mailstore/local: %s: %w: %w", act, p.to, err)
		}
	}
	if noSpace(err) {
		return fmt.Errorf("mailstore/local: %s: %w: %w", act, mailstore.ErrNoSpace, err)
	}
	return fmt.Errorf("mailstore/local: %s: %w", act, err)
}

var translations = []struct{ from, to error }{
	{idmap.ErrNotFound, mailstore.ErrNotFound},
	{idmap.ErrExists, mailstore.ErrExists},
	{idmap.ErrKeyword, mailstore.ErrInvalidKeyword},
	{idmap.ErrTooManyKeywords, mailstore.ErrLimit},
	{idmap.ErrFull, mailstore.ErrLimit},
}
