// Package mailstore is the mail store in JMAP's terms: accounts, mailboxes with
// roles, Emails, blobs, states and the changes since a state.
//
// It is the contract of mailstore/local (SQLite and blob files) and of any JMAP
// server. Spec: RFC 8620 (core), RFC 8621 (mail).
package mailstore

import (
	"context"
	"errors"
	"time"
)

// ID names an account, mailbox, Email, thread or blob; it is opaque and never used twice.
type ID string

// State is a point in an account's history; see Account.Changes.
type State string

var (
	// ErrNotFound says that the named thing is not in this account.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a mailbox of that name is already there.
	ErrExists = errors.New("already exists")
	// ErrInvalidName says that a mailbox cannot have that name.
	ErrInvalidName = errors.New("invalid mailbox name")
	// ErrForbidden says that the act is not allowed, such as deleting the inbox.
	ErrForbidden = errors.New("not allowed")
	// ErrHasChild says that a mailbox still has mailboxes below it.
	ErrHasChild = errors.New("mailbox has children")
	// ErrOverQuota says that the account has no room for it.
	ErrOverQuota = errors.New("over quota")
	// ErrNoSpace says that the disk is below its min-free mark; it may pass.
	ErrNoSpace = errors.New("not enough free disk space")
	// ErrLimit says that an account has as many mailboxes, or a message as many keywords, as it may have.
	ErrLimit = errors.New("over a limit")
	// ErrInvalidKeyword says that a keyword is not an atom or too long.
	ErrInvalidKeyword = errors.New("invalid keyword")
	// ErrCannotCalculateChanges says that the history since a state is gone.
	ErrCannotCalculateChanges = errors.New("cannot calculate changes")
)

// Separator parts the levels of a mailbox path. A path is UTF-8; its first level INBOX is
// the inbox in any case of letters.
const Separator = "/"

// Mailbox is a JMAP Mailbox. Spec: RFC 8621, section 2.
type Mailbox struct {
	ID         ID
	Name       string // the last level of Path
	Path       string // all levels, parted by Separator
	ParentID   ID     // "" at the top
	Role       string // inbox archive drafts sent trash junk ... or ""
	Subscribed bool
	Total      int64
	Unread     int64
}

// Email is a JMAP Email's metadata. Spec: RFC 8621, section 4.1.1.
type Email struct {
	ID         ID
	BlobID     ID
	ThreadID   ID
	MailboxIDs []ID
	Keywords   []string // lower case; $seen $answered $flagged $draft and the user's
	Size       int64    // octets
	ReceivedAt time.Time
}

// Import files a message. Spec: RFC 8621, section 4.8 (Email/import).
type Import struct {
	Raw        []byte
	Mailboxes  []Filing
	ReceivedAt time.Time // zero: now
	// Key makes the import idempotent: a second import with the same non-empty Key
	// changes nothing and returns the Email of the first.
	Key string
}

// Filing is one mailbox that an imported message goes to, with its keywords there. Each
// filing makes an Email of its own on the same blob, so that flags and fate are apart.
type Filing struct {
	Path     string // made if absent and Create is set, else ErrNotFound
	Create   bool
	Keywords []string
}

// Changes says what happened to one type between two states. Spec: RFC 8620, section 5.2.
type Changes struct {
	Old, New                    State
	More                        bool
	Created, Updated, Destroyed []ID
}

// Store opens accounts. Many goroutines may use it.
type Store interface {
	// Account returns the account with this id, opening it if needed, or ErrNotFound if it
	// was removed. The caller calls release when it is done with it.
	Account(ctx context.Context, id string) (acct Account, release func(), err error)
}

// Account is one account's mail. Many goroutines may use it. A write returns when it is on disk.
type Account interface {
	Mailboxes(ctx context.Context) ([]Mailbox, State, error)
	CreateMailbox(ctx context.Context, path, role string) (Mailbox, error)
	RenameMailbox(ctx context.Context, id ID, path string) error
	DeleteMailbox(ctx context.Context, id ID) error
	SetSubscribed(ctx context.Context, id ID, subscribed bool) error

	// Metadata returns the annotations of a mailbox by their names in lower case, or those of
	// the account where the id is ""; no names means all. Spec: RFC 5464.
	Metadata(ctx context.Context, mailbox ID, names ...string) (map[string]string, error)
	// SetMetadata sets an annotation; a nil value removes it. It returns ErrInvalidName or ErrLimit
	// for what cannot be one. The annotations of a mailbox go with it.
	SetMetadata(ctx context.Context, mailbox ID, name string, value *string) error

	// Import files a message; it is durable, bytes included, when Import returns.
	Import(ctx context.Context, im Import) ([]Email, State, error)
	// Emails returns the Emails with these ids; absent ones are left out.
	Emails(ctx context.Context, ids []ID) ([]Email, error)
	// Blob returns the octets of a blob of this account.
	Blob(ctx context.Context, id ID) ([]byte, error)
	// EmailChanges returns what happened to Emails since a state, at most max ids (0: no bound).
	EmailChanges(ctx context.Context, since State, max int) (Changes, error)
	// MailboxChanges returns what happened to mailboxes since a state.
	MailboxChanges(ctx context.Context, since State, max int) (Changes, error)
}
