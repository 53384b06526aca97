package imapbridge

import (
	"context"
	"net/netip"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// Authenticator checks a name and password and opens the account's Backend. release is
// called when the session ends. A wrong name or password is ErrAuthenticationFailed;
// every other error is a failure of ours.
type Authenticator func(ctx context.Context, name, password string, client netip.Addr) (b Backend, release func(), err error)

// Backend is an account as IMAP sees it. Many sessions of an account share one; all
// methods may be called from many goroutines. Mailboxes are named by Mailbox, their row
// number within the account. Errors are those of package mailstore. A write returns
// when it is on disk, with the UIDs and the MODSEQ of its commit.
type Backend interface {
	// Mailboxes returns all mailboxes, ordered by path, with their numbers.
	Mailboxes(ctx context.Context) ([]idmap.Mailbox, error)
	CreateMailbox(ctx context.Context, path, role string) (idmap.Mailbox, error)
	// RenameMailbox moves the mailbox and all below it; renaming INBOX moves its
	// messages instead (RFC 3501, section 6.3.5).
	RenameMailbox(ctx context.Context, from, to string) error
	DeleteMailbox(ctx context.Context, path string) error
	// SetSubscribed keeps subscriptions by path, also for a mailbox that is not there.
	SetSubscribed(ctx context.Context, path string, subscribed bool) error
	// Subscriptions returns the subscribed paths in order.
	Subscriptions(ctx context.Context) ([]string, error)

	// Status reads one mailbox's counters.
	Status(ctx context.Context, mailbox int64) (idmap.Status, error)
	// View returns the mailbox as it is now. Readers share it.
	View(ctx context.Context, mailbox int64) (*idmap.View, error)
	// TakeRecent returns the UIDs that no session was told as \Recent yet and marks them told.
	TakeRecent(ctx context.Context, mailbox int64) (imap.UIDSet, error)
	// Watch returns a channel that gets a value, never blocking the writer, after each
	// commit that touches the mailbox, until cancel is called.
	Watch(mailbox int64) (changed <-chan struct{}, cancel func())

	// Emails returns what FETCH needs of these rows, in their order; a row that is
	// gone has Row 0.
	Emails(ctx context.Context, rows []int64) ([]idmap.Email, error)
	// Blob returns a message's exact octets. The caller does not change them.
	Blob(ctx context.Context, id string) ([]byte, error)

	// Append files messages, all or none.
	Append(ctx context.Context, mailbox int64, msgs []idmap.Append) (uids []imap.UID, modseq uint64, err error)
	// Copy copies messages (UIDs that are gone are left out) and returns the pairs of UIDs.
	Copy(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error)
	// Move is Copy and Expunge of the same UIDs in one commit.
	Move(ctx context.Context, from int64, uids []imap.UID, to int64) (src, dst []imap.UID, modseq uint64, err error)
	// Store changes flags. A message whose ModSeq is above unchangedSince (when
	// conditional) is left alone and returned in modified.
	Store(ctx context.Context, mailbox int64, uids []imap.UID, change idmap.FlagChange) (modified []imap.UID, modseq uint64, err error)
	// Expunge takes the messages with \Deleted out of the mailbox, only those among
	// uids unless uids is nil, and returns them ascending.
	Expunge(ctx context.Context, mailbox int64, uids []imap.UID) (gone []imap.UID, modseq uint64, err error)
	// Vanished returns the ranges that vanished after modseq, and ok=false if the
	// history that far back was purged.
	Vanished(ctx context.Context, mailbox int64, modseq uint64) (ranges []idmap.Range, ok bool, err error)
}
