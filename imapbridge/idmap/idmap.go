// Package idmap keeps what IMAP needs and JMAP lacks, per account and mailbox: UID to
// Email, UIDVALIDITY, UIDNEXT, MODSEQ, HIGHESTMODSEQ, \Deleted and \Recent, and the
// vanished UIDs.
//
// Its operations work inside a *sqlite.Tx that is handed in, so that with the
// embedded store a message, its UID and its MODSEQ are one commit. One write
// transaction takes one MODSEQ of the account and stamps all rows that it touches.
package idmap

import (
	"time"

	"github.com/emersion/go-imap/v2"
)

// Flags is a set of system flags.
type Flags uint8

// The system flags. Deleted and Recent belong to a message's place in a mailbox,
// the others to the Email.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Draft
	Deleted
	Recent
)

// Entry is a message in a mailbox.
type Entry struct {
	UID      imap.UID
	Email    int64 // the Email's row number within the account
	ModSeq   uint64
	Size     int64 // octets, RFC822.SIZE
	Flags    Flags
	Keywords []string // ascending, shared: never changed; spelled as first set
}

// View is a mailbox at one moment, shared by many readers and never changed.
type View struct {
	Mailbox       int64
	UIDValidity   uint32
	UIDNext       imap.UID
	HighestModSeq uint64
	VanishedFloor uint64 // removals at or below this MODSEQ are forgotten
	Entries       []Entry
}

// Status is a mailbox's counters, read from one row.
type Status struct {
	Messages, Unseen, Deleted, Recent uint32
	Octets                            int64
	UIDValidity                       uint32
	UIDNext                           imap.UID
	HighestModSeq                     uint64
}

// Email is what FETCH needs of an Email beside its flags.
type Email struct {
	Row           int64  // Entry.Email
	ID            string // JMAP id, EMAILID
	ThreadID      string
	BlobID        string
	Size          int64
	Received      time.Time // INTERNALDATE
	Envelope      []byte    // wire form
	BodyStructure []byte    // wire form, with extension data
	Body          []byte    // wire form, without extension data (FETCH BODY)
}

// Range is a run of UIDs that vanished together.
type Range struct {
	First, Last imap.UID
	ModSeq      uint64
}

// Mailbox is a mailbox with its number.
type Mailbox struct {
	Number     int64  // row number within the account
	ID         string // JMAP id, MAILBOXID
	Path       string // UTF-8, levels parted by "/"
	Role       string // inbox archive drafts sent trash junk ... or ""
	Subscribed bool
}

// Append is one message of APPEND.
type Append struct {
	Raw      []byte
	Flags    Flags
	Keywords []string
	Received time.Time // zero: now
}

// FlagOp says what FlagChange does with its flags.
type FlagOp uint8

// The ways of STORE.
const (
	FlagsReplace FlagOp = iota
	FlagsAdd
	FlagsRemove
)

// FlagChange is what STORE asks for.
type FlagChange struct {
	Op             FlagOp
	Flags          Flags // Recent is never changed
	Keywords       []string
	Conditional    bool
	UnchangedSince uint64
}
