package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// Limits of metadata.
const (
	maxMetadata      = 1000     // entries of an account, those of its mailboxes counted
	maxMetadataName  = 255      // octets
	maxMetadataValue = 64 << 10 // octets
)

// metadataTable holds annotations by the id of their mailbox, "" for the account.
const metadataTable = `
CREATE TABLE metadata (
	mailbox TEXT NOT NULL,
	name    TEXT NOT NULL, -- lower case
	value   BLOB NOT NULL,
	PRIMARY KEY (mailbox, name)
) WITHOUT ROWID;
`

// Metadata returns the annotations of a mailbox by their names, or those of the account where
// the id is "". No names means all.
//
// Spec: RFC 5464, section 3
func (a *Account) Metadata(ctx context.Context, mailbox mailstore.ID, names ...string) (map[string]string, error) {
	out := map[string]string{}
	err := a.read(ctx, func(c *sqlite.Conn) error {
		if err := metadataOf(c, mailbox); err != nil {
			return err
		}
		rows := c.Query(`SELECT name, value FROM metadata WHERE mailbox = ?`, string(mailbox))
		for rows.Next() {
			var name, value string
			rows.Scan(&name, &value)
			out[name] = value
		}
		return rows.Close()
	})
	if err != nil {
		return nil, a.wrap("metadata", err)
	}
	if len(names) == 0 {
		return out, nil
	}
	some := map[string]string{}
	for _, n := range names {
		if v, ok := out[strings.ToLower(n)]; ok {
			some[strings.ToLower(n)] = v
		}
	}
	return some, nil
}

// SetMetadata sets an annotation of a mailbox, or of the account where the id is "". A nil value
// removes it. It returns ErrInvalidName for what is no name of an entry, and ErrLimit where there
// are too many entries, or the value is too long.
//
// Spec: RFC 5464, sections 3.1 and 4.3
func (a *Account) SetMetadata(ctx context.Context, mailbox mailstore.ID, name string, value *string) error {
	err := mailstore.CheckMetadataName(name)
	if err == nil && len(name) > maxMetadataName {
		err = fmt.Errorf("%w: more than %d octets", mailstore.ErrInvalidName, maxMetadataName)
	}
	if err == nil && value != nil && len(*value) > maxMetadataValue {
		err = fmt.Errorf("%w: a value of %d octets", mailstore.ErrLimit, len(*value))
	}
	if err != nil {
		return a.wrap("set metadata", err)
	}
	name = strings.ToLower(name)
	err = a.change(ctx, func(_ *idmap.Change, tx *sqlite.Tx) error {
		if err := metadataOf(tx.Conn, mailbox); err != nil {
			return err
		}
		if value == nil {
			_, err := tx.Exec(`DELETE FROM metadata WHERE mailbox = ? AND name = ?`, string(mailbox), name)
			return err
		}
		if _, err := tx.Exec(`INSERT OR REPLACE INTO metadata (mailbox, name, value) VALUES (?, ?, ?)`, string(mailbox), name, []byte(*value)); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM metadata`).Scan(&n); err != nil {
			return err
		}
		if n > maxMetadata {
			return fmt.Errorf("%w: %d annotations", mailstore.ErrLimit, n-1)
		}
		return nil
	})
	return a.wrap("set metadata", err)
}

// metadataOf checks that there is a mailbox of that id.
func metadataOf(c *sqlite.Conn, mailbox mailstore.ID) error {
	if mailbox == "" {
		return nil
	}
	_, err := idmap.FindID(c, string(mailbox))
	return err
}

// dropMetadata removes the annotations of a mailbox.
func dropMetadata(tx *sqlite.Tx, mailbox string) error {
	_, err := tx.Exec(`DELETE FROM metadata WHERE mailbox = ?`, mailbox)
	return err
}
