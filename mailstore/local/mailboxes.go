package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// Mailboxes returns all mailboxes, INBOX first, then by path, and the state that they are of.
func (a *Account) Mailboxes(ctx context.Context) ([]mailstore.Mailbox, mailstore.State, error) {
	var list []idmap.Listing
	var modseq uint64
	err := a.read(ctx, func(c *sqlite.Conn) (err error) {
		if modseq, err = idmap.ModSeq(c); err != nil {
			return err
		}
		list, err = idmap.List(c)
		return err
	})
	if err != nil {
		return nil, "", a.wrap("list mailboxes", err)
	}
	ids := make(map[string]mailstore.ID, len(list))
	for _, l := range list {
		ids[l.Path] = mailstore.ID(l.Mailbox.ID)
	}
	out := make([]mailstore.Mailbox, len(list))
	for i, l := range list {
		out[i] = mailstore.Mailbox{
			ID: mailstore.ID(l.Mailbox.ID), Name: lastLevel(l.Path), Path: l.Path, ParentID: ids[parentPath(l.Path)],
			Role: l.Role, Subscribed: l.Subscribed, Total: int64(l.Messages), Unread: int64(l.Unseen),
		}
	}
	return out, state(modseq), nil
}

// List returns all mailboxes with the counters that IMAP has of them.
func (a *Account) List(ctx context.Context) (list []idmap.Listing, err error) {
	err = a.read(ctx, func(c *sqlite.Conn) (err error) {
		list, err = idmap.List(c)
		return err
	})
	return list, a.wrap("list mailboxes", err)
}

// CreateMailbox makes a mailbox, and those above it that are missing.
func (a *Account) CreateMailbox(ctx context.Context, path, role string) (mailstore.Mailbox, error) {
	m, err := a.createMailbox(ctx, path, role)
	if err != nil {
		return mailstore.Mailbox{}, err
	}
	all, _, err := a.Mailboxes(ctx)
	if err != nil {
		return mailstore.Mailbox{}, err
	}
	for _, b := range all {
		if string(b.ID) == m.ID {
			return b, nil
		}
	}
	return mailstore.Mailbox{}, a.wrap("create mailbox", mailstore.ErrNotFound) // deleted at once
}

func (a *Account) createMailbox(ctx context.Context, path, role string) (m idmap.Mailbox, err error) {
	role = strings.ToLower(role)
	path, err = cleanPath(path)
	if err == nil && role != "" && (role == "inbox" || !roles[role]) {
		err = fmt.Errorf("%w: role %.64q", mailstore.ErrForbidden, role)
	}
	if err != nil {
		return idmap.Mailbox{}, a.wrap("create mailbox", err)
	}
	err = a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		m, err = a.make(c, tx, path, role)
		return err
	})
	return m, a.wrap("create mailbox", err)
}

// make makes a mailbox and those above it that are missing, in the running commit.
func (a *Account) make(c *idmap.Change, tx *sqlite.Tx, path, role string) (idmap.Mailbox, error) {
	if up := parentPath(path); up != "" {
		_, err := idmap.Find(tx.Conn, up)
		if errors.Is(err, idmap.ErrNotFound) {
			_, err = a.make(c, tx, up, "")
		}
		if err != nil {
			return idmap.Mailbox{}, err
		}
	}
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM mailbox`).Scan(&n); err != nil {
		return idmap.Mailbox{}, err
	}
	if n >= a.s.o.MaxMailboxes {
		return idmap.Mailbox{}, fmt.Errorf("%w: %d mailboxes", mailstore.ErrLimit, n)
	}
	m, err := c.CreateMailbox(a.s.newID('m'), path, role)
	if err != nil {
		return idmap.Mailbox{}, err
	}
	// Its path may be subscribed from before.
	return idmap.Find(tx.Conn, m.Path)
}

// RenameMailbox moves a mailbox and all below it. The inbox cannot be moved.
func (a *Account) RenameMailbox(ctx context.Context, id mailstore.ID, path string) error {
	path, err := cleanPath(path)
	if err != nil {
		return a.wrap("rename mailbox", err)
	}
	err = a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		m, err := idmap.FindID(tx.Conn, string(id))
		if err != nil {
			return err
		}
		if m.Role == "inbox" {
			return fmt.Errorf("%w: the inbox", mailstore.ErrForbidden)
		}
		return a.rename(c, tx, m, path)
	})
	return a.wrap("rename mailbox", err)
}

func (a *Account) rename(c *idmap.Change, tx *sqlite.Tx, m idmap.Mailbox, to string) error {
	if _, err := idmap.Find(tx.Conn, to); err == nil {
		return mailstore.ErrExists
	} else if !errors.Is(err, idmap.ErrNotFound) {
		return err
	}
	if strings.HasPrefix(to, m.Path+mailstore.Separator) {
		return fmt.Errorf("%w: it would be below itself", mailstore.ErrInvalidName)
	}
	if up := parentPath(to); up != "" {
		if _, err := idmap.Find(tx.Conn, up); errors.Is(err, idmap.ErrNotFound) {
			if _, err := a.make(c, tx, up, ""); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	list, err := below(tx.Conn, m.Path)
	if err != nil {
		return err
	}
	for _, b := range append(list, m) {
		path, err := cleanPath(to + b.Path[len(m.Path):]) // it may have become too long
		if err != nil {
			return err
		}
		if err := c.SetPath(b.Number, path); err != nil {
			return err
		}
		if !b.Subscribed {
			continue
		}
		// A subscription that a user made is never ended but by the user (RFC 3501, section 6.3.9).
		if _, err := idmap.SetSubscribed(tx, path, true); err != nil {
			return err
		}
	}
	return nil
}

// below returns the mailboxes below a path, at any depth.
func below(c *sqlite.Conn, path string) ([]idmap.Mailbox, error) {
	var out []idmap.Mailbox
	rows := c.Query(`SELECT mb, id, m.path, role, s.path IS NOT NULL
		FROM mailbox AS m LEFT JOIN subscription AS s ON s.path = m.path
		WHERE m.path > ? AND m.path < ?`, path+"/", path+"0") // "0" comes behind "/"
	for rows.Next() {
		var m idmap.Mailbox
		rows.Scan(&m.Number, &m.ID, &m.Path, &m.Role, &m.Subscribed)
		out = append(out, m)
	}
	return out, rows.Close()
}

// DeleteMailbox removes a mailbox; Emails that are in no other are destroyed. It returns
// ErrForbidden for the inbox and ErrHasChild if there are mailboxes below it.
func (a *Account) DeleteMailbox(ctx context.Context, id mailstore.ID) error {
	return a.deleteMailbox(ctx, func(c *sqlite.Conn) (idmap.Mailbox, error) { return idmap.FindID(c, string(id)) })
}

func (a *Account) deleteMailbox(ctx context.Context, find func(*sqlite.Conn) (idmap.Mailbox, error)) error {
	err := a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		m, err := find(tx.Conn)
		if err != nil {
			return err
		}
		if m.Role == "inbox" {
			return fmt.Errorf("%w: the inbox", mailstore.ErrForbidden)
		}
		children, err := below(tx.Conn, m.Path)
		if err != nil {
			return err
		}
		if len(children) > 0 {
			return mailstore.ErrHasChild
		}
		if err := dropMetadata(tx, m.ID); err != nil {
			return err
		}
		return c.RemoveMailbox(m.Number)
	})
	return a.wrap("delete mailbox", err)
}

// SetSubscribed says whether a mailbox is to be shown to clients that ask for the subscribed ones.
func (a *Account) SetSubscribed(ctx context.Context, id mailstore.ID, subscribed bool) error {
	err := a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) error {
		m, err := idmap.FindID(tx.Conn, string(id))
		if err != nil {
			return err
		}
		return subscribe(c, tx, m.Path, subscribed)
	})
	return a.wrap("subscribe", err)
}

func subscribe(c *idmap.Change, tx *sqlite.Tx, path string, subscribed bool) error {
	changed, err := idmap.SetSubscribed(tx, path, subscribed)
	if err != nil || !changed {
		return err
	}
	m, err := idmap.Find(tx.Conn, path)
	if errors.Is(err, idmap.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.MailboxUpdated(m.ID)
}
