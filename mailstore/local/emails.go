package local

import (
	"context"
	"fmt"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// Emails returns the Emails with these ids; absent ones are left out.
func (a *Account) Emails(ctx context.Context, ids []mailstore.ID) ([]mailstore.Email, error) {
	var out []mailstore.Email
	err := a.read(ctx, func(c *sqlite.Conn) error {
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			card, ok, err := idmap.FindEmail(c, string(id))
			if err != nil {
				return err
			}
			if ok {
				out = append(out, emailOf(card))
			}
		}
		return nil
	})
	if err != nil {
		return nil, a.wrap("read emails", err)
	}
	return out, nil
}

func emailOf(c idmap.Card) mailstore.Email {
	e := mailstore.Email{
		ID: mailstore.ID(c.ID), BlobID: mailstore.ID(c.BlobID), ThreadID: mailstore.ID(c.ThreadID),
		Keywords: c.Keywords, Size: c.Size, ReceivedAt: c.Received,
	}
	for _, m := range c.Mailboxes {
		e.MailboxIDs = append(e.MailboxIDs, mailstore.ID(m))
	}
	return e
}

// Blob returns the octets of a blob of this account, or ErrNotFound. A blob that
// another account has is not found either. A file that is missing or has another
// length is ErrDamagedBlob.
func (a *Account) Blob(ctx context.Context, id mailstore.ID) ([]byte, error) {
	raw, err := a.blob(ctx, string(id))
	if err != nil {
		return nil, a.wrap("read blob", err)
	}
	return raw, nil
}

func (a *Account) blob(ctx context.Context, id string) ([]byte, error) {
	var size int64
	var ok bool
	err := a.read(ctx, func(c *sqlite.Conn) (err error) {
		_, size, ok, err = idmap.FindContent(c, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("blob %.80q: %w", id, mailstore.ErrNotFound)
	}
	return readBlob(a.s.blobPath(a.id, id), size)
}
