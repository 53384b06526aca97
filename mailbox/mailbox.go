// Package mailbox reads and changes mailboxes that other programs own: a Maildir with the
// folders below it (Maildir++), and an mbox file.
//
//	OpenMaildir ─┐                        ┌─ Message.Mail   the header now, the body when it is asked for
//	OpenMbox ────┴─ Source ── Read(i) ────┴─ Message.Flags
//	                  │
//	                  └─ Begin, Resume ── Run ── Change ... Commit ... Finish      journal and files
//	                                                                   └─ Undo
//
// What it promises:
//
//   - Nothing in a mailbox stops a program that walks over it: what is no message, or cannot
//     be read, is an error of that message.
//   - What is to be changed stands in the journal, on disk, before it is done. Each step
//     can be done again, and says under which name it puts a file, so that after kill -9
//     the same run goes on where it stood: no message is lost and none is doubled.
//   - A message is never copied or written over: it is renamed, linked, or laid aside. Undo
//     puts everything back under the names that it had.
//
// Spec: https://cr.yp.to/proto/maildir.html; Maildir++ (Courier); RFC 4155 (mbox).
package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluice-mail/sluice/mail"
)

// How much of one message is read.
const (
	// MaxHeader is the most octets that are read to find the end of a header.
	MaxHeader = 16 << 20
	// MaxBody is the size of the largest message whose body can be looked at.
	MaxBody = 256 << 20
	// bigBody is the size from which on bodies are read one at a time.
	bigBody = 16 << 20
)

// ErrVanished says that a message was there when the mailbox was listed, and is not now.
var ErrVanished = errors.New("the message is gone: another program moved or removed it")

// Source is a mailbox whose messages were listed. Read may be called by many goroutines.
type Source interface {
	// Len returns the number of messages, and of what lies among them and is none.
	Len() int
	// Label returns where a message is, for people: the name of its file inside the
	// mailbox, which may hold any octets, or its number and place in an mbox.
	Label(i int) string
	// Read opens a message and reads its header.
	Read(i int) (*Message, error)
	// Here returns the folder that the messages are in, as Resolve returns it.
	Here() string
	// Resolve returns the folder that a mailbox name stands for; its levels are parted by
	// separator. There may be no such folder. INBOX is the mailbox that all others are beside.
	Resolve(name, separator string) (folder string, err error)
	// HasFolder says whether a folder was there when the mailbox was opened.
	HasFolder(folder string) bool
	// Close releases what Source holds.
	Close() error
}

// Message is an open message of a mailbox. It belongs to one goroutine.
type Message struct {
	Mail *mail.Message
	// From is the sender of an mbox's From_ line; nil: there is none.
	From *string

	fd      int // -1: nothing is open
	size    int64
	err     error
	release func()
	flags   func() []string
}

// Err returns the error that reading the body met; the message is its header alone then.
func (m *Message) Err() error { return m.err }

// Flags returns the IMAP flags that the message has.
func (m *Message) Flags() []string { return m.flags() }

// Close gives up the message: nothing of it may be used any more.
func (m *Message) Close() {
	if m.fd >= 0 {
		closeFD(m.fd)
		m.fd = -1
	}
	if m.release != nil {
		m.release()
		m.release = nil
	}
}

// Open opens the Maildir, the folder of one, or the mbox at path, and lists its messages.
func Open(path string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return OpenMaildir(path)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is neither a folder nor a file", path)
	}
	return OpenMbox(path)
}

// isDir says whether there is a folder, or a link to one, of that name.
func isDir(elem ...string) bool {
	info, err := os.Stat(filepath.Join(elem...))
	return err == nil && info.IsDir()
}
